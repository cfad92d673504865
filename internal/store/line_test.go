package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestLineIsShort: while the heads are full a few appends wait in line, and who
// comes behind them is refused at once.
func TestLineIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Log{opts: Options{HeadMemory: 8000, AppendWait: time.Hour}, work: make(chan struct{}, 1)}
		l.head.freed = make(chan struct{})
		l.failure.done = make(chan struct{})
		l.head.bytes.Store(8000)
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- l.makeRoom(ctx, 5000) }() // however large, alone it waits
		synctest.Wait()
		begun := time.Now()
		if err := l.makeRoom(ctx, 1); !errors.Is(err, ErrOverloaded) || time.Since(begun) != 0 {
			t.Errorf("behind a long line: %v after %v, want ErrOverloaded at once", err, time.Since(begun))
		}
		l.head.bytes.Store(0)
		l.wakeWaiting()
		if err := <-first; err != nil {
			t.Errorf("who waited and then found room: %v", err)
		}
		l.leaveRoom(5000)
		l.head.bytes.Store(8000)
		go func() { second <- l.makeRoom(ctx, 600) }()
		synctest.Wait()
		go func() { first <- l.makeRoom(ctx, 300) }()
		synctest.Wait()
		cancel()
		for _, c := range []chan error{first, second} {
			if err := <-c; !errors.Is(err, context.Canceled) {
				t.Errorf("who waited in a short line: %v, want to have waited until cancelled", err)
			}
		}
	})
}
