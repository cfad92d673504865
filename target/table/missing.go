package table

import (
	"sort"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// Missing are the events of a batch that are not in the table yet.
type Missing struct {
	Events []event.Event
	total  int
	at     []int // where each is in the batch; nil = at the end, without a hole
}

// Behind returns what a cursor has not behind it.
func Behind(b target.Batch, cursor int64) Missing {
	if forgetsCursor {
		return Missing{Events: b.Events, total: len(b.Events)}
	}
	there := sort.Search(len(b.Events), func(i int) bool { return b.Events[i].Position > cursor })
	return Missing{Events: b.Events[there:], total: len(b.Events)}
}

// Except returns the events of a redelivery whose positions are not among those
// that were redelivered before.
func Except(b target.Batch, redelivered map[int64]bool) Missing {
	m := Missing{total: len(b.Events), at: []int{}}
	for i, e := range b.Events {
		if !redelivered[e.Position] {
			m.Events, m.at = append(m.Events, e), append(m.at, i)
		}
	}
	return m
}

// Written is how many events from the batch's front are in the table when the
// first inserted of the missing ones are.
func (m Missing) Written(inserted int) int {
	switch {
	case inserted == len(m.Events):
		return m.total
	case m.at != nil:
		return m.at[inserted]
	}
	return m.total - len(m.Events) + inserted
}

// Positions are those of the first n.
func (m Missing) Positions(n int) []int64 {
	positions := make([]int64, n)
	for i := range positions {
		positions[i] = m.Events[i].Position
	}
	return positions
}
