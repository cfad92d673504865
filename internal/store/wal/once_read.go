package wal

import (
	"bytes"
	"errors"

	"github.com/firnlog/firn/internal/store/vfs"
)

// onceRead reads a small file once, however often it is opened: reading a
// journal takes several passes, and there are many small ones.
type onceRead struct {
	vfs.FS
	name string // of the file read last
	data []byte
}

// smallFile is how long a file may be to be kept.
const smallFile = 64 << 10

// Open implements vfs.FS.
func (o *onceRead) Open(name string) (vfs.File, error) {
	if o.data != nil && o.name == name {
		return &memoryFile{Reader: bytes.NewReader(o.data)}, nil
	}
	f, err := o.FS.Open(name)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil || size == 0 || size > smallFile {
		return f, err
	}
	data := make([]byte, size)
	_, err = f.ReadAt(data, 0)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	o.name, o.data = name, data
	return &memoryFile{Reader: bytes.NewReader(data)}, nil
}

// memoryFile is the content of a file that is only read.
type memoryFile struct{ *bytes.Reader }

var errReadOnly = errors.New("the file was opened for reading")

// Size implements vfs.File.
func (f *memoryFile) Size() (int64, error) { return f.Reader.Size(), nil }

// Close implements vfs.File.
func (f *memoryFile) Close() error { return nil }

// Write implements vfs.File; it fails.
func (f *memoryFile) Write([]byte) (int, error) { return 0, errReadOnly }

// WriteAt implements vfs.File; it fails.
func (f *memoryFile) WriteAt([]byte, int64) (int, error) { return 0, errReadOnly }

// Sync implements vfs.File; it fails.
func (f *memoryFile) Sync() error { return errReadOnly }

// Truncate implements vfs.File; it fails.
func (f *memoryFile) Truncate(int64) error { return errReadOnly }

// Preallocate implements vfs.File; it fails.
func (f *memoryFile) Preallocate(int64, int64) error { return errReadOnly }
