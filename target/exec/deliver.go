package exec

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// chunk is about how many bytes are written at a time.
const chunk = 64 << 10

// queue is what the program was given and whose fate was not reported yet: a run
// of events of one instance, with the number of its first.
type queue struct {
	log       target.Identity
	instance  string
	first     int64
	positions []int64
}

// begins reports whether the batch begins with what is in the queue, or is all
// in it.
func (q *queue) begins(b target.Batch) bool {
	if q.log != b.Log || q.instance != b.Instance.ID {
		return false
	}
	for i := range min(len(q.positions), len(b.Events)) {
		if q.positions[i] != b.Events[i].Position {
			return false
		}
	}
	return true
}

// deliver gives the program what of the batch it does not have and waits until it
// has answered it all, refused an event, or gone wrong.
func (l *life) deliver(ctx context.Context, b target.Batch, patience time.Duration) (written int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	given := l.ledger.given.Load()
	if l.ledger.answered == given {
		l.waited = 0
	}
	if len(l.queue.positions) == 0 || !l.queue.begins(b) {
		// What is left there was reported as not written: it comes again.
		l.queue = queue{log: b.Log, instance: b.Instance.ID, first: given + 1}
		maps.DeleteFunc(l.ledger.refused, func(n int64, _ string) bool { return n <= l.ledger.answered })
	}
	have := min(len(l.queue.positions), len(b.Events))
	sent := make(chan giving, 1)
	go func() { sent <- l.give(b.Events[have:]) }()
	err = l.listen(ctx, sent, l.queue.first+int64(len(b.Events))-1, patience)
	_ = l.stdin.SetWriteDeadline(time.Unix(1, 0)) // whoever still writes stops; a pipe that is closed has nobody
	gave := <-sent
	_ = l.stdin.SetWriteDeadline(time.Time{})
	for _, e := range b.Events[have : have+gave.events] {
		l.queue.positions = append(l.queue.positions, e.Position)
	}
	return l.report(len(b.Events), err)
}

// report takes from the queue what can be reported of n events.
func (l *life) report(n int, err error) (written int, _ error) {
	q, refusal := &l.queue, ""
	for written < n && q.first+int64(written) <= l.ledger.answered && refusal == "" {
		if refusal = l.ledger.refused[q.first+int64(written)]; refusal == "" {
			written++
		}
	}
	done := written
	if refusal != "" {
		delete(l.ledger.refused, q.first+int64(written))
		done++
	}
	q.first += int64(done)
	q.positions = slices.Delete(q.positions, 0, done)
	switch {
	case refusal != "" && err == nil:
		return written, &target.RefusedError{Err: errors.New("refused by the plugin: " + refusal)}
	case written == n:
		return written, nil
	}
	return written, err
}

// giving is how far give came.
type giving struct {
	events int // begun
	err    error
}

// give writes events to the program. Stopped by a deadline it leaves the rest of
// what it has begun in l.out.
func (l *life) give(events []event.Event) (g giving) {
	for len(l.out) > 0 || g.events < len(events) {
		last := l.ledger.given.Load()
		for len(l.out) < chunk && g.events < len(events) {
			last++
			l.out = strconv.AppendInt(append(l.out, `{"n":`...), last, 10)
			l.out = events[g.events].AppendJSON(append(l.out, `,"event":`...))
			l.out = append(l.out, "}\n"...)
			g.events++
		}
		l.ledger.given.Store(last) // before it can be answered
		n, err := l.stdin.Write(l.out)
		l.out = append(l.out[:0], l.out[n:]...)
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				g.err = err
			}
			return g
		}
		if cap(l.out) > 16*chunk {
			l.out = nil // of a very large event
		}
	}
	return g
}

// listen takes answers until the number last is answered or the first refusal
// can be reported.
func (l *life) listen(ctx context.Context, sent chan giving, last int64, patience time.Duration) error {
	since := time.Now().Add(-l.waited)
	defer func() { l.waited = time.Since(since) }()
	timer := time.NewTimer(patience - l.waited)
	defer timer.Stop()
	writing := sent
	for {
		if l.ledger.answered >= last || l.refusal() {
			return nil
		}
		select {
		case line, more := <-l.answers:
			if !more {
				return l.silenced()
			}
			moved, err := l.ledger.take(line)
			if err != nil {
				return err
			}
			if moved {
				since = time.Now()
				timer.Reset(patience)
			}
		case g := <-writing:
			sent <- g
			writing = nil
			if g.err != nil {
				return l.deaf(g.err)
			}
		case <-timer.C:
			return wrong("no answer to event %d for %s (answer_timeout); it was given %d", l.ledger.answered+1, patience, l.ledger.given.Load())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// refusal reports whether an event of the queue is refused and all before it are
// answered.
func (l *life) refusal() bool {
	for n := range l.ledger.refused {
		if n >= l.queue.first && n <= l.ledger.answered {
			return true
		}
	}
	return false
}

// silenced is the error of a program that says no more.
func (l *life) silenced() error {
	if l.garbled != nil {
		return l.garbled
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-l.dead:
		return l.death()
	case <-timer.C:
		return wrong("closed its standard output and goes on")
	}
}

// deaf is the error of a program that takes nothing more. What it has answered
// before it ended counts.
func (l *life) deaf(err error) error {
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	for {
		select {
		case line, more := <-l.answers:
			if !more {
				return l.silenced()
			}
			if _, err := l.ledger.take(line); err != nil {
				return err
			}
		case <-timer.C:
			return wrong("closed its standard input and goes on (%v)", err)
		}
	}
}
