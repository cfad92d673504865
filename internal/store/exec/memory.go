package exec

import (
	"errors"
	"sync/atomic"
)

// ErrMemory says that the budget shared by all running queries is used up.
var ErrMemory = errors.New("query memory is exhausted: ask for less at once (a time range, a smaller limit, fewer groups) or try again later")

// Memory is the budget in bytes that all running queries share. Its methods may
// be called by many goroutines at once; a nil Memory has no bound.
type Memory struct {
	limit int64
	used  atomic.Int64
}

// NewMemory returns a budget of limit bytes; 0 or less = no bound.
func NewMemory(limit int64) *Memory { return &Memory{limit: limit} }

// TryAcquire takes n bytes of the budget, or nothing where they are not left.
func (m *Memory) TryAcquire(n int64) bool {
	if m == nil {
		return true
	}
	if used := m.used.Add(n); m.limit > 0 && used > m.limit {
		m.used.Add(-n)
		return false
	}
	return true
}

// Release gives n acquired bytes back.
func (m *Memory) Release(n int64) {
	if m != nil {
		m.used.Add(-n)
	}
}

// Used is how many bytes are taken.
func (m *Memory) Used() int64 {
	if m == nil {
		return 0
	}
	return m.used.Load()
}

// account is what one query holds of the budget. It may be used by many
// goroutines; close gives everything back.
type account struct {
	memory *Memory
	held   atomic.Int64
}

// Charge takes n bytes; ErrMemory where they are not left.
func (a *account) Charge(n int64) error {
	if n == 0 {
		return nil
	}
	if !a.memory.TryAcquire(n) {
		return ErrMemory
	}
	a.held.Add(n)
	return nil
}

// Refund gives back n of the bytes charged.
func (a *account) Refund(n int64) {
	a.memory.Release(n)
	a.held.Add(-n)
}

func (a *account) close() { a.memory.Release(a.held.Swap(0)) }

// meter gathers small charges and passes them on in larger ones, so that hot
// loops do not contend for the shared budget. It belongs to one goroutine.
type meter struct {
	account charger
	owed    int64
	charged int64 // by it so far
}

// charger is an account, or a reader, which gives back what it was charged when
// it is closed.
type charger interface{ Charge(n int64) error }

// meterStep is how many bytes a meter lets run up before it charges them.
const meterStep = 64 << 10

// add owes n bytes more.
func (m *meter) add(n int) error {
	m.owed += int64(n)
	if m.owed < meterStep {
		return nil
	}
	return m.settle()
}

// settle charges what is owed.
func (m *meter) settle() error {
	n := m.owed
	m.owed = 0
	if n == 0 {
		return nil
	}
	if err := m.account.Charge(n); err != nil {
		return err
	}
	m.charged += n
	return nil
}
