package exec

import (
	"context"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
)

// Events are made in chunks of rows, of at most mostChunk rows and, but for a
// single large event, of about chunkBytes. Memory for a chunk is taken before it
// is made.
const (
	mostChunk  = 8192
	chunkBytes = 4 << 20
)

// eventFixed is how much of eventSize does not depend on the event.
const eventFixed = 256

// eventSize is about how much memory an event takes.
func eventSize(e *event.Event) int {
	n := eventFixed + len(e.ID) + len(e.StreamID) + len(e.EventType) + len(e.Payload) + len(e.Metadata)
	if e.Actor != nil {
		n += 16 + len(*e.Actor)
	}
	if e.Subject != nil {
		n += 16 + len(*e.Subject)
	}
	return n
}

func sizeOf(events []event.Event) (n int64) {
	for i := range events {
		n += int64(eventSize(&events[i]))
	}
	return n
}

// fetch makes the events of picks, in their order.
func (e *engine) fetch(ctx context.Context, picks []pick, need column.Need) ([]event.Event, error) {
	if err := e.account.Charge(int64(len(picks)) * eventFixed); err != nil {
		return nil, err
	}
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
	return r.eachChunk(rows, need, func(some []event.Event, _ int64) error {
		for i := range some {
			events[places[done+i]] = some[i]
		}
		done += len(some)
		e.account.Refund(int64(len(some)) * eventFixed) // fetch has charged it
		return nil
	})
}

// eachChunk calls fn with the events of rows, in the order given, chunk by
// chunk, and with how many bytes are charged for them, which is fn's to refund.
// The slice is fn's only until it returns, what it holds may be kept.
func (r *reader) eachChunk(rows []int32, need column.Need, fn func(events []event.Event, bytes int64) error) error {
	var buf []event.Event
	for len(rows) > 0 {
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		n, most, err := r.chunk(rows)
		if err != nil {
			return err
		}
		if buf, err = r.block.Events(buf[:0], rows[:n], need); err != nil {
			r.account.Refund(most)
			return err
		}
		bytes := sizeOf(buf)
		if bytes > most {
			err = r.account.Charge(bytes - most)
		} else {
			r.account.Refund(most - bytes)
		}
		if err != nil {
			return err
		}
		if err := fn(buf, bytes); err != nil {
			return err
		}
		clear(buf) // so that what fn let go is free
		rows = rows[n:]
	}
	return nil
}

// chunk charges for as many of rows as there is room for at once, which are few
// where that is little.
func (r *reader) chunk(rows []int32) (n int, bytes int64, err error) {
	rows = rows[:min(len(rows), mostChunk)]
	for limit := int64(chunkBytes); ; limit /= 4 {
		n, bytes = r.block.Fit(rows, limit)
		if err = r.account.Charge(bytes); err == nil || n == 1 {
			return n, bytes, err
		}
	}
}
