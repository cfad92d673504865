package server

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// budget is the bytes that bodies, or answers, in flight share. A caller takes as it reads
// and gives back all at its end.
type budget struct {
	total int64
	free  *semaphore.Weighted
}

func newBudget(total int64) *budget {
	return &budget{total: total, free: semaphore.NewWeighted(total)}
}

// lease is what one request has taken. It is used by one goroutine.
type lease struct {
	from  *budget
	taken int64
}

// grow takes until the lease holds n bytes and reports whether it does; it
// never waits.
func (l *lease) grow(n int64) bool {
	more := n - l.taken
	if more <= 0 {
		return true
	}
	if !l.from.free.TryAcquire(more) {
		return false
	}
	l.taken = n
	return true
}

// wait is grow that waits for others to give back. It may be called only with
// an empty lease: who holds and waits could wait for ever.
func (l *lease) wait(ctx context.Context, n int64) error {
	if err := l.from.free.Acquire(ctx, n); err != nil {
		return err
	}
	l.taken += n
	return nil
}

// end gives everything back. Ending twice is harmless.
func (l *lease) end() {
	l.from.free.Release(l.taken)
	l.taken = 0
}

// holdAnswer takes so many bytes of the budget for answers, until the lease ends:
// a slow client reads an answer long after the query has given its memory back.
func (s *Server) holdAnswer(bytes int64) (*lease, error) {
	l := &lease{from: s.answers}
	if !l.grow(min(bytes, s.answers.total)) { // what is larger goes alone
		return nil, overloaded("answers that other clients are still reading use all of the memory for answers; ask again, or ask for less")
	}
	return l, nil
}
