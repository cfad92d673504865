// Package vfstest is a file system in memory that can be broken on purpose: any
// operation can be made to fail, and after a power cut it has what was synced
// and as much of the rest as the test likes.
//
// It is stricter than real file systems: syncing a file does not make its name
// durable, and a failed sync loses what it should have written for good, while
// reading still shows it, as Linux does.
package vfstest

import (
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/firnlog/firn/internal/store/vfs"
)

// FS is the file system in memory. Its methods may be called by many goroutines
// at once. Paths are cleaned; the root and "." are there.
type FS struct {
	mu    sync.Mutex
	dirs  map[string]*dir
	locks map[string]bool
	ops   int
	hook  func(Op) error
	cut   bool
	moved []move // directories renamed, not durably yet
}

// move is another path of a directory.
type move struct{ from, to string }

var _ vfs.FS = (*FS)(nil)

// New returns an empty file system.
func New() *FS {
	return &FS{
		dirs:  map[string]*dir{".": newDir(), "/": newDir()},
		locks: map[string]bool{},
	}
}

// dir is a directory: what is in it now, what is durable, and the changes
// between the two.
type dir struct {
	now, durable map[string]*inode
	pending      []entryChange
}

func newDir() *dir {
	return &dir{now: map[string]*inode{}, durable: map[string]*inode{}}
}

// entryChange gives a name to an inode, or takes it away (nil).
type entryChange struct {
	name string
	ino  *inode
	// of is the change of the other name of a rename in one directory, which
	// happens with this one or not at all.
	of *entryChange
}

func (d *dir) change(c entryChange) {
	c.apply(d.now)
	d.pending = append(d.pending, c)
}

func (c entryChange) apply(entries map[string]*inode) {
	if c.ino == nil {
		delete(entries, c.name)
	} else {
		entries[c.name] = c.ino
	}
	if c.of != nil {
		c.of.apply(entries)
	}
}

// find returns the directory of a path and the name in it.
func (m *FS) find(op, name string) (*dir, string, error) {
	d := m.dirs[filepath.Dir(name)]
	if d == nil {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return d, filepath.Base(name), nil
}

func (m *FS) open(op, name string) (*inode, error) {
	d, base, err := m.find(op, name)
	if err != nil {
		return nil, err
	}
	ino := d.now[base]
	if ino == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return ino, nil
}

// Create implements vfs.FS.
func (m *FS) Create(name string) (vfs.File, error) {
	name = filepath.Clean(name)
	if err := m.begin(Op{Kind: Create, Path: name}); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.find("create", name)
	if err != nil {
		return nil, err
	}
	if m.dirs[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.EISDIR}
	}
	ino := d.now[base]
	if ino == nil {
		ino = &inode{}
		d.change(entryChange{name: base, ino: ino})
	} else {
		ino.truncate(0)
	}
	return &file{fs: m, ino: ino, name: name, writable: true}, nil
}

// Open implements vfs.FS.
func (m *FS) Open(name string) (vfs.File, error) {
	name = filepath.Clean(name)
	if err := m.begin(Op{Kind: Open, Path: name}); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ino, err := m.open("open", name)
	if err != nil {
		return nil, err
	}
	return &file{fs: m, ino: ino, name: name}, nil
}

// OpenAppend implements vfs.FS.
func (m *FS) OpenAppend(name string) (vfs.File, error) {
	name = filepath.Clean(name)
	if err := m.begin(Op{Kind: Open, Path: name}); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ino, err := m.open("open", name)
	if err != nil {
		return nil, err
	}
	return &file{fs: m, ino: ino, name: name, writable: true, next: int64(len(ino.now))}, nil
}

// Rename implements vfs.FS. A directory moves with all that is in it, to a path
// where nothing is.
func (m *FS) Rename(old, new string) error {
	old, new = filepath.Clean(old), filepath.Clean(new)
	if err := m.begin(Op{Kind: Rename, Path: new}); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirs[old] != nil {
		return m.renameDir(move{old, new})
	}
	ino, err := m.open("rename", old)
	if err != nil {
		return err
	}
	from, oldBase, _ := m.find("rename", old)
	to, newBase, err := m.find("rename", new)
	if err != nil {
		return err
	}
	gone := entryChange{name: oldBase}
	if from == to {
		to.change(entryChange{name: newBase, ino: ino, of: &gone})
		return nil
	}
	to.change(entryChange{name: newBase, ino: ino})
	from.change(gone)
	return nil
}

