package overload

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// volume is a small file system in memory. The data directory shares it with
// a file, the ballast, that leaves no room.
type volume struct{ dir string }

// newVolume mounts one, until the end of the test.
func newVolume(t *testing.T, bytes int64) *volume {
	t.Helper()
	needRoot(t)
	v := &volume{dir: t.TempDir()}
	if err := unix.Mount("tmpfs", v.dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes)); err != nil {
		t.Fatalf("mount a tmpfs: %v; in a container that needs --privileged", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(v.dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", v.dir, err)
		}
	})
	return v
}

func (v *volume) data() string    { return filepath.Join(v.dir, "data") }
func (v *volume) ballast() string { return filepath.Join(v.dir, "ballast") }

// fill lets the ballast take all the room that is left at this moment.
func (v *volume) fill() error {
	f, err := os.OpenFile(v.ballast(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 256 << 10; size >= 512; {
		n, err := f.Write(bytes.Repeat([]byte{1}, size))
		switch {
		case errors.Is(err, unix.ENOSPC) || n < size:
			size /= 2
		case err != nil:
			return err
		}
	}
	return nil
}

// free takes the ballast away.
func (v *volume) free() error { return os.Remove(v.ballast()) }
