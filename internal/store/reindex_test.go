package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// runsOf are the paths of an instance's id runs.
func runsOf(t *testing.T, l *Log, name string) (paths []string) {
	t.Helper()
	in, err := l.instance(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range in.current().version.runs {
		paths = append(paths, r.path())
	}
	return paths
}

// knowsIDs checks that every id of layered is known, an unknown one is not, and
// another content is refused.
func knowsIDs(t *testing.T, l *Log, what string) {
	t.Helper()
	n := 0
	for range 3 {
		events := withIDs(&n, 20)
		for i, r := range appendTo(t, l, "app", with(events)...) {
			if !r.Duplicate || r.Position != int64(n-20+2*i+1) {
				t.Fatalf("%s: %q again: %+v", what, events[2*i].ID, r)
			}
		}
		if e, err := l.Get(t.Context(), "app", events[0].ID); err != nil || e.Position != int64(n-19) {
			t.Fatalf("%s: Get %q: %+v, %v", what, events[0].ID, e, err)
		}
	}
	other := sample(1)
	other.ID = "id-22"
	var conflict *IDConflictError
	if _, err := l.Append(t.Context(), AppendRequest{Instance: "app", Events: []event.Draft{other}}); !errors.As(err, &conflict) {
		t.Fatalf("%s: another content under a known id: %v", what, err)
	}
	if _, err := l.Get(t.Context(), "app", "nobody's"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%s: Get of an unknown id: %v", what, err)
	}
}

// with are the events that have an id.
func with(events []event.Draft) (out []event.Draft) {
	for _, e := range events {
		if e.ID != "" {
			out = append(out, e)
		}
	}
	return out
}

// spoil damages the second of layered's runs.
var spoil = map[string]func(t *testing.T, fs *vfstest.FS, runs []string){
	"missing":          func(t *testing.T, fs *vfstest.FS, runs []string) { check(t, fs.Remove(runs[1])) },
	"flip in a pair":   func(t *testing.T, fs *vfstest.FS, runs []string) { fs.Flip(runs[1], 40, 1) },
	"flip in the head": func(t *testing.T, fs *vfstest.FS, runs []string) { fs.Flip(runs[1], 3, 1) },
	"cut off": func(t *testing.T, fs *vfstest.FS, runs []string) {
		data, err := vfs.ReadFile(fs, runs[1])
		check(t, err)
		check(t, vfs.WriteFile(fs, runs[1], data[:len(data)/2]))
	},
	"another's": func(t *testing.T, fs *vfstest.FS, runs []string) {
		data, err := vfs.ReadFile(fs, runs[0])
		check(t, err)
		check(t, vfs.WriteFile(fs, runs[1], data))
	},
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamagedRunIsMadeAgain damages a run of ids: no answer is wrong before it
// has been made again, nor afterwards.
func TestDamagedRunIsMadeAgain(t *testing.T) {
	for name, do := range spoil {
		t.Run(name, func(t *testing.T) {
			fs := vfstest.New()
			o, got := reports(fs)
			o.FilterMemory = 50 // one filter's
			l := layered(t, o)
			runs := runsOf(t, l, "app")
			closeLog(t, l)
			do(t, fs, runs)
			l = open(t, "/data", o)
			knowsIDs(t, l, "at once")
			if h := l.Health(); h.Unindexed != 1 {
				t.Errorf("health: %+v", h)
			}
			told := 0
			for _, r := range *got {
				if r.Severity == event.Error && strings.Contains(r.Message, "positions 21 to 39") && strings.Contains(r.Message, runs[1]) {
					told++
				}
			}
			if told != 1 {
				t.Errorf("reported: %v", *got)
			}
			if r := verify(t, l); len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Message, "indexed again") {
				t.Errorf("verify: %+v", r.Problems)
			}
			if names, err := fs.List("/data/log/quarantine"); name != "missing" && (err != nil || len(names) != 1) {
				t.Errorf("quarantine has %v, %v", names, err)
			}
			closeLog(t, l)
			l = open(t, "/data", o)
			knowsIDs(t, l, "opened again")
			check(t, l.round(t.Context()))
			if h := l.Health(); h.Unindexed != 0 {
				t.Errorf("health: %+v", h)
			}
			knowsIDs(t, l, "made again")
			if r := verify(t, l); len(r.Problems) != 0 {
				t.Errorf("verify: %+v", r.Problems)
			}
			closeLog(t, l)
			l = open(t, "/data", o)
			knowsIDs(t, l, "made again and opened again")
		})
	}
}

// TestDamagedRunIsFoundByVerify has nobody look a sealed id up before.
func TestDamagedRunIsFoundByVerify(t *testing.T) {
	fs := vfstest.New()
	o, _ := reports(fs)
	l := layered(t, o)
	run := runsOf(t, l, "app")[0]
	fs.Flip(run, 40, 1)
	if r := verify(t, l); len(r.Problems) != 1 || r.Problems[0].File != run {
		t.Errorf("verify: %+v", r.Problems)
	}
	knowsIDs(t, l, "afterwards")
	check(t, l.round(t.Context()))
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Errorf("verify again: %+v", r.Problems)
	}
}

