package vfstest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
)

// Kind is what an operation does.
type Kind int

// The kinds of operations.
const (
	Create Kind = iota
	Open
	Read
	Write
	Sync
	Truncate
	Preallocate
	Rename
	Remove
	List
	Stat
	Mkdir
	SyncDir
)

var kindNames = [...]string{"create", "open", "read", "write", "sync", "truncate", "preallocate",
	"rename", "remove", "list", "stat", "mkdir", "sync directory"}

func (k Kind) String() string { return kindNames[k] }

// Changes says whether an operation of the kind changes what is on disk.
func (k Kind) Changes() bool {
	switch k {
	case Open, Read, List, Stat:
		return false
	}
	return true
}

// Op is an operation about to happen.
type Op struct {
	Kind Kind
	Path string // the new one of a rename
	Len  int    // bytes of a read or write
	N    int    // its number, from 1, since the file system was made
}

// ShortWrite is an error of a hook that lets the first N bytes of a write pass.
type ShortWrite struct {
	N   int
	Err error // what the writer is told
}

func (e *ShortWrite) Error() string { return fmt.Sprintf("short write of %d bytes: %v", e.N, e.Err) }

func (e *ShortWrite) Unwrap() error { return e.Err }

func asShort(err error) *ShortWrite {
	var short *ShortWrite
	if errors.As(err, &short) {
		return short
	}
	return nil
}

// errCut is what every operation fails with after the power was cut.
var errCut = errors.New("vfstest: the power is off")

// SetHook has hook called before each operation, with no lock held: it may call
// methods of the file system. Its error fails the operation, which then has not
// happened (ShortWrite: in part). Nil takes the hook away.
func (m *FS) SetHook(hook func(Op) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hook = hook
}

// PowerOff makes every operation from now on fail, so that a program that still
// runs on this file system does no more; CrashClone is what it leaves.
func (m *FS) PowerOff() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = true
}

// Ops is how many operations there were.
func (m *FS) Ops() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ops
}

func (m *FS) begin(op Op) error {
	m.mu.Lock()
	m.ops++
	op.N = m.ops
	hook, cut := m.hook, m.cut
	m.mu.Unlock()
	if cut {
		return errCut
	}
	if hook == nil {
		return nil
	}
	if err := hook(op); err != nil {
		return fmt.Errorf("%s %s: %w", op.Kind, op.Path, err)
	}
	return nil
}

// FailAt is a hook that fails the k-th operation that changes something, from 1
// and counted from when it is made. Hit says whether there was one.
func FailAt(k int, err error) (hook func(Op) error, hit func() bool) {
	var n atomic.Int64
	return func(op Op) error {
			if op.Kind.Changes() && n.Add(1) == int64(k) {
				return err
			}
			return nil
		}, func() bool {
			return n.Load() >= int64(k)
		}
}

// FailKind is a hook that fails every operation of a kind on paths that contain
// part.
func FailKind(kind Kind, part string, err error) func(Op) error {
	return func(op Op) error {
		if op.Kind == kind && strings.Contains(op.Path, part) {
			return err
		}
		return nil
	}
}

// Full is a hook that lets writes of so many more bytes pass, the last in part,
// and fails what comes then, and new files, with ENOSPC.
func Full(room int) func(Op) error {
	var left atomic.Int64
	left.Store(int64(room))
	return func(op Op) error {
		switch op.Kind {
		case Create, Mkdir:
			if left.Load() <= 0 {
				return syscall.ENOSPC
			}
		case Write:
			rest := left.Add(-int64(op.Len)) + int64(op.Len)
			if rest < int64(op.Len) {
				return &ShortWrite{N: int(max(rest, 0)), Err: syscall.ENOSPC}
			}
		}
		return nil
	}
}
