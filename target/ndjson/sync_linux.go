package ndjson

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData flushes a file's content and size.
func syncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