// TestFilterThatRots damages filters that are in their files after they have been
// checked: a lookup finds it, and nothing is stored twice.
func TestFilterThatRots(t *testing.T) {
	fs := vfstest.New()
	o, _ := reports(fs)
	o.FilterMemory = 1
	l := layered(t, o)
	knowsIDs(t, l, "before")
	for _, r := range instancesOf(t, l, "app")[0].current().version.runs {
		filter := r.meta.Bytes - 32 - 8 - r.known().FilterSize() // before the fences and the footer
		for i := range r.known().FilterSize() {
			fs.Flip(r.path(), filter+i, 0xff)
		}
	}
	knowsIDs(t, l, "afterwards")
	if h := l.Health(); h.Unindexed == 0 {
		t.Errorf("health: %+v", h)
	}
	check(t, l.round(t.Context()))
	knowsIDs(t, l, "made again")
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
}

// TestDamagedRunDuringCompaction has a merge meet the damage.
func TestDamagedRunDuringCompaction(t *testing.T) {
	fs := vfstest.New()
	o, _ := reports(fs)
	l := layered(t, o)
	seal(t, l)
	fs.Flip(runsOf(t, l, "app")[1], 40, 1)
	for range 3 {
		check(t, l.round(t.Context()))
	}
	knowsIDs(t, l, "afterwards")
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
}

// TestMakingARunAgainFailsAnywhere fails each operation of setting a run aside
// and making it again, and cuts the power there: ids are known all the time.
func TestMakingARunAgainFailsAnywhere(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for k := 1; ; k++ {
			fs := vfstest.New()
			o, _ := reports(fs)
			o.FilterMemory = int64(1 + 100*(k%2)) // none, or some
			l := layered(t, o)
			runs := runsOf(t, l, "app")
			for _, run := range runs {
				fs.Flip(run, 40, 1)
			}
			hook, hit := vfstest.FailAt(k, fault)
			fs.SetHook(hook)
			for range 2 {
				_, _ = l.Get(t.Context(), "app", "id-20")
				_ = l.reindexAll(t.Context())
			}
			fs.SetHook(nil)
			o.FS = fs.CrashClone(uint64(k), []int{0, 50, 100}[k%3])
			again := open(t, "/data", o)
			what := fmt.Sprintf("operation %d failed with %v", k, fault)
			knowsIDs(t, again, what)
			check(t, again.round(context.Background()))
			knowsIDs(t, again, what+", made again")
			if r := verify(t, again); len(r.Problems) != 0 {
				t.Errorf("%s: verify: %+v", what, r.Problems)
			}
			closeLog(t, again)
			closeLog(t, l)
			if !hit() {
				t.Logf("%d operations with %v", k-1, fault)
				break
			}
		}
	}
}

// TestUnreadableRunIsNoDamage has the disk fail, not the file.
func TestUnreadableRunIsNoDamage(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	o.FilterMemory = 1
	l := layered(t, o)
	for _, kind := range []vfstest.Kind{vfstest.Open, vfstest.Read} {
		fs.SetHook(vfstest.FailKind(kind, "ids/", syscall.EIO))
		if _, err := l.Get(t.Context(), "app", "id-20"); !errors.Is(err, ErrUnreadable) {
			t.Errorf("Get: %v", err)
		}
	}
	fs.SetHook(nil)
	knowsIDs(t, l, "afterwards")
	if len(*got) != 0 || l.Health().Unindexed != 0 {
		t.Errorf("reported: %v", *got)
	}
}
