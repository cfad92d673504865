package target

import (
	"math/rand/v2"
	"time"
)

// timing is every duration and size of a delivery. Zero fields are defaults;
// tests change them.
type timing struct {
	call    time.Duration // a call of a target may take; 30 s
	grace   time.Duration // and go on after it was told to stop; 5 s
	drain   time.Duration // and go on when everything stops; 3 s
	brisk   time.Duration // a write that takes longer gets smaller batches; 5 s
	least   time.Duration // between two attempts, at first; 100 ms
	most    time.Duration // and at last: soon enough to be back within 5 s; 3 s
	pause   time.Duration // between two attempts of a paused target; 30 s
	glance  time.Duration // between two looks of a target that fails at how the log goes on; 100 ms
	gather  time.Duration // between two system events of a kind; 1 m
	lazy    time.Duration // until a cursor that moved without a row is saved; 10 s
	clean   time.Duration // between two cleanings; 1 h
	unclean time.Duration // until a cleaning that failed is tried again; 5 m

	events  int // of a batch; 4,000
	bytes   int // of a batch's payloads, about; 8 MiB
	scan    int // positions looked at for a batch; 200,000
	open    int // subscriptions kept open; 8
	letters int // dead letters that a target may have; 100,000
}

func (t timing) withDefaults() timing {
	for _, d := range []struct {
		field     *time.Duration
		otherwise time.Duration
	}{
		{&t.call, 30 * time.Second}, {&t.grace, 5 * time.Second}, {&t.drain, 3 * time.Second}, {&t.brisk, 5 * time.Second},
		{&t.least, 100 * time.Millisecond}, {&t.most, 3 * time.Second}, {&t.pause, 30 * time.Second}, {&t.glance, 100 * time.Millisecond}, {&t.gather, time.Minute},
		{&t.lazy, 10 * time.Second}, {&t.clean, time.Hour}, {&t.unclean, 5 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.otherwise
		}
	}
	for _, n := range []struct {
		field     *int
		otherwise int
	}{{&t.events, 4000}, {&t.bytes, 8 << 20}, {&t.scan, 200_000}, {&t.open, 8}, {&t.letters, 100_000}} {
		if *n.field == 0 {
			*n.field = n.otherwise
		}
	}
	return t
}

// backoff is how long to wait after the n-th failure in a row, from 1: longer
// each time, up to most, and never quite the same, so that targets of one server
// do not come back all at once.
func (t timing) backoff(n int) time.Duration {
	wait := t.least << min(n-1, 20)
	if wait > t.most || wait <= 0 {
		wait = t.most
	}
	return jittered(wait)
}

// jittered is between three and five quarters of d.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}
