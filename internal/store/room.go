package store

import (
	"context"
	"fmt"
)

// waitingPart is the part of HeadMemory that may wait in line for room. Who comes
// later is refused at once: the line is as long as sealing takes for a moment.
const waitingPart = 4

// makeRoom waits until the heads have room for a batch of so many bytes, and
// takes it for the batch on its way there, until leaveRoom.
func (l *Log) makeRoom(ctx context.Context, bytes int64) error {
	if l.takeRoom(bytes) {
		return nil
	}
	line := l.head.waiting.Add(bytes)
	defer l.head.waiting.Add(-bytes)
	if line > bytes && line > l.opts.HeadMemory/waitingPart {
		return fmt.Errorf("%w: %d bytes of events wait for sealing already", ErrOverloaded, line-bytes)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.opts.AppendWait, fmt.Errorf("%w: sealing is %s behind", ErrOverloaded, l.opts.AppendWait))
	defer cancel()
	for {
		l.head.mu.Lock()
		freed := l.head.freed
		l.head.mu.Unlock()
		if l.takeRoom(bytes) {
			return nil
		}
		l.kick()
		select {
		case <-freed:
		case <-l.failure.done:
			return l.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// takeRoom takes the room for a batch if there is some. Below half of HeadMemory,
// where nothing need be sealed, there is room for any batch.
func (l *Log) takeRoom(bytes int64) bool {
	for {
		coming := l.head.coming.Load()
		used := l.head.bytes.Load() + max(coming, l.head.queued.Load())
		if used >= l.opts.HeadMemory/2 && used+bytes > l.opts.HeadMemory {
			return false
		}
		if l.head.coming.CompareAndSwap(coming, coming+bytes) {
			return true
		}
	}
}

// leaveRoom gives back what takeRoom took: the batch is in the head now, or not
// stored at all.
func (l *Log) leaveRoom(bytes int64) {
	if l.head.coming.Add(-bytes)+bytes+l.head.bytes.Load() >= l.opts.HeadMemory/2 {
		l.wakeWaiting() // somebody may wait for it
	}
}

// roomMade tells those who wait that the heads have become smaller.
func (l *Log) roomMade(rows, bytes int64) {
	l.head.rows.Add(-rows)
	l.head.bytes.Add(-bytes)
	l.wakeWaiting()
}

// wakeWaiting has appends that wait for room look again.
func (l *Log) wakeWaiting() {
	l.head.mu.Lock()
	close(l.head.freed)
	l.head.freed = make(chan struct{})
	l.head.mu.Unlock()
}
