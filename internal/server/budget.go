package server

import (
	"context"
	"runtime"

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

// admission lets as many appends in as the machine gets through in a moment, and
// refuses the rest while a refusal is cheap. Otherwise all that come would be
// parsed at once: each would wait for all the others, and sealing with them.
type admission struct {
	// waiting are the bytes of bodies that are whole and not stored yet. A body
	// that is still coming does not count: slow clients keep nobody out.
	waiting *budget
	turns   *semaphore.Weighted // to parse: one for each processor
}

func newAdmission(bytes int64) *admission {
	return &admission{waiting: newBudget(bytes), turns: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0)))}
}

// ask refuses an append of so many bytes, -1 = unknown, before its body is read.
func (a *admission) ask(bytes int64) error {
	bytes = min(max(bytes, 1), a.waiting.total)
	if !a.waiting.free.TryAcquire(bytes) {
		return tooMuch()
	}
	a.waiting.free.Release(bytes)
	return nil
}

// tooMuch refuses an append that would have to wait too long.
func tooMuch() *problem {
	return overloaded("more events are waiting to be stored than can be stored in a moment; send it again, with the same ids")
}

// enter admits an append of so many bytes until its lease ends, or refuses it.
func (a *admission) enter(bytes int64) (*lease, error) {
	l := &lease{from: a.waiting}
	if !l.grow(min(bytes, a.waiting.total)) { // what is larger goes alone
		return nil, tooMuch()
	}
	return l, nil
}

// wait is enter that waits for others to be stored.
func (a *admission) wait(ctx context.Context, bytes int64) (*lease, error) {
	l := &lease{from: a.waiting}
	return l, l.wait(ctx, min(bytes, a.waiting.total))
}

// parse runs what works on a body, when its turn has come.
func (a *admission) parse(ctx context.Context, run func() error) error {
	if err := a.turns.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer a.turns.Release(1)
	return run()
}
