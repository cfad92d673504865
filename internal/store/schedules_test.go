package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// schedulesPerLog is how many schedules run on one log before there is a new one.
const schedulesPerLog = 200

// TestRetentionIsNeverEarly runs random schedules (FIRN_SCHEDULES): the clock goes
// back, ahead and far ahead, the log is closed and opened, retention is set anew,
// callers say that their events are of 1970 and of 2099. Every sweep of the store
// is held against the plainest model: what has not reached its age by the
// server's clock is there, what has is gone, protected events of system stay for
// a year, and after a jump of more than a day nothing goes without a word.
func TestRetentionIsNeverEarly(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 0))
	var total scheduleTally
	for left := rounds(t, "FIRN_SCHEDULES", 600); left > 0; left -= schedulesPerLog {
		s := newSchedules(t, rng)
		for range min(left, schedulesPerLog) {
			s.run()
		}
		s.check()
		closeLog(t, s.log)
		total.add(s.tally)
		if t.Failed() {
			break
		}
	}
	t.Logf("%+v", total)
	if total.Removed == 0 || total.Waited == 0 || total.Restarts == 0 || total.Protected == 0 {
		t.Error("the schedules prove nothing")
	}
}

// TestRetentionRemembersTheLastSweep: a clock that was wrong, and is set right, is
// as wrong the next time, also after a restart.
func TestRetentionRemembersTheLastSweep(t *testing.T) {
	c := newClock()
	o := Options{FS: vfstest.New(), Now: c.Now, Quiet: true}
	l := open(t, "/data", o)
	sweep := func() error { return l.ApplyRetention(t.Context()) }
	if _, err := l.CreateInstance(t.Context(), Instance{Name: "app", RetentionDays: 1}); err != nil {
		t.Fatal(err)
	}
	if err := sweep(); err != nil {
		t.Fatal(err)
	}
	c.advance(5 * day)
	if err := l.ConfirmClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.advance(-5 * day)
	appendTo(t, l, "app", sample(0))
	if err := sweep(); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	l = open(t, "/data", o)
	c.advance(5 * day)
	if err := sweep(); !errors.Is(err, ErrClockJump) {
		t.Errorf("five days ahead of the last sweep: %v, want ErrClockJump", err)
	}
	if n := len(all(t, l, "app")); n != 1 {
		t.Errorf("%d events are there, want 1", n)
	}
}

type scheduleTally struct{ Schedules, Sweeps, Waited, Removed, Restarts, Protected int }

func (a *scheduleTally) add(b scheduleTally) {
	a.Schedules, a.Sweeps, a.Waited = a.Schedules+b.Schedules, a.Sweeps+b.Sweeps, a.Waited+b.Waited
	a.Removed, a.Restarts, a.Protected = a.Removed+b.Removed, a.Restarts+b.Restarts, a.Protected+b.Protected
}

// schedules is a log, and what should be in it.
type schedules struct {
	t     *testing.T
	rng   *rand.Rand
	fs    *vfstest.FS
	clock *clock
	log   *Log
	tally scheduleTally

	days, systemDays int
	kept             []agedEvent // of instance app
	system           []agedEvent // those that the test has put there, protected ones too
	seen             time.Time   // the latest time that the log has reason to believe
}

// agedEvent is an event that was accepted at a time.
type agedEvent struct {
	position  int64
	at        time.Time
	protected bool
}

func newSchedules(t *testing.T, rng *rand.Rand) *schedules {
	s := &schedules{t: t, rng: rng, fs: vfstest.New(), clock: newClock()}
	s.seen = s.clock.Now()
	s.start()
	create(t, s.log, "app")
	return s
}

func (s *schedules) start() {
	s.log = open(s.t, "/data", Options{FS: s.fs, Now: s.clock.Now, Quiet: true, SystemRetention: &s.systemDays, Report: func(r Report) {
		if r.Severity > event.Error {
			s.t.Errorf("report: %s", r.Message)
		}
	}})
}

// run is one schedule: something is stored, time does something, perhaps the log
// is opened again or its retention changes, and retention sweeps.
func (s *schedules) run() {
	s.tally.Schedules++
	s.append()
	switch s.rng.IntN(12) {
	case 0:
		s.clock.advance(-time.Duration(1+s.rng.IntN(72)) * time.Hour)
	case 1:
		s.clock.advance(25*time.Hour + time.Duration(s.rng.Int64N(int64(400*day))))
	case 2: // nothing
	default:
		s.clock.advance(time.Duration(s.rng.Int64N(int64(23 * time.Hour))))
	}
	if s.rng.IntN(4) == 0 {
		s.append()
	}
	switch s.rng.IntN(20) {
	case 0:
		closeLog(s.t, s.log)
		s.start()
		s.tally.Restarts++
	case 1, 2:
		s.days = s.rng.IntN(5)
		if _, err := s.log.UpdateInstance(context.Background(), "app", InstanceUpdate{RetentionDays: &s.days}); err != nil {
			s.t.Fatal(err)
		}
	case 3:
		s.systemDays = s.rng.IntN(3) * 200
	case 4:
		seal(s.t, s.log)
	}
	s.sweep()
	if s.rng.IntN(25) == 0 {
		s.check()
	}
}

