package powercut

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// disk is a file system in a file.
type disk struct {
	kind       string
	image      string
	mountpoint string
}

// diskSize is the least that mkfs.xfs takes. The file is sparse.
const diskSize = 400 << 20

// newDisk makes a file system. It is unmounted at the end of the test, whatever
// happens.
func newDisk(t *testing.T, kind string) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("a power cut needs root: it mounts file systems from loop devices. Run the tests as root, " +
			"or everything but this package: go test $(go list ./... | grep -v /test/powercut)")
	}
	dir := t.TempDir()
	d := &disk{kind: kind, image: filepath.Join(dir, "disk"), mountpoint: filepath.Join(dir, "mnt")}
	if err := os.Mkdir(d.mountpoint, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, diskSize); err != nil {
		t.Fatal(err)
	}
	if err := command(t.Context(), "mkfs."+kind, "-q", d.image); err != nil {
		t.Fatalf("%v\ntest/setup.sh installs what is missing (e2fsprogs, xfsprogs)", err)
	}
	t.Cleanup(func() {
		// The file system may be busy after a failure: it goes with its last user.
		err := unix.Unmount(d.mountpoint, unix.MNT_DETACH)
		if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: it is not mounted
			t.Errorf("unmount %s: %v", d.mountpoint, err)
		}
	})
	return d
}

func (d *disk) mount(ctx context.Context) error {
	err := command(ctx, "mount", "-t", d.kind, "-o", "loop", d.image, d.mountpoint)
	if err != nil {
		return fmt.Errorf("%w\nloop devices and the right to mount are needed; in a container that is --privileged", err)
	}
	return nil
}

// unmount waits until the file system is gone, its loop device too.
func (d *disk) unmount(ctx context.Context) error { return command(ctx, "umount", d.mountpoint) }

// The shutdown of a file system, the same number for ext4 and xfs.
const (
	shutdown          = 0x8004587d
	withoutItsJournal = 2
)

// cut stops the file system at once. What it has not written stays unwritten,
// the journal included; from here on every operation on it fails.
func (d *disk) cut() error {
	dir, err := os.Open(d.mountpoint)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.IoctlSetPointerInt(int(dir.Fd()), shutdown, withoutItsJournal); err != nil {
		return fmt.Errorf("shut %s down: %w", d.mountpoint, err)
	}
	return nil
}

func command(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}
