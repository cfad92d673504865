package file

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// directory is an open directory. A file in it is made, linked and removed in a
// call each: by its whole name below an os.Root, which opens every directory on
// the way each time, that is half of what a file costs. Names are single elements.
type directory struct{ *os.File }

// openDirectory opens a directory of root. What is no directory is an error, and a
// pipe is not waited for.
func openDirectory(root *os.Root, name string) (directory, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	return directory{f}, err
}

// create makes a file that was not there.
func (d directory) create(name string) (*os.File, error) {
	var fd int
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(int(d.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: d.path(name), Err: err}
	}
	return os.NewFile(uintptr(fd), d.path(name)), nil
}

// link gives a file a second name, in another directory.
func (d directory) link(name string, to directory, as string) error {
	err := uninterrupted(func() error { return unix.Linkat(int(d.Fd()), name, int(to.Fd()), as, 0) })
	if err != nil {
		return &os.LinkError{Op: "link", Old: d.path(name), New: to.path(as), Err: err}
	}
	return nil
}

// remove takes a file's name away.
func (d directory) remove(name string) error {
	err := uninterrupted(func() error { return unix.Unlinkat(int(d.Fd()), name, 0) })
	if err != nil {
		return &os.PathError{Op: "remove", Path: d.path(name), Err: err}
	}
	return nil
}

func (d directory) path(name string) string { return d.Name() + "/" + name }

// uninterrupted makes a system call again that a signal has interrupted.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
