// Package vfs is the file system as the store sees it: the few operations whose
// durability the store reasons about, so that tests can fail each of them and
// cut the power between any two. Package vfstest does so in memory.
//
// Nothing is durable until it is synced: a file's bytes by File.Sync, its name
// (after Create, Rename or Remove) by FS.SyncDir of its directory.
package vfs

import (
	"errors"
	"io"
)

// ErrLocked says that another process, or this one, holds the lock.
var ErrLocked = errors.New("locked by another process")

// FS is a file system. Its methods may be called by many goroutines at once.
// Errors satisfy errors.Is for fs.ErrNotExist, fs.ErrExist and syscall.Errno.
type FS interface {
	// Create makes an empty file for reading and writing, mode 0600, in place
	// of one that has the name already.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenAppend opens an existing file for reading and writing; Write
	// continues at its end.
	OpenAppend(name string) (File, error)
	// Rename gives a file another name, in place of one that has it. It is
	// atomic, and durable once the directory (both, if they differ) is synced.
	Rename(old, new string) error
	// Remove takes away a file or an empty directory.
	Remove(name string) error
	// List returns the names in a directory, sorted, without their directory.
	List(dir string) ([]string, error)
	// Stat describes a file or directory.
	Stat(name string) (Info, error)
	// MkdirAll makes a directory and its missing parents, mode 0700. What it
	// makes is durable when it returns.
	MkdirAll(dir string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Lock takes the file name, which it makes if there is none, for this
	// process alone until it is closed or the process ends, however it ends.
	// ErrLocked if it is taken.
	Lock(name string) (io.Closer, error)
}

// Info describes a file or directory.
type Info struct {
	Size int64 // bytes; 0 for a directory
	Dir  bool
}

// File is an open file. Reads may go on beside one writer; writers take turns.
type File interface {
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Closer
	// Sync makes what was written and the file's size durable (fdatasync). An
	// error means that nothing is known about what was written since the last
	// Sync; a later Sync that succeeds does not change that.
	Sync() error
	// Truncate sets the size, cutting or filling with zeros. Where Write
	// continues does not change.
	Truncate(size int64) error
	// Preallocate reserves disk for bytes [offset, offset+n) without changing
	// the size. Where the file system cannot, it does nothing.
	Preallocate(offset, n int64) error
	// Size is the current size in bytes.
	Size() (int64, error)
}
