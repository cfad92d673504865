package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func subscribe(t *testing.T, l *Log, r SubscribeRequest) *Subscription {
	t.Helper()
	s, err := l.Subscribe(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// receive reads until position until.
func receive(t *testing.T, s *Subscription, until int64, max int) (positions []int64, gaps []Gap) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for last := int64(0); last < until; {
		d, err := s.Next(ctx, max)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Events) > max {
			t.Errorf("%d events where %d were asked for", len(d.Events), max)
		}
		if d.Gap != nil {
			gaps = append(gaps, *d.Gap)
		}
		for _, e := range d.Events {
			positions = append(positions, e.Position)
		}
		last = d.Position
	}
	return positions, gaps
}

func upTo(first, last int64) (out []int64) {
	for p := first; p <= last; p++ {
		out = append(out, p)
	}
	return out
}

func TestSubscribeFromSegmentsToWhatArrives(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	create(t, l, "app")
	appendTo(t, l, "app", samples(50)...)
	seal(t, l)
	appendTo(t, l, "app", samples(30)...)
	s := subscribe(t, l, SubscribeRequest{Instance: "app"})
	filtered := subscribe(t, l, SubscribeRequest{Instance: "app", Where: condition(t, `{"field":"stream_id","operator":"eq","value":"s0"}`), After: 10})
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 20 {
			if _, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: samples(3)}); err != nil {
				t.Error(err)
			}
			if err := l.Seal(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	got, gaps := receive(t, s, 140, 7)
	if d := cmp.Diff(upTo(1, 140), got); d != "" || gaps != nil {
		t.Errorf("delivered (-want +got):\n%s\ngaps %v", d, gaps)
	}
	got, _ = receive(t, filtered, 138, 100)
	for i, p := range got {
		if i > 0 && p <= got[i-1] || p <= 10 {
			t.Errorf("position %d follows %d", p, got[i-1])
		}
	}
	if len(got) != 13+10+20 {
		t.Errorf("the filter let %d events pass", len(got))
	}
	wg.Wait()
}

func TestSubscribeTellsWhatWasRemoved(t *testing.T) {
	c := newClock()
	l := open(t, t.TempDir(), Options{Quiet: true, Now: c.Now})
	if _, err := l.CreateInstance(context.Background(), Instance{Name: "app", RetentionDays: 1}); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, "app", samples(20)...)
	s := subscribe(t, l, SubscribeRequest{Instance: "app", After: 5})
	c.advance(23 * time.Hour)
	appendTo(t, l, "app", samples(10)...)
	if err := l.ApplyRetention(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.advance(2 * time.Hour)
	if err := l.ApplyRetention(context.Background()); err != nil {
		t.Fatal(err)
	}
	got, gaps := receive(t, s, 30, 100)
	if d := cmp.Diff(upTo(21, 30), got); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Gap{{First: 6, Last: 20}}, gaps); d != "" {
		t.Errorf("gaps (-want +got):\n%s", d)
	}
}

func TestSubscribeEnds(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	create(t, l, "app")
	create(t, l, "gone")
	if _, err := l.Subscribe(context.Background(), SubscribeRequest{Instance: "app", After: 1}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a cursor beyond the log: %v", err)
	}
	wait := func(s *Subscription) <-chan error {
		out := make(chan error, 1)
		go func() {
			_, err := s.Next(context.Background(), 10)
			out <- err
		}()
		return out
	}
	deleted := wait(subscribe(t, l, SubscribeRequest{Instance: "gone"}))
	s := subscribe(t, l, SubscribeRequest{Instance: "app", FromNow: true})
	ended := wait(s)
	closed := wait(subscribe(t, l, SubscribeRequest{Instance: "app"}))
	if err := l.DeleteInstance(context.Background(), "gone"); err != nil {
		t.Fatal(err)
	}
	if err := <-deleted; !errors.Is(err, ErrNotFound) {
		t.Errorf("the instance was deleted: %v", err)
	}
	s.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("the subscription was closed: %v", err)
	}
	closeLog(t, l)
	if err := <-closed; !errors.Is(err, ErrClosed) {
		t.Errorf("the log was closed: %v", err)
	}
}
