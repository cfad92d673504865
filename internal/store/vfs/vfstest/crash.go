package vfstest

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
)

// CrashClone is what a power cut at this moment leaves: all that is synced, and
// so many percent of the rest, chosen at random by the seed: sectors of writes,
// sizes, names. With 0 it is exactly what is synced, with 100 all but what a
// failed sync has lost. Locks are gone. The file system itself goes on.
func (m *FS) CrashClone(seed uint64, percent int) *FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	rng := rand.New(rand.NewPCG(seed, 0))
	keep := func() bool { return rng.IntN(100) < percent }
	clone := New()
	inodes := map[*inode]*inode{}
	for _, path := range slices.Sorted(maps.Keys(m.dirs)) {
		d := m.dirs[path]
		entries := maps.Clone(d.durable)
		for _, c := range d.pending {
			if keep() {
				c.apply(entries)
			}
		}
		nd := newDir()
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			ino := entries[name]
			if inodes[ino] == nil {
				inodes[ino] = ino.crash(keep)
			}
			nd.now[name], nd.durable[name] = inodes[ino], inodes[ino]
		}
		clone.dirs[path] = nd
	}
	for _, r := range slices.Backward(m.moved) {
		if !keep() {
			clone.dirs = move{from: r.to, to: r.from}.apply(clone.dirs)
		}
	}
	return clone
}

// crash is what is left of a file.
func (i *inode) crash(keep func() bool) *inode {
	b := bytes.Clone(i.durable)
	for _, c := range i.pending {
		if c.data == nil {
			if keep() {
				b = c.apply(b)
			}
			continue
		}
		for at := c.offset; at < c.offset+int64(len(c.data)); {
			end := min(at/sector*sector+sector, c.offset+int64(len(c.data)))
			if keep() {
				b = contentChange{offset: at, data: c.data[at-c.offset : end-c.offset]}.apply(b)
			}
			at = end
		}
	}
	return &inode{now: bytes.Clone(b), durable: b}
}

// Reopen is what the next process finds when this one is killed: everything,
// synced or not, with what is not synced still to be lost. Locks are gone, and
// open files of this one are dead.
func (m *FS) Reopen() *FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = true
	return &FS{dirs: m.dirs, locks: map[string]bool{}}
}

// Flip inverts bits of one byte of a file, durably, as rot does. It says
// whether there is such a byte.
func (m *FS) Flip(name string, offset int64, bits byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	ino, err := m.open("flip", name)
	if err != nil || offset >= int64(len(ino.now)) {
		return false
	}
	ino.now[offset] ^= bits
	if offset < int64(len(ino.durable)) {
		ino.durable[offset] ^= bits
	}
	return true
}
