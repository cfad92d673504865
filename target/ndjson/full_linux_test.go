package ndjson

import (
	"encoding/json/jsontext"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// TestDiskFull writes onto a file system that has no room for all events: the
// target pauses, what it reported is there, and with the ballast gone everything
// comes, each line whole and once.
func TestDiskFull(t *testing.T) {
	volume := t.TempDir()
	if err := syscall.Mount("tmpfs", volume, "tmpfs", 0, "mode=0700,size=256k"); err != nil {
		t.Fatalf("mount a tmpfs: %v; it takes root, in a container --privileged", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(volume, syscall.MNT_DETACH)) })
	ballast, dir := filepath.Join(volume, "ballast"), filepath.Join(volume, "events")
	must(t, os.WriteFile(ballast, make([]byte, 128<<10), 0o600))
	var events []event.Event
	var want []int64
	for i := range int64(22) {
		e := on("2026-01-02", i+1)
		e.Payload = jsontext.Value(`{"text":"` + strings.Repeat("x", 9000) + `"}`)
		events, want = append(events, e), append(want, e.Position)
	}
	tgt := open(t, dir, uncompressed)
	written := 0
	var err error
	for err == nil && written < len(events) { // as the delivery does, in batches
		some := events[written:min(len(events), written+5)]
		var n int
		n, err = tgt.Write(t.Context(), target.Batch{Events: some, Through: some[len(some)-1].Position})
		written += n
	}
	var pause *target.PauseError
	if !errors.As(err, &pause) || !errors.Is(err, syscall.ENOSPC) || written == len(events) {
		t.Fatalf("%d of %d written, %v; want a pause with ENOSPC", written, len(events), err)
	}
	must(t, os.Remove(ballast))
	must(t, tgt.Open(t.Context()))
	if got := positions(t, dir); len(got) < written || !slices.Equal(got, want[:len(got)]) {
		t.Errorf("with %d reported as written there are %v", written, got)
	}
	write(t, tgt, events[written:]...)
	if got := positions(t, dir); !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
}
