package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/query"
)

// rounds is what an environment variable says, else otherwise.
func rounds(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number from 1", variable, s)
	}
	return n
}

// seed is the seed of a random test: what $FIRN_SEED says, else the time.
func seed(t testing.TB) uint64 {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if s := os.Getenv("FIRN_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("FIRN_SEED=%q: want a number from 0", s)
		}
	}
	t.Logf("seed: FIRN_SEED=%d go test -run '^%s$'", n, t.Name())
	return n
}

const (
	readers = 10
	// farBehind is how many events a reader lets go by at most before it comes back.
	farBehind = 180
)

// TestEachEventIsDeliveredOnceInOrder has readers that fall behind and come back
// with their cursor, over and over, while events arrive and are sealed, merged,
// purged and expire. A handover is a reader that began with what was stored, came
// to the end of it, and was given what arrived next. Every reader must be given
// every event once, in order, or be told of the gap where it was, exactly.
// FIRN_HANDOVERS is how many handovers there are; 10,000 are about a million
// deliveries.
func TestEachEventIsDeliveredOnceInOrder(t *testing.T) {
	f := newFeed(t, rounds(t, "FIRN_HANDOVERS", 1000))
	if err := f.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := map[int64]bool{}
	for _, e := range all(t, f.log, "app") {
		left[e.Position] = true
	}
	deliveries, handovers, fromSegments, gaps := 0, 0, 0, 0
	for i, r := range f.readers {
		if err := r.check(f.written, left); err != nil {
			t.Errorf("reader %d (where %v): %v", i, r.where, err)
		}
		deliveries, handovers, fromSegments = deliveries+len(r.got), handovers+r.handovers, fromSegments+r.fromSegments
		gaps += len(r.gaps)
	}
	s := f.log.Stats()
	t.Logf("%d events, %d of them removed since; %d deliveries to %d readers, %d handovers to what arrives, %d of them from segments; %d gaps told; %d seals, %d compactions",
		len(f.written), len(f.written)-len(left), deliveries, readers, handovers, fromSegments, gaps, s.Seals, s.Compactions)
	if fromSegments == 0 || gaps == 0 || s.Compactions == 0 || len(left) == len(f.written) {
		t.Error("the load proves nothing")
	}
}

// feed is a log with readers.
type feed struct {
	log     *Log
	clock   *clock
	rng     *rand.Rand
	readers []*reader

	mu      sync.Mutex
	news    *sync.Cond // of mu
	written []kind     // by position - 1
	wanted  int64      // the last position that somebody waits for
	sealed  int        // how many were written when sealing began the last time
	expired int        // likewise of retention
	done    bool
}

// kind is what readers select by.
type kind uint8

const kinds = 4

func (k kind) String() string { return fmt.Sprintf("kind.%d", k) }

func newFeed(t *testing.T, handovers int) *feed {
	c := newClock()
	o := Options{FS: vfstest.New(), Quiet: true, Now: c.Now, Report: func(r Report) { t.Errorf("report: %s: %s", r.Severity, r.Message) }}
	f := &feed{log: open(t, "/data", o), clock: c, rng: rand.New(rand.NewPCG(seed(t), 0))}
	f.news = sync.NewCond(&f.mu)
	if _, err := f.log.CreateInstance(t.Context(), Instance{Name: "app", RetentionDays: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range readers {
		r := &reader{feed: f, rng: rand.New(rand.NewPCG(f.rng.Uint64(), uint64(i))), want: handovers / readers}
		if i%5 == 4 {
			r.where = condition(t, `{"field":"event_type","operator":"eq","value":"kind.1"}`)
			r.only = 1
		}
		f.readers = append(f.readers, r)
	}
	return f
}

// run ends when every reader has read enough, and then to the end.
func (f *feed) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	upkeep, upkeepCtx := errgroup.WithContext(ctx)
	upkeep.Go(func() error { return f.write(upkeepCtx) })
	upkeep.Go(func() error { return f.maintain(upkeepCtx) })
	upkeep.Go(func() error { return f.expire(upkeepCtx) })
	group, groupCtx := errgroup.WithContext(upkeepCtx)
	defer context.AfterFunc(groupCtx, f.tell)()
	for _, r := range f.readers {
		group.Go(func() error { return r.run(groupCtx) })
	}
	err := group.Wait()
	f.mu.Lock()
	f.done = true
	f.mu.Unlock()
	f.tell()
	cancel()
	if upkeepErr := upkeep.Wait(); !errors.Is(upkeepErr, context.Canceled) {
		err = errors.Join(err, upkeepErr)
	}
	if err != nil {
		return err
	}
	for _, r := range f.readers {
		if err := r.finish(context.WithoutCancel(ctx), int64(len(f.written))); err != nil {
			return err
		}
	}
	return nil
}

func (f *feed) tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.news.Broadcast()
}

