package exec

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/firnlog/firn/query"
)

// engine is the run of one query over one snapshot.
type engine struct {
	snapshot Snapshot
	where    node
	account  account
	cost     cost
}

// cost gathers what a query costs while several goroutines work on it.
type cost struct {
	start time.Time
	rows  atomic.Int64
	bytes atomic.Int64

	mu      sync.Mutex
	scanned map[string]bool // segments of which a block was read
}

// scans counts a block whose rows are looked at.
func (c *cost) scans(ref *BlockRef) {
	c.rows.Add(int64(ref.Rows))
	if ref.Segment == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.scanned == nil {
		c.scanned = make(map[string]bool)
	}
	c.scanned[ref.Segment] = true
}

// stats is what the query has cost so far.
func (c *cost) stats(s *Snapshot) Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	segments := 0
	for i := range s.Blocks {
		name := s.Blocks[i].Segment
		if name != "" && (i == 0 || s.Blocks[i-1].Segment != name) {
			segments++
		}
	}
	return Stats{
		RowsScanned:     c.rows.Load(),
		SegmentsScanned: len(c.scanned),
		SegmentsSkipped: segments - len(c.scanned),
		BytesRead:       c.bytes.Load(),
		Elapsed:         time.Since(c.start),
	}
}

// newEngine prepares a run of where (nil = every event) over a snapshot. The
// caller closes its account.
func newEngine(where query.Condition, s Snapshot, m *Memory) (*engine, error) {
	n, err := compile(where, &s)
	if err != nil {
		return nil, err
	}
	e := &engine{snapshot: s, where: n}
	e.account.memory = m
	e.cost.start = time.Now()
	return e, nil
}

// restrict leaves only positions from first to last.
func (e *engine) restrict(first, last int64) {
	e.where = newAllOf([]node{newIntNode(query.Position, []span{{first, last}}), e.where})
}
