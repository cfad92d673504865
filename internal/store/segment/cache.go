package segment

import (
	"container/list"
	"sync"

	"github.com/firnlog/firn/internal/store/column"
)

// Cache keeps the vectors that were used last, within a budget of bytes. Many
// segments share one.
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
	dict    bool // the column's dictionary, not its vector
}

type cached struct {
	key   cacheKey
	value any // *column.Vector or *dictionary
	size  int64
}

// Size is how many bytes the cache holds.
func (c *Cache) Size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

func (c *Cache) get(key cacheKey) any {
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
	return e.Value.(*cached).value
}

func (c *Cache) put(key cacheKey, value any, size int64) {
	if c == nil || size > c.budget/2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key] != nil {
		return
	}
	c.entries[key] = c.recent.PushFront(&cached{key, value, size})
	c.size += size
	for c.size > c.budget {
		c.remove(c.recent.Back())
	}
}

// drop removes what belongs to a segment.
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
}
