package file

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/firnlog/firn/target"
)

// fault sorts an error: what hits every event pauses the target; anything else is
// tried again.
func fault(err error) error {
	for _, number := range []syscall.Errno{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES, syscall.EPERM,
		syscall.ENOTDIR, syscall.ELOOP, syscall.EMLINK, syscall.EXDEV, syscall.EOPNOTSUPP,
	} {
		if errors.Is(err, number) {
			return &target.PauseError{Err: explained(err, number)}
		}
	}
	return err
}

func explained(err error, number syscall.Errno) error {
	switch number {
	case syscall.ENOSPC, syscall.EDQUOT:
		return fmt.Errorf("%w: free some space or inodes; it goes on by itself then", err)
	case syscall.EXDEV, syscall.EOPNOTSUPP:
		return fmt.Errorf("%w: file_dir must be one file system that has hard links", err)
	}
	return err
}

// eventFault sorts an error about the file of one event. Only a name that the
// file system cannot hold is the event's fault.
func (t *files) eventFault(p place, err error) error {
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return &target.RefusedError{Err: err}
	}
	for _, dir := range []string{p.dir[:len(p.dir)-len("/20060102")], p.dir} {
		info, lerr := t.root.Lstat(dir)
		if lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return &target.PauseError{Err: fmt.Errorf("%s/%s is a symbolic link; want a directory in file_dir: %w", t.dir, dir, err)}
		}
	}
	return fault(fmt.Errorf("file_dir %s: %w", t.dir, err))
}