// await waits until a position is written, and has it written.
func (f *feed) await(ctx context.Context, position int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted = max(f.wanted, position)
	f.news.Broadcast()
	for int64(len(f.written)) < position && ctx.Err() == nil {
		f.news.Wait()
	}
	return context.Cause(ctx)
}

// write appends for as long as somebody waits for more.
func (f *feed) write(ctx context.Context) error {
	for {
		f.mu.Lock()
		for (f.wanted <= int64(len(f.written)) || f.ahead()) && !f.done && ctx.Err() == nil {
			f.news.Wait()
		}
		done, n := f.done, len(f.written)
		f.mu.Unlock()
		if done || ctx.Err() != nil {
			return nil
		}
		batch := make([]event.Draft, 1+f.rng.IntN(8))
		of := make([]kind, len(batch))
		for i := range batch {
			of[i] = kind(f.rng.IntN(kinds))
			batch[i] = event.Draft{StreamID: fmt.Sprint("s", i%3), EventType: of[i].String(), Payload: fmt.Appendf(nil, `{"n":%d}`, n+i)}
		}
		if _, err := f.log.Append(context.WithoutCancel(ctx), AppendRequest{Instance: "app", Events: batch}); err != nil {
			return err
		}
		f.mu.Lock()
		f.written = append(f.written, of...)
		f.mu.Unlock()
		f.tell()
	}
}

// ahead reports whether writing is to wait for what goes on beside it; mu is
// held.
func (f *feed) ahead() bool {
	return len(f.written)-f.sealed > 2*sealEvery || len(f.written)-f.expired > 3*expireEvery
}

const (
	sealEvery   = 60
	expireEvery = 70
)

// maintain seals and merges all the time.
func (f *feed) maintain(ctx context.Context) error {
	var err error
	for n := 0; err == nil; n++ {
		if err = f.pass(ctx, &f.sealed, sealEvery); err != nil {
			return nil
		}
		err = f.log.Seal(ctx)
		for _, in := range f.log.all() {
			if err == nil && n%3 == 0 {
				err = f.log.compact(ctx, in)
			}
		}
	}
	return unlessDone(ctx, err)
}

// unlessDone is the error of something that ends with ctx.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// pass waits until so many events have been written since the last time.
func (f *feed) pass(ctx context.Context, since *int, n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.written) < *since+n && ctx.Err() == nil {
		f.news.Wait()
	}
	*since = len(f.written)
	f.news.Broadcast()
	return context.Cause(ctx)
}

// expire lets time pass so that the oldest events expire, and now and then
// purges some of the youngest.
func (f *feed) expire(ctx context.Context) error {
	var err error
	for n := 0; err == nil; n++ {
		if f.pass(ctx, &f.expired, expireEvery) != nil {
			return nil
		}
		f.clock.advance(10 * time.Hour)
		if err = f.log.ApplyRetention(ctx); err == nil && n%3 == 0 {
			last := f.last()
			between := query.Is(query.Field{Root: query.Position, Name: "position"}, query.Gt, query.IntValue(last-40))
			to := query.Is(query.Field{Root: query.Position, Name: "position"}, query.Lte, query.IntValue(last-30))
			_, err = f.log.Purge(ctx, "app", query.And{between, to}, false)
		}
	}
	return unlessDone(ctx, err)
}

func (f *feed) last() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.written))
}

// reader is a subscriber with a cursor.
type reader struct {
	feed  *feed
	rng   *rand.Rand
	where query.Condition
	only  kind // with where
	want  int

	cursor int64
	got    []int64 // positions
	gaps   []Gap
	// passed has, for each of gaps, how many of got came before it.
	passed       []int
	handovers    int
	fromSegments int // handovers that began in segments
}

