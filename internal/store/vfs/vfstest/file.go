package vfstest

import (
	"bytes"
	"io"
	"io/fs"
)

// sector is what survives a power cut whole or not at all, in bytes.
const sector = 512

// inode is a file's content: what reads show, what is durable, and the changes
// between the two.
type inode struct {
	now, durable []byte
	pending      []contentChange
}

// contentChange writes data at an offset, or, with nil data, sets the size.
type contentChange struct {
	offset int64
	data   []byte
}

func (c contentChange) apply(b []byte) []byte {
	if c.data == nil {
		return resized(b, c.offset)
	}
	if end := c.offset + int64(len(c.data)); end > int64(len(b)) {
		b = resized(b, end)
	}
	copy(b[c.offset:], c.data)
	return b
}

func resized(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		clear(b[size:]) // growing again shows zeros
		return b[:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

func (i *inode) change(c contentChange) {
	i.now = c.apply(i.now)
	i.pending = append(i.pending, c)
}

func (i *inode) truncate(size int64) { i.change(contentChange{offset: size}) }

func (i *inode) sync() {
	for _, c := range i.pending {
		i.durable = c.apply(i.durable)
	}
	i.pending = nil
}

// file is an open file.
type file struct {
	fs       *FS
	ino      *inode
	name     string
	writable bool
	next     int64 // where Write goes on
	closed   bool
}

// begin is the start of an operation that changes the file.
func (f *file) begin(op Op) error {
	op.Path = f.name
	if err := f.fs.begin(op); err != nil {
		return err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	switch {
	case f.closed:
		return &fs.PathError{Op: op.Kind.String(), Path: f.name, Err: fs.ErrClosed}
	case !f.writable:
		return &fs.PathError{Op: op.Kind.String(), Path: f.name, Err: fs.ErrPermission}
	}
	return nil
}

func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.fs.begin(Op{Kind: Read, Path: f.name, Len: len(p)}); err != nil {
		return 0, err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrClosed}
	}
	if offset >= int64(len(f.ino.now)) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, f.ino.now[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, f.next)
	f.next += int64(n)
	return n, err
}

func (f *file) WriteAt(p []byte, offset int64) (int, error) {
	err := f.begin(Op{Kind: Write, Len: len(p)})
	if short := asShort(err); short != nil {
		p = p[:min(short.N, len(p))]
	} else if err != nil {
		return 0, err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if len(p) > 0 {
		f.ino.change(contentChange{offset: offset, data: bytes.Clone(p)})
	}
	return len(p), err
}

// Sync makes the content durable. A failed one loses it, though reads show it.
func (f *file) Sync() error {
	if err := f.begin(Op{Kind: Sync}); err != nil {
		f.fs.mu.Lock()
		f.ino.pending = nil
		f.fs.mu.Unlock()
		return err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if syncs {
		f.ino.sync()
	}
	return nil
}

func (f *file) Truncate(size int64) error {
	if err := f.begin(Op{Kind: Truncate}); err != nil {
		return err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.ino.truncate(size)
	return nil
}

func (f *file) Preallocate(_, n int64) error {
	return f.begin(Op{Kind: Preallocate, Len: int(n)})
}

func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return 0, &fs.PathError{Op: "stat", Path: f.name, Err: fs.ErrClosed}
	}
	return int64(len(f.ino.now)), nil
}

func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}
