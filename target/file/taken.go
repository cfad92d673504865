package file

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// A place is remembered with the numbers that are taken, so that a second with a
// thousand events costs a thousand steps, and with hashes of what is there, so
// that an event that comes again (after a crash before the cursor was kept) is
// recognised and not written twice. What is remembered is bounded; what is
// forgotten is looked up on disk.
const (
	maxPlaces = 4096   // of one generation
	maxHashes = 65_536 // of one generation
	lookBack  = 8192   // files of one place that are read when it is looked up
)

type names struct {
	seed   maphash.Seed
	recent map[place]*taken
	before map[place]*taken // an older generation
	hashes int
}

// taken is what is known of one place.
type taken struct {
	next int            // the lowest number that seems free
	have map[uint64]int // hash of a content -> its number
}

func newNames() names {
	return names{seed: maphash.MakeSeed(), recent: map[place]*taken{}}
}

func (n *names) get(p place) *taken {
	tk := n.recent[p]
	if tk == nil {
		if tk = n.before[p]; tk != nil {
			n.put(p, tk)
		}
	}
	return tk
}

func (n *names) put(p place, tk *taken) {
	n.hashes += len(tk.have)
	if len(n.recent) >= maxPlaces || n.hashes > maxHashes {
		n.before, n.recent, n.hashes = n.recent, map[place]*taken{}, len(tk.have)
	}
	n.recent[p] = tk
}

// note remembers that a content is there under a number.
func (n *names) note(tk *taken, hash uint64, number int) {
	tk.next = number + 1
	tk.have[hash] = number
	n.hashes++
	if len(tk.have) <= 2*lookBack {
		return
	}
	for h, number := range tk.have {
		if number < tk.next-lookBack {
			delete(tk.have, h)
			n.hashes--
		}
	}
}

// taken is what is there of a place.
func (t *files) taken(p place) (*taken, error) {
	if tk := t.names.get(p); tk != nil {
		return tk, nil
	}
	next, err := t.firstFree(p)
	if err != nil {
		return nil, err
	}
	tk := &taken{next: next, have: map[uint64]int{}}
	for number := max(1, next-lookBack); number < next; number++ {
		content, err := t.read(p.name(number))
		if err != nil {
			return nil, err
		}
		if content != nil {
			tk.have[maphash.Bytes(t.names.seed, content)] = number
		}
	}
	t.names.put(p, tk)
	return tk, nil
}

// firstFree finds a number that is free and whose predecessor is not, in a few
// looks. Where files were taken away in between it may be one of theirs.
func (t *files) firstFree(p place) (int, error) {
	low, high := 0, 1
	for {
		there, err := t.exists(p.name(high))
		if err != nil {
			return 0, err
		}
		if !there {
			break
		}
		low, high = high, 2*high
	}
	for high-low > 1 {
		middle := (low + high) / 2
		there, err := t.exists(p.name(middle))
		if err != nil {
			return 0, err
		}
		if there {
			low = middle
		} else {
			high = middle
		}
	}
	return high, nil
}

func (t *files) exists(name string) (bool, error) {
	_, err := t.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// holds reports whether a file has exactly this content.
func (t *files) holds(name string, content []byte) (bool, error) {
	there, err := t.read(name)
	return there != nil && bytes.Equal(there, content), err
}

// read returns a file's content, nil where it is gone or no regular file: others
// may put there what they like, and a pipe must not be waited for.
func (t *files) read(name string) ([]byte, error) {
	info, err := t.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := t.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	return io.ReadAll(f)
}