func (m *FS) renameDir(r move) error {
	if m.dirs[r.to] != nil || m.dirs[filepath.Dir(r.to)] == nil {
		return &fs.PathError{Op: "rename", Path: r.to, Err: fs.ErrExist}
	}
	m.dirs = r.apply(m.dirs)
	m.moved = append(m.moved, r)
	return nil
}

// apply returns the directories under their new paths.
func (r move) apply(dirs map[string]*dir) map[string]*dir {
	after := make(map[string]*dir, len(dirs))
	for path, d := range dirs {
		if rest, ok := strings.CutPrefix(path, r.from); ok && (rest == "" || rest[0] == filepath.Separator) {
			path = r.to + rest
		}
		after[path] = d
	}
	return after
}

// Remove implements vfs.FS. Removing a directory is durable at once.
func (m *FS) Remove(name string) error {
	name = filepath.Clean(name)
	if err := m.begin(Op{Kind: Remove, Path: name}); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.dirs[name]; d != nil {
		if len(d.now) > 0 || len(m.children(name)) > 0 {
			return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
		}
		delete(m.dirs, name)
		return nil
	}
	if _, err := m.open("remove", name); err != nil {
		return err
	}
	d, base, _ := m.find("remove", name)
	d.change(entryChange{name: base})
	return nil
}

// children lists the names of the directories in one.
func (m *FS) children(name string) []string {
	var list []string
	for path := range m.dirs {
		if path != name && filepath.Dir(path) == name {
			list = append(list, filepath.Base(path))
		}
	}
	return list
}

// List implements vfs.FS.
func (m *FS) List(name string) ([]string, error) {
	name = filepath.Clean(name)
	if err := m.begin(Op{Kind: List, Path: name}); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.dirs[name]
	if d == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	names := slices.AppendSeq(m.children(name), maps.Keys(d.now))
	slices.Sort(names)
	return names, nil
}

// Stat implements vfs.FS.
func (m *FS) Stat(name string) (vfs.Info, error) {
	name = filepath.Clean(name)
	if err := m.begin(Op{Kind: Stat, Path: name}); err != nil {
		return vfs.Info{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirs[name] != nil {
		return vfs.Info{Dir: true}, nil
	}
	ino, err := m.open("stat", name)
	if err != nil {
		return vfs.Info{}, err
	}
	return vfs.Info{Size: int64(len(ino.now))}, nil
}

// MkdirAll implements vfs.FS.
func (m *FS) MkdirAll(name string) error {
	name = filepath.Clean(name)
	if err := m.begin(Op{Kind: Mkdir, Path: name}); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; m.dirs[name] == nil; name = filepath.Dir(name) {
		if d := m.dirs[filepath.Dir(name)]; d != nil && d.now[filepath.Base(name)] != nil {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
		}
		m.dirs[name] = newDir()
	}
	return nil
}

// SyncDir implements vfs.FS.
func (m *FS) SyncDir(name string) error {
	name = filepath.Clean(name)
	if err := m.begin(Op{Kind: SyncDir, Path: name}); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.dirs[name]
	if d == nil {
		return &fs.PathError{Op: "sync", Path: name, Err: fs.ErrNotExist}
	}
	if syncs {
		d.durable, d.pending = maps.Clone(d.now), nil
		m.moved = slices.DeleteFunc(m.moved, func(r move) bool { return filepath.Dir(r.to) == name })
	}
	return nil
}

// Lock implements vfs.FS.
func (m *FS) Lock(name string) (io.Closer, error) {
	f, err := m.Create(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	name = filepath.Clean(name)
	if m.locks[name] {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: vfs.ErrLocked}
	}
	m.locks[name] = true
	return &lock{File: f, fs: m, name: name}, nil
}

type lock struct {
	vfs.File
	fs   *FS
	name string
}

func (l *lock) Close() error {
	l.fs.mu.Lock()
	delete(l.fs.locks, l.name)
	l.fs.mu.Unlock()
	return l.File.Close()
}