// run falls behind and comes back, so many times.
func (r *reader) run(ctx context.Context) error {
	for r.handovers < r.want {
		if err := r.feed.await(ctx, r.cursor+1+r.rng.Int64N(farBehind)); err != nil {
			return err
		}
		if err := r.comeBack(ctx); err != nil {
			return err
		}
	}
	return nil
}

// comeBack reads what is stored, then at least one event that arrives.
func (r *reader) comeBack(ctx context.Context) error {
	s, err := r.feed.log.Subscribe(ctx, SubscribeRequest{Instance: "app", Where: r.where, After: r.cursor})
	if err != nil {
		return err
	}
	defer s.Close()
	before, sealed := len(r.got), s.after < s.in.current().version.sealed
	for more := true; more || len(r.got) > before; {
		before = len(r.got)
		d, goesOn, err := s.Read(ctx, 1+r.rng.IntN(50))
		if err != nil {
			return err
		}
		r.take(&d)
		more = goesOn || d.Gap != nil
	}
	for live, most := 0, 1+r.rng.IntN(12); live < most; {
		// More is written while this reader waits, or just before.
		waiting, stop := context.WithCancel(ctx)
		release := context.AfterFunc(waiting, r.feed.tell)
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			for at := r.cursor; r.feed.await(waiting, at+1) == nil; at++ {
			}
		}()
		d, err := s.Next(ctx, 1+r.rng.IntN(3))
		stop()
		<-asked
		release()
		if err != nil {
			return err
		}
		r.take(&d)
		if live++; len(d.Events) == 0 && r.where == nil {
			live--
		}
	}
	r.handovers++
	if sealed {
		r.fromSegments++
	}
	return nil
}

// finish reads to the end.
func (r *reader) finish(ctx context.Context, last int64) error {
	s, err := r.feed.log.Subscribe(ctx, SubscribeRequest{Instance: "app", Where: r.where, After: r.cursor})
	if err != nil {
		return err
	}
	defer s.Close()
	for r.cursor < last {
		d, _, err := s.Read(ctx, 100)
		if err != nil {
			return err
		}
		if d.Position == r.cursor && d.Gap == nil {
			return fmt.Errorf("a reader stays at position %d, and the last one is %d", r.cursor, last)
		}
		r.take(&d)
	}
	return nil
}

func (r *reader) take(d *Delivery) {
	if d.Gap != nil {
		r.gaps, r.passed = append(r.gaps, *d.Gap), append(r.passed, len(r.got))
	}
	for i := range d.Events {
		r.got = append(r.got, d.Events[i].Position)
	}
	r.cursor = d.Position
}

// check: what was delivered and what was told to be gone is all there was, each
// once and in order; and what was told to be gone is gone.
func (r *reader) check(written []kind, left map[int64]bool) error {
	next, gaps, passed := int64(1), r.gaps, r.passed
	step := func(to int64) error { // to is delivered or the first of a gap: what is between does not match
		for ; next < to; next++ {
			if r.where == nil || written[next-1] == r.only {
				return fmt.Errorf("position %d (%s) was neither delivered nor told to be gone; %d came next", next, written[next-1], to)
			}
		}
		return nil
	}
	tell := func() error {
		g := gaps[0]
		gaps, passed = gaps[1:], passed[1:]
		if g.First < next || g.Last < g.First || g.Last > int64(len(written)) {
			return fmt.Errorf("gap %v was told when the events up to %d had been had", g, next-1)
		}
		if err := step(g.First); err != nil {
			return err
		}
		for next = g.First; next <= g.Last; next++ {
			if left[next] {
				return fmt.Errorf("gap %v was told, and position %d is there", g, next)
			}
		}
		return nil
	}
	for i, position := range r.got {
		for len(gaps) > 0 && passed[0] <= i {
			if err := tell(); err != nil {
				return err
			}
		}
		if position < next {
			return fmt.Errorf("delivery %d is position %d, after those up to %d", i, position, next-1)
		}
		if err := step(position); err != nil {
			return err
		}
		if r.where != nil && written[position-1] != r.only {
			return fmt.Errorf("position %d (%s) does not match", position, written[position-1])
		}
		next = position + 1
	}
	for len(gaps) > 0 {
		if err := tell(); err != nil {
			return err
		}
	}
	return step(int64(len(written)) + 1)
}
