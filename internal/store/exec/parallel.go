package exec

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// PanicError is a panic of a worker turned into an error, so that a query never
// takes the process with it.
type PanicError struct {
	Value any
	Stack []byte // for the operator's log, not for clients
}

func (e *PanicError) Error() string { return fmt.Sprintf("query failed inside: %v", e.Value) }

// guarded calls fn and turns a panic into a PanicError.
func guarded[T any](fn func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// inOrder calls work for 0…n-1 on as many goroutines as there are processors
// and merge with the results in order, on the caller's goroutine, until merge
// says that it has enough, one of the two fails, or ctx ends. Few results wait
// at a time. All goroutines have ended when it returns.
func inOrder[T any](ctx context.Context, n int, work func(ctx context.Context, i int) (T, error), merge func(i int, v T) (more bool, err error)) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		return oneByOne(ctx, n, work, merge)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	window := 2 * workers
	tickets := make(chan struct{}, window)
	results := make(chan finished[T], window)
	var next atomic.Int64
	for range workers {
		running.Go(func() {
			for {
				select {
				case tickets <- struct{}{}:
				case <-ctx.Done():
					return
				}
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				v, err := guarded(func() (T, error) { return work(ctx, i) })
				results <- finished[T]{i, v, err} // never blocks: one place a ticket
			}
		})
	}
	waiting := make(map[int]finished[T], window)
	for i := range n {
		r, err := await(ctx, i, results, waiting)
		if err != nil {
			return err
		}
		more, err := guarded(func() (bool, error) { return merge(i, r.v) })
		if err != nil || !more {
			return err
		}
		<-tickets
	}
	return nil
}

// finished is a result of work.
type finished[T any] struct {
	i   int
	v   T
	err error
}

// await waits for the i-th result and keeps those that come before it is their
// turn.
func await[T any](ctx context.Context, i int, results <-chan finished[T], waiting map[int]finished[T]) (finished[T], error) {
	for {
		if r, ok := waiting[i]; ok {
			delete(waiting, i)
			return r, r.err
		}
		select {
		case r := <-results:
			waiting[r.i] = r
		case <-ctx.Done():
			return finished[T]{}, context.Cause(ctx)
		}
	}
}

// oneByOne is inOrder on the caller's goroutine alone.
func oneByOne[T any](ctx context.Context, n int, work func(ctx context.Context, i int) (T, error), merge func(i int, v T) (more bool, err error)) error {
	for i := range n {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		more, err := guarded(func() (bool, error) {
			v, err := work(ctx, i)
			if err != nil {
				return false, err
			}
			return merge(i, v)
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}
