package store

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// TestNumbersOfRemovedEventsAreKeptTwice purges the newest events of a stream and
// all of another, and a third's are lost with their segment; then it destroys one
// of the journals that know their last numbers, or the manifest with it: the
// numbers go on. With both journals gone it is told that they may not.
func TestNumbersOfRemovedEventsAreKeptTwice(t *testing.T) {
	tests := map[string]struct {
		damage []string // beginnings of names
		known  bool
	}{
		"the journal of streams":   {[]string{streamsName}, true},
		"the second journal":       {[]string{numbersName}, true},
		"the manifest":             {[]string{manifestName}, true},
		"the manifest and streams": {[]string{manifestName, streamsName}, true},
		"both journals":            {[]string{streamsName, numbersName}, false},
	}
	for name, tt := range tests {
		for _, how := range []string{"missing", "empty", "header", "garbage"} {
			t.Run(name+" "+how, func(t *testing.T) {
				fs := vfstest.New()
				o, got := reports(fs)
				l, last := shortened(t, o)
				dir := path.Dir(path.Dir(segmentsOf(t, l, "app")[0]))
				closeLog(t, l)
				for _, file := range filesIn(t, fs, "/data/log") {
					for _, part := range tt.damage {
						if at := path.Dir(file); strings.HasPrefix(path.Base(file), part) && (at == dir || at == "/data/log") {
							ruin(t, fs, file, how)
						}
					}
				}
				l = open(t, "/data", o)
				told := strings.Contains(fmt.Sprint(critical(*got)), "go on after the newest event that is left")
				if !told && !tt.known && how != "header" || told && len(tt.damage) == 1 {
					t.Errorf("told that numbers may be lost: %t; reported: %v", told, *got)
				}
				for stream, number := range last {
					d := sample(0)
					d.StreamID = stream
					if r := appendTo(t, l, "app", d); (tt.known || how == "header") && r[0].SequenceNumber != number+1 {
						t.Errorf("stream %q goes on with %d after %d; reported: %v", stream, r[0].SequenceNumber, number, *got)
					}
				}
			})
		}
	}
}

// shortened is a log whose segments do not have the newest events of its streams,
// and the last numbers of these.
func shortened(t *testing.T, o Options) (*Log, map[string]int64) {
	t.Helper()
	l := open(t, "/data", o)
	create(t, l, "app")
	last := map[string]int64{"cut": 4, "gone": 5, "lost": 7, "whole": 3}
	for _, stream := range []string{"cut", "gone", "whole", "lost"} {
		events := samples(int(last[stream]))
		for i := range events {
			events[i].StreamID = stream
		}
		appendTo(t, l, "app", events...)
		seal(t, l)
	}
	segments := segmentsOf(t, l, "app")
	fs := o.FS.(*vfstest.FS)
	check(t, fs.Remove(segments[3]))
	if r := verify(t, l); len(r.Problems) == 0 {
		t.Error("a missing segment is not found")
	}
	if _, err := l.Purge(t.Context(), "app", condition(t, `{"or":[{"field":"position","operator":"in","value":[3,4]},{"field":"stream_id","operator":"eq","value":"gone"}]}`), false); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	return open(t, "/data", o), last
}

// TestSecondJournalForgetsNothing opens it where the first one knows less.
func TestSecondJournalForgetsNothing(t *testing.T) {
	o, _ := reports(vfstest.New())
	l, last := shortened(t, o)
	in := instancesOf(t, l, "app")[0]
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	gone, _ := in.findStream("gone")
	for range 2 {
		in.mu.Lock()
		s := in.streams.at(gone)
		s.last, s.numbers = 1, 1
		in.mu.Unlock()
		in.numbers = nil
		check(t, l.openNumbers(in))
		check(t, l.keepNumbers(in, in.allSealedNumbers()))
		if _, whole, err := l.numbersAgain(in); !whole || err != nil {
			t.Error(whole, err)
		}
		if got := in.streams.at(gone).numbers; got != last["gone"] {
			t.Errorf("the last number is %d, want %d", got, last["gone"])
		}
	}
}

// ruin damages a file.
func ruin(t *testing.T, fs *vfstest.FS, file, how string) {
	t.Helper()
	data, err := vfs.ReadFile(fs, file)
	check(t, err)
	switch how {
	case "missing":
		check(t, fs.Remove(file))
		return
	case "empty":
		data = nil
	case "header":
		clear(data[:min(1024, len(data))])
	case "garbage":
		for i := range data {
			data[i] = 0xa5
		}
	}
	check(t, vfs.WriteFile(fs, file, data))
}

// TestNobodyKnowsTheIdentity destroys the headers of the write-ahead log and of
// the manifest: what is readable of either is served, the rest told.
func TestNobodyKnowsTheIdentity(t *testing.T) {
	for _, manifest := range []string{"header", "garbage", "empty", "missing"} {
		for _, log := range []string{"header", "garbage", "empty", "missing"} {
			t.Run(manifest+" and "+log, func(t *testing.T) {
				fs := vfstest.New()
				o, got := reports(fs)
				l := layered(t, o)
				before := all(t, l, "app")
				closeLog(t, l)
				files := filesIn(t, fs, "/data/log")
				for _, file := range files {
					switch placeOf(file) {
					case "manifest":
						if path.Base(file) != lockFile {
							ruin(t, fs, file, manifest)
						}
					case "wal":
						ruin(t, fs, file, log)
					}
				}
				kept := contentsOf(files, fs)
				l = open(t, "/data", o)
				instance := "app"
				if _, err := l.Instance(instance); err != nil {
					instance = "recovered-" + before[0].InstanceID
				}
				want := before
				if log != "header" {
					want = before[:60] // what is sealed
				}
				now := all(t, l, instance)
				if len(now) != len(want) || now[len(now)-1].ID != want[len(want)-1].ID {
					t.Errorf("%d events are served, want %d; reported: %v", len(now), len(want), *got)
				}
				if len(critical(*got)) == 0 {
					t.Error("nothing is reported")
				}
				r := appendTo(t, l, instance, event.Draft{EventType: "next"})
				if r[0].Position <= before[len(before)-1].Position {
					t.Errorf("position %d is given again", r[0].Position)
				}
				nothingGone(t, fs, kept)
				closeLog(t, l)
				l = open(t, "/data", o)
				if again := all(t, l, instance); len(again) != len(now)+1 {
					t.Errorf("opened again, it has %d events, want %d", len(again), len(now)+1)
				}
				nothingGone(t, fs, kept)
			})
		}
	}
}

// nothingGone wants each file's bytes in some file.
func nothingGone(t *testing.T, fs *vfstest.FS, kept map[string][]byte) {
	t.Helper()
	there := map[string]bool{}
	for _, data := range contentsOf(append(filesIn(t, fs, "/data/log"), quarantined(t, fs)...), fs) {
		there[string(data)] = true
	}
	for file, data := range kept {
		if place := placeOf(file); len(data) > 0 && !there[string(data)] && place != "streams" {
			t.Errorf("%s is gone", file)
		}
	}
}

func quarantined(t *testing.T, fs *vfstest.FS) (files []string) {
	t.Helper()
	names, err := fs.List("/data/log/quarantine")
	if err != nil {
		return nil
	}
	for _, name := range names {
		files = append(files, path.Join("/data/log/quarantine", name))
	}
	return files
}
