package segment

import (
	"container/list"
	"sync"

	"github.com/firnlog/firn/internal/store/column"
)

// Cache keeps the columns, pages and dictionaries that were used last, within a
// budget of bytes. Many segments share one. What is held stays in the cache, so
// that the budget counts it for as long as it is used; what finds no room is its
// user's.
type Cache struct {
	budget int64

	mu      sync.Mutex
	size    int64
	recent  *list.List // of *cached, the last used first
	entries map[cacheKey]*list.Element
}

// NewCache makes a cache of at most budget bytes.
func NewCache(budget int64) *Cache {
	return &Cache{budget: budget, recent: list.New(), entries: map[cacheKey]*list.Element{}}
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
	e := c.entries[key]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	v := e.Value.(*cached)
	v.users++
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
	if e := c.entries[key]; e != nil {
		v := e.Value.(*cached)
		v.users++
		return v
	}
	for e := c.recent.Back(); e != nil && c.size+size > c.budget; {
		before := e.Prev()
		if e.Value.(*cached).users == 0 {
			c.remove(e)
		}
		e = before
	}
	if c.size+size > c.budget {
		return nil
	}
	v := &cached{key: key, value: value, size: size, users: 1, uses: uses}
	if uses != nil {
		uses.users++
	}
	c.entries[key] = c.recent.PushFront(v)
	c.size += size
	return v
}

// drop removes what belongs to a segment, which nobody uses any more.
func (c *Cache) drop(segment uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.recent.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*cached).key.segment == segment {
			c.remove(e)
		}
		e = next
	}
}

func (c *Cache) remove(e *list.Element) {
	v := c.recent.Remove(e).(*cached)
	delete(c.entries, v.key)
	c.size -= v.size
	if v.uses != nil {
		v.uses.users--
	}
}
