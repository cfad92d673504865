package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// FuzzEncodeType: whatever the type, its name is one harmless element of a path.
func FuzzEncodeType(f *testing.F) {
	for _, seed := range []string{"a.b", "..", "../../x", "a/b", "\x00", "~", strings.Repeat("é", 128), strings.Repeat("/", 256)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, eventType string) {
		if eventType == "" {
			return // no event has it
		}
		name := encodeType(eventType)
		if name == "" || len(name) > maxType || name[0] == '.' || path.Clean(name) != name || path.Base(name) != name || !fs.ValidPath(name) {
			t.Errorf("type %q becomes %q", eventType, name)
		}
		for i := range len(name) {
			if c := name[i]; !strings.ContainsRune("%~._-", rune(c)) && !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
				t.Errorf("type %q becomes %q with byte %q", eventType, name, c)
			}
		}
	})
}

// TestTypesKeepApart: two types never share a name.
func TestTypesKeepApart(t *testing.T) {
	types := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'A', '.', '%', '~', '/', '2', 'F', 'é', 0}), 1, 120, event.MaxType)
	rapid.Check(t, func(t *rapid.T) {
		a, b := types.Draw(t, "a"), types.Draw(t, "b")
		if a != b && encodeType(a) == encodeType(b) {
			t.Errorf("%q and %q are both %q", a, b, encodeType(a))
		}
	})
}

// TestFailedSync fails each flush in turn: what was reported as written is there
// once, and so is in the end everything.
func TestFailedSync(t *testing.T) {
	dir := t.TempDir()
	var events []event.Event
	for i := range 6 {
		when := time.Date(2024, 1, 1+i/4, 0, 0, i/2, 0, time.UTC)
		events = append(events, event.Event{EventType: "a", Position: int64(i + 1), Timestamp: when, RecordedAt: when, Severity: event.Info})
	}
	for fail := int64(1); ; fail++ {
		place := fmt.Sprintf("%s/%d", dir, fail)
		var count atomic.Int64
		tgt := &files{dir: place, syncFile: func(f *os.File) error {
			if count.Add(1) == fail {
				return syscall.EIO
			}
			return f.Sync()
		}}
		if err := tgt.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		written, err := tgt.Write(t.Context(), target.Batch{Events: events})
		if count.Load() < fail {
			if err != nil || written != len(events) {
				t.Errorf("without a fault: %d, %v", written, err)
			}
			tgt.Close()
			if fail < 10 {
				t.Errorf("only %d flushes", fail-1)
			}
			return
		}
		if !errors.Is(err, syscall.EIO) || written == len(events) {
			t.Errorf("flush %d fails: %d written, %v", fail, written, err)
		}
		have := len(list(t, place))
		if have < written {
			t.Errorf("flush %d fails: %d files, %d reported", fail, have, written)
		}
		if err := tgt.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := tgt.Write(t.Context(), target.Batch{Events: events[written:]}); err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
		if names := list(t, place); len(names) != len(events) {
			t.Errorf("flush %d failed: in the end %d files of %d events: %q", fail, len(names), len(events), names)
		}
		tgt.Close()
	}
}

func list(t *testing.T, dir string) []string {
	names, err := fs.Glob(os.DirFS(dir), "a/*/*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestFaultsAreSorted: what hits every event pauses, what is the name's fault is
// refused, the rest is tried again.
func TestFaultsAreSorted(t *testing.T) {
	tgt := &files{dir: t.TempDir(), syncFile: (*os.File).Sync}
	if err := tgt.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer tgt.Close()
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "*target.PauseError", syscall.EDQUOT: "*target.PauseError", syscall.EROFS: "*target.PauseError",
		syscall.EACCES: "*target.PauseError", syscall.ENAMETOOLONG: "*target.RefusedError", syscall.EIO: "*fmt.wrapError",
		syscall.EMFILE: "*fmt.wrapError",
	} {
		err := tgt.eventFault(place{"a/20240101", "00_00_00_a"}, &fs.PathError{Op: "open", Path: "x", Err: errno})
		if got := fmt.Sprintf("%T", err); got != want || !errors.Is(err, errno) {
			t.Errorf("%v is a %s (%v), want %s", errno, got, err, want)
		}
	}
}
