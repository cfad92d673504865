package table

import (
	"context"
	"slices"
	"time"
)

// Sweep deletes the old rows of a table, a range of ids after another, each in a
// transaction of its own: no lock is held for long, and no index on the time is
// needed. It remembers how old the oldest row of each range is, so that a range
// is read again only when something in it is due. The zero Sweep knows nothing
// and reads all.
//
// Rows that others put into a range it has read are found after the next Open.
type Sweep struct {
	known []span
	next  int64 // the first id that is in no known span
}

// span is a range of ids that no new rows come into.
type span struct {
	from, to int64 // to is outside
	oldest   time.Time
}

// Ranges is a table with an increasing integer id.
type Ranges interface {
	// Ids returns the first id from low on, and the last of all; ok is false where
	// there is none.
	Ids(ctx context.Context, low int64) (first, last int64, ok bool, err error)
	// Delete deletes the rows of the ids from lo to before hi that are older than
	// the time. It returns how many, and the time of the oldest that is left, zero
	// where none is left.
	Delete(ctx context.Context, lo, hi int64, before time.Time) (deleted int64, oldest time.Time, err error)
}

const (
	spanIDs      = 10_000 // ids in a transaction, at most
	spansPerCall = 20
)

// Clean deletes rows older than the time, in a call that comes back soon; more
// says that another is needed to have seen all.
func (s *Sweep) Clean(ctx context.Context, rows Ranges, before time.Time) (deleted int64, more bool, err error) {
	budget := spansPerCall
	for i := 0; i < len(s.known); i++ {
		known := &s.known[i]
		if !known.oldest.Before(before) {
			continue
		}
		if budget == 0 {
			return deleted, true, nil
		}
		budget--
		n, oldest, err := rows.Delete(ctx, known.from, known.to, before)
		if err != nil {
			return deleted, true, err
		}
		deleted += n
		known.oldest = oldest
	}
	s.forgetEmpty()
	for more = true; more && budget > 0; budget-- {
		var n int64
		if n, more, err = s.advance(ctx, rows, before); err != nil {
			return deleted, true, err
		}
		deleted += n
	}
	return deleted, more, nil
}

// advance sweeps the first ids that no span has yet.
func (s *Sweep) advance(ctx context.Context, rows Ranges, before time.Time) (deleted int64, more bool, err error) {
	first, last, ok, err := rows.Ids(ctx, s.next)
	if err != nil || !ok {
		return 0, false, err
	}
	deleted, oldest, err := rows.Delete(ctx, first, first+spanIDs, before)
	if err != nil || first+spanIDs > last {
		return deleted, false, err // new rows still come into it: it is read again
	}
	s.next = first + spanIDs
	if !oldest.IsZero() {
		s.known = append(s.known, span{from: first, to: s.next, oldest: oldest})
	}
	return deleted, true, nil
}

func (s *Sweep) forgetEmpty() {
	s.known = slices.DeleteFunc(s.known, func(k span) bool { return k.oldest.IsZero() })
}
