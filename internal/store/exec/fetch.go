package exec

import (
	"context"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
)

// Chunks of rows whose events are made at once: not many at first, because
// nothing is known of their size, then as many as make about chunkBytes. What a
// chunk can hold beyond that is bounded by the texts of its block.
const (
	firstChunk = 128
	mostChunk  = 8192
	chunkBytes = 2 << 20
)

// chunker says how many rows to take next.
type chunker struct{ rows int }

func (c *chunker) next() int {
	if c.rows == 0 {
		c.rows = firstChunk
	}
	return c.rows
}

// took learns from the last chunk.
func (c *chunker) took(rows, bytes int) {
	fit := chunkBytes / max(bytes/rows, 1)
	c.rows = max(1, min(fit, 8*c.rows, mostChunk))
}

// eventSize is about how much memory an event takes.
func eventSize(e *event.Event) int {
	n := 256 + len(e.ID) + len(e.StreamID) + len(e.EventType) + len(e.Payload) + len(e.Metadata)
	if e.Actor != nil {
		n += 16 + len(*e.Actor)
	}
	if e.Subject != nil {
		n += 16 + len(*e.Subject)
	}
	return n
}

func sizeOf(events []event.Event) (n int) {
	for i := range events {
		n += eventSize(&events[i])
	}
	return n
}

// fetch makes the events of picks, in their order.
func (e *engine) fetch(ctx context.Context, picks []pick, need column.Need) ([]event.Event, error) {
	var (
		blocks []int
		places = map[int][]int{} // block → indexes of its picks
		events = make([]event.Event, len(picks))
	)
	for i := range picks {
		b := picks[i].block
		if places[b] == nil {
			blocks = append(blocks, b)
		}
		places[b] = append(places[b], i)
	}
	type none struct{}
	err := inOrder(ctx, len(blocks), func(ctx context.Context, i int) (none, error) {
		return none{}, e.fetchBlock(ctx, blocks[i], places[blocks[i]], picks, events, need)
	}, func(int, none) (bool, error) { return true, nil })
	if err != nil {
		return nil, err
	}
	return events, nil
}

// fetchBlock makes the events of one block's picks and puts them where they
// belong.
func (e *engine) fetchBlock(ctx context.Context, block int, places []int, picks []pick, events []event.Event, need column.Need) error {
	r, err := e.read(ctx, &e.snapshot.Blocks[block])
	if err != nil {
		return err
	}
	defer e.close(r)
	rows := make([]int32, len(places))
	for i, place := range places {
		rows[i] = picks[place].row
	}
	done := 0
	return r.eachChunk(rows, need, func(some []event.Event) error {
		if err := e.account.charge(int64(sizeOf(some))); err != nil {
			return err
		}
		for i := range some {
			events[places[done+i]] = some[i]
		}
		done += len(some)
		return nil
	})
}

// eachChunk calls fn with the events of rows, in the order given, as many at a
// time as make about chunkBytes. The slice is fn's only until it returns, what
// it holds may be kept.
func (r *reader) eachChunk(rows []int32, need column.Need, fn func([]event.Event) error) error {
	var (
		chunk chunker
		buf   []event.Event
		err   error
	)
	for len(rows) > 0 {
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		n := min(chunk.next(), len(rows))
		if buf, err = r.block.Events(buf[:0], rows[:n], need); err != nil {
			return err
		}
		chunk.took(n, sizeOf(buf))
		if err := fn(buf); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
