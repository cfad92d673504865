package file_test

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// TestDiskFull writes onto a file system that has no room, and one that has no
// inodes, for all events: the target pauses, what it reported is there whole, and
// with the ballast gone everything comes, once.
func TestDiskFull(t *testing.T) {
	for name, c := range map[string]struct {
		options string // of the tmpfs
		files   int    // of ballast
		bytes   int    // of each
	}{
		"no room":   {"size=256k", 1, 128 << 10},
		"no inodes": {"size=1m,nr_inodes=100", 60, 0},
	} {
		t.Run(name, func(t *testing.T) {
			volume := t.TempDir()
			if err := syscall.Mount("tmpfs", volume, "tmpfs", 0, "mode=0700,"+c.options); err != nil {
				t.Fatalf("mount a tmpfs: %v; it takes root, in a container --privileged", err)
			}
			t.Cleanup(func() { must(t, syscall.Unmount(volume, syscall.MNT_DETACH)) })
			ballast, dir := filepath.Join(volume, "ballast"), filepath.Join(volume, "events")
			must(t, os.Mkdir(ballast, 0o700))
			for i := range c.files {
				must(t, os.WriteFile(filepath.Join(ballast, fmt.Sprint(i)), make([]byte, c.bytes), 0o600))
			}
			events := make([]event.Event, 45)
			for i := range events {
				events[i] = at("a", "2026-01-02T14:30:45Z")
				events[i].ID = fmt.Sprint(i)
				events[i].Payload = jsontext.Value(`{"text":"` + strings.Repeat("x", 3000) + `"}`)
			}
			all := batch(1, events...)
			tgt := open(t, dir)
			written := 0
			var err error
			for rest := all; err == nil && written < len(events); { // as the delivery does, in batches
				rest.Events = events[written:min(len(events), written+7)]
				var n int
				n, err = tgt.Write(t.Context(), rest)
				written += n
			}
			var pause *target.PauseError
			if !errors.As(err, &pause) || !errors.Is(err, syscall.ENOSPC) || written == len(events) {
				t.Fatalf("%d of %d written, %v; want a pause with ENOSPC", written, len(events), err)
			}
			if n := len(readAll(t, dir)); n < written {
				t.Errorf("%d files, and %d were reported as written", n, written)
			}
			must(t, os.RemoveAll(ballast))
			must(t, tgt.Open(t.Context()))
			write(t, tgt, int64(written)+1, events[written:]...)
			docs := readAll(t, dir)
			if len(docs) != len(events) {
				t.Errorf("%d files, want %d", len(docs), len(events))
			}
			for i, d := range docs {
				if d.ID != fmt.Sprint(i) || string(d.Data) != string(events[i].Payload) {
					t.Errorf("file %d is %s with %d bytes", i, d.ID, len(d.Data))
				}
			}
		})
	}
}
