package segment

import (
	"math/rand/v2"
	"sync"

	"github.com/firnlog/firn/internal/store/column"
)

// Cache keeps columns, pages and dictionaries that were used, within a budget of
// bytes. Many segments share one. What is held stays in the cache, so that the
// budget counts it for as long as it is used; what finds no room is its user's.
//
// What makes room is chosen at random. Queries read the same columns of all
// segments in the same order: were the one used longest ago to go, then of columns
// a little larger than the cache each would go just before it is asked for again.
type Cache struct {
	budget int64

	mu      sync.Mutex
	size    int64
	entries map[cacheKey]*cached
	all     []*cached // the same, in any order
}

// NewCache makes a cache of at most budget bytes.
func NewCache(budget int64) *Cache {
	return &Cache{budget: budget, entries: map[cacheKey]*cached{}}
}

type cacheKey struct {
	segment uint64
	group   int
	col     column.Col
	part    int // of the column: wholeColumn, dictionaryOnly, or the number of a page
}

const (
	wholeColumn    = -1
	dictionaryOnly = -2
)

type cached struct {
	key   cacheKey
	place int // in all
	value any // *column.Vector or *dictionary
	size  int64
	users int
	// uses is the dictionary that the value refers to, which stays as long.
	uses *cached
}

// Size is how many bytes the cache holds.
func (c *Cache) Size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// hold returns what is kept under a key, nil if nothing is. It stays until it is
// released.
func (c *Cache) hold(key cacheKey) *cached {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.entries[key]
	if v != nil {
		v.users++
	}
	return v
}

func (c *Cache) release(v *cached) {
	if v == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v.users--
}

// put keeps a value and holds it, or what came to be kept under the key in the
// meantime. It returns nil where there is no room.
func (c *Cache) put(key cacheKey, value any, size int64, uses *cached) *cached {
	if c == nil || size > c.budget/2 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.entries[key]; v != nil {
		v.users++
		return v
	}
	if !c.makeRoom(size) {
		return nil
	}
	v := &cached{key: key, place: len(c.all), value: value, size: size, users: 1, uses: uses}
	if uses != nil {
		uses.users++
	}
	c.entries[key] = v
	c.all = append(c.all, v)
	c.size += size
	return v
}

// makeRoom removes what nobody uses until there is room, and reports whether
// there is.
func (c *Cache) makeRoom(size int64) bool {
	for draws := 4 * len(c.all); draws > 0 && c.size+size > c.budget && len(c.all) > 0; draws-- {
		if v := c.all[rand.IntN(len(c.all))]; v.users == 0 {
			c.remove(v)
		}
	}
	for i := len(c.all) - 1; i >= 0 && c.size+size > c.budget; i-- { // most are in use
		if i < len(c.all) && c.all[i].users == 0 {
			c.remove(c.all[i])
		}
	}
	return c.size+size <= c.budget
}

// drop removes what belongs to a segment, which nobody uses any more.
func (c *Cache) drop(segment uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.all) - 1; i >= 0; i-- { // the last takes the place of one removed
		if c.all[i].key.segment == segment {
			c.remove(c.all[i])
		}
	}
}

func (c *Cache) remove(v *cached) {
	last := c.all[len(c.all)-1]
	c.all[v.place], last.place = last, v.place
	c.all[len(c.all)-1] = nil
	c.all = c.all[:len(c.all)-1]
	delete(c.entries, v.key)
	c.size -= v.size
	if v.uses != nil {
		v.uses.users--
	}
}