// append stores events whose callers say that they are of any time.
func (s *schedules) append() {
	batch := make([]event.Draft, 1+s.rng.IntN(2))
	for i := range batch {
		batch[i] = event.Draft{EventType: "some.event"}
		switch s.rng.IntN(4) {
		case 0:
			batch[i].Timestamp = time.Date(1970, 1, 1, 0, 0, i, 0, time.UTC)
		case 1:
			batch[i].Timestamp = time.Date(2099, 1, 1, 0, 0, i, 0, time.UTC)
		}
	}
	for _, r := range appendTo(s.t, s.log, "app", batch...) {
		s.kept = append(s.kept, agedEvent{position: r.Position, at: r.RecordedAt})
	}
	if s.rng.IntN(10) > 0 {
		return
	}
	protected := s.rng.IntN(2) == 0
	r, err := s.log.Record(context.Background(), event.Draft{EventType: map[bool]string{true: "api_key.created", false: "server.started"}[protected]})
	if err != nil {
		s.t.Fatal(err)
	}
	s.system = append(s.system, agedEvent{position: r.Position, at: r.RecordedAt, protected: protected})
}

// sweep applies retention, and has the operator give a word where it waits.
func (s *schedules) sweep() {
	s.tally.Sweeps++
	now := s.clock.Now()
	err := s.log.ApplyRetention(context.Background())
	if errors.Is(err, ErrClockJump) {
		s.tally.Waited++
		s.check() // nothing is gone
		if s.rng.IntN(2) == 0 {
			s.clock.advance(-now.Sub(s.newest())) // it was wrong, and is set right
			return
		}
		if err := s.log.ConfirmClock(context.Background()); err != nil {
			s.t.Fatal(err)
		}
		s.seen = now
		err = s.log.ApplyRetention(context.Background())
	} else if jump := now.Sub(s.newest()); jump > day+time.Minute {
		s.t.Fatalf("the clock is %v ahead of all that the log has seen, and retention did not wait", jump)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.seen = now
	s.kept = s.expire(s.kept, now, s.days, s.days)
	s.system = s.expire(s.system, now, s.systemDays, max(s.systemDays, 365))
}

// newest is the latest time that was recorded or at which a sweep was right.
func (s *schedules) newest() time.Time {
	at := s.seen
	for _, in := range s.log.all() {
		if r := millis(in.current().recorded); r.After(at) && !r.After(s.clock.Now()) {
			at = r
		}
	}
	return at
}

func (s *schedules) expire(events []agedEvent, now time.Time, days, protectedDays int) (kept []agedEvent) {
	for _, e := range events {
		age := days
		if e.protected {
			age = protectedDays
		}
		if days > 0 && e.at.Before(now.Add(-time.Duration(age)*day).Truncate(time.Millisecond)) {
			s.tally.Removed++
			continue
		}
		if e.protected && days > 0 && e.at.Before(now.Add(-time.Duration(days)*day)) {
			s.tally.Protected++
		}
		kept = append(kept, e)
	}
	return kept
}

// check holds the log against the model.
func (s *schedules) check() {
	s.t.Helper()
	if err := s.compare("app", s.kept, "some.event"); err != nil {
		s.t.Fatal(err)
	}
	if err := s.compare(SystemInstance, s.system, "api_key.created", "server.started"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *schedules) compare(instance string, want []agedEvent, types ...string) error {
	there := map[int64]event.Event{}
	for _, e := range all(s.t, s.log, instance) {
		for _, t := range types {
			if e.EventType == t {
				there[e.Position] = e
			}
		}
	}
	for _, e := range want {
		if _, ok := there[e.position]; !ok {
			return fmt.Errorf("instance %s: position %d of %v was removed early: it is %v (retention %d days)", instance, e.position, e.at, s.clock.Now(), s.days)
		}
		delete(there, e.position)
	}
	for p, e := range there {
		return fmt.Errorf("instance %s: position %d of %v is there still, at %v (retention %d days)", instance, p, e.RecordedAt, s.clock.Now(), s.days)
	}
	return nil
}
