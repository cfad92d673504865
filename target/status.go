package target

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// State is what a target is doing.
type State string

// The states.
const (
	Running  State = "running"  // it delivers, or there is nothing to deliver
	Retrying State = "retrying" // the last attempt failed; the next comes soon
	Paused   State = "paused"   // nothing can be taken; it is tried now and then
	Stopped  State = "stopped"  // it waits for an operator
)

// States are all states.
func States() []State { return []State{Running, Retrying, Paused, Stopped} }

// Status is how a target is doing.
type Status struct {
	Name, Type string
	State      State
	// LagEvents is how many positions of the log it is behind, those of events
	// that it does not want included; LagSeconds is how long ago the first event
	// that it lacks was recorded.
	LagEvents   int64
	LagSeconds  float64
	Delivered   int64 // events, since the server started
	DeadLetters int64
	LastError   string // "" = none since the server started
	LastErrorAt time.Time
	// Failures are attempts that failed, since the server started.
	Failures int64
}

// report is the status now.
func (d *delivery) report() Status {
	d.mu.Lock()
	s, r, shared := d.status, d.reader, d.shared
	d.mu.Unlock()
	if shared != nil {
		dead, _ := shared.counts()
		s.DeadLetters = int64(dead)
	}
	if r == nil {
		return s
	}
	var since time.Time
	if s.LagEvents, since = r.lag(); !since.IsZero() {
		s.LagSeconds = max(0, time.Since(since).Seconds())
	}
	return s
}

// counted notes events that were delivered.
func (d *delivery) counted(n int) {
	d.failures = 0
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.Delivered += int64(n)
}

// fails reports whether the last that was noted is a failure.
func (d *delivery) fails() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status.State != Running
}

// works notes that the target does what it should.
func (d *delivery) works(ctx context.Context) {
	d.failures = 0
	d.mu.Lock()
	d.status.State = Running
	d.mu.Unlock()
	d.announcer.connected(ctx)
}

// ready notes that the target could be opened. One that had failed is running
// again only when it has taken something, or when nothing waits for it.
func (d *delivery) ready(ctx context.Context) {
	if lag, _ := d.reader.lag(); d.failures == 0 || lag == 0 {
		d.works(ctx)
	}
}

// failed notes a failure and waits until it is time to try again.
func (d *delivery) failed(ctx context.Context, err error) {
	if d.state != nil && d.state.broken() != nil {
		d.share(nil) // what is on disk counts
	}
	state, wait := Retrying, time.Duration(0)
	_, stop := errors.AsType[*StopError](err)
	_, pause := errors.AsType[*PauseError](err)
	switch {
	case stop:
		state = Stopped
	case pause:
		state, wait = Paused, jittered(d.timing.pause)
	default:
		d.failures++
		wait = d.timing.backoff(d.failures)
	}
	d.failures = max(d.failures, 1)
	d.opened = false
	if d.current != nil {
		d.doubt(d.current.place)
	}
	text := brief(err)
	if errors.Is(err, errHung) {
		d.standBy(ctx, state, wait) // what hangs was told
		return
	}
	d.mu.Lock()
	repeated := d.status.State == state && d.status.LastError == text
	d.status.LastError, d.status.LastErrorAt = text, time.Now().UTC().Truncate(time.Millisecond)
	d.status.Failures++
	d.status.State = state
	d.mu.Unlock()
	if !repeated {
		d.logger.Warn("a target fails", "target", d.spec.Name, "state", string(state), "error", text)
	}
	d.announcer.disconnected(ctx, state, text)
	d.standBy(ctx, state, wait)
}

// doubt has a target that keeps its cursors itself asked again: what it was
// writing may be written or not.
func (d *delivery) doubt(p *place) {
	if _, checks := d.target.(Checkpointer); checks {
		d.reader.mu.Lock()
		defer d.reader.mu.Unlock()
		p.found, p.bound = false, true
	}
}

// standBy waits for the next attempt, for ever where the target is stopped, and
// meanwhile takes in how the log goes on, now and then only: appends to it shall
// not pay for waking what can do nothing. An operator ends it.
func (d *delivery) standBy(ctx context.Context, state State, wait time.Duration) {
	next := time.Now().Add(wait)
	if state == Stopped {
		next = next.AddDate(100, 0, 0)
	}
	var looked time.Time
	for ctx.Err() == nil && !d.asked() && !d.returned() && time.Now().Before(next) {
		until := next
		if due := d.announcer.due(); !due.IsZero() {
			until = earlier(until, due)
		}
		var news <-chan struct{}
		if again := looked.Add(d.timing.glance); time.Now().Before(again) {
			until = earlier(until, again)
		} else if d.reader != nil {
			news = d.reader.watch.News()
		}
		d.wait(ctx, news, time.Until(until))
		d.announcer.flush(ctx, time.Now())
		if news != nil && d.state != nil {
			_ = d.news(ctx) // its error comes again at the next attempt
			looked = time.Now()
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// returned reports, once, that a call that was left behind has returned.
func (d *delivery) returned() bool {
	select {
	case <-d.hung:
		d.hung = nil
		return true
	default:
		return false
	}
}

// asked reports whether an operator wants the target tried now, once.
func (d *delivery) asked() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.retry
	d.retry = false
	return asked
}

// share makes the state known to operators.
func (d *delivery) share(s *state) {
	d.state = s
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shared = s
}

// broken is why the state can be written no more, nil if it can.
func (s *state) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.Err()
}

// brief is an error as one message of at most a thousand bytes.
func brief(err error) string {
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	const most = 1000
	if len(text) <= most {
		return text
	}
	for n := most; ; n-- {
		if utf8.RuneStart(text[n]) {
			return text[:n] + "…"
		}
	}
}
