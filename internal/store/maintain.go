package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/wal"
)

// background is the goroutines that work behind the log's back.
type background struct {
	ctx context.Context
	wg  sync.WaitGroup
}

func newBackground() (*background, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	return &background{ctx: ctx}, cancel
}

func (b *background) Go(run func(ctx context.Context)) {
	b.wg.Go(func() { run(b.ctx) })
}

func (b *background) Wait() { b.wg.Wait() }

const (
	// lookAround is how often background work looks for heads that have come of
	// age, at most.
	lookAround = 10 * time.Second
	// lookAgain is how often it looks whether a full disk has room again.
	lookAgain = time.Second
	// sealBytes seals a head that is large though it has few rows; where it has so
	// few that events have hugeEvent bytes on average, which gain nothing from being
	// sealed together, hugeBytes do.
	sealBytes = 64 << 20
	hugeEvent = 16 << 10
	hugeBytes = 16 << 20

	// Where more than manyHeads are old at once, those of fewer than quietRows
	// wait until they are quietAges times as old, so that ten thousand quiet
	// instances do not make a file each every few minutes; unless what they hold
	// makes the write-ahead log longer than quietWAL.
	manyHeads = 64
	quietRows = 100
	quietAges = 12
	quietWAL  = 256 << 20

	// A head keeps the write-ahead log from its first record on. One that keeps
	// more than pinnedWAL is sealed, however small and young it is; where that are
	// more than manyHeads, when they keep manyPinned.
	pinnedWAL  = quietWAL
	manyPinned = 8 * pinnedWAL
)

// maintain seals, carries out removals, compacts and frees files until ctx
// ends.
func (l *Log) maintain(ctx context.Context) {
	timer := time.NewTicker(max(min(lookAround, l.opts.SealAge/2), time.Millisecond))
	defer timer.Stop()
	_ = l.reserve.cover(l.reserveFor(0)) // a full disk is told of before somebody appends
	for {
		err := l.round(ctx)
		if l.reserve.short.Load() && ctx.Err() == nil {
			l.awaitRoom(ctx)
			continue
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			l.report(event.Error, "background work failed and is tried again: %v", err)
			// What failed will most likely fail again at once: wait for the timer.
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.work:
		}
	}
}

// awaitRoom waits a while with a full disk, and looks whether it has room again.
func (l *Log) awaitRoom(ctx context.Context) {
	timer := time.NewTimer(lookAgain)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		_ = l.reserve.cover(l.reserveFor(0)) // it tells when there is
	}
}

// round does what there is to do.
func (l *Log) round(ctx context.Context) error {
	errs := []error{l.sealAll(ctx, l.dueForSealing()), l.carryOutAll(ctx)}
	for _, in := range l.all() {
		if ctx.Err() != nil || l.reserve.short.Load() {
			break // merging needs room before it makes any
		}
		errs = append(errs, l.compact(ctx, in))
	}
	errs = append(errs, l.reindexAll(ctx), l.freeWAL(ctx))
	l.reserve.shrink(l.reserveFor(0))
	return errors.Join(errs...)
}

// sealMeanwhile seals what is due while its caller is at something that takes
// long, a purge of many segments say: sealing, and with it appends, must not wait
// for that. The caller holds the maintenance of held (nil = of none). What fails is
// tried again, and told of, in the next round.
func (l *Log) sealMeanwhile(ctx context.Context, held *instance) {
	for _, in := range l.dueForSealing() {
		if in == held {
			_ = l.sealLocked(ctx, in)
		} else if in.maintenance.TryLock() {
			_ = l.sealLocked(ctx, in)
			in.maintenance.Unlock()
		}
	}
}

// dueForSealing are the instances whose heads are large or old or keep much of the
// write-ahead log, and the largest ones where all heads together have become too
// large; all of them where the disk is full.
func (l *Log) dueForSealing() []*instance {
	all := l.all()
	old := l.opts.Now().Add(-l.opts.SealAge).UnixMilli()
	full := l.reserve.short.Load()
	var due, aged, rest []*instance
	waiting := l.head.bytes.Load()
	for _, in := range all {
		v := in.current()
		rows, bytes := v.headRows(), v.headBytes()
		switch {
		case rows == 0:
		case full, rows >= l.opts.SealRows, bytes >= sealBytes, v.isHuge():
			due = append(due, in)
		case v.born() <= old:
			aged = append(aged, in)
		default:
			rest = append(rest, in)
		}
	}
	quiet, aged := l.quiet(aged)
	due, rest = append(due, aged...), append(rest, quiet...)
	pinned, rest := l.pinned(rest)
	due = append(due, pinned...)
	for _, in := range due {
		waiting -= in.current().headBytes()
	}
	if waiting >= l.opts.HeadMemory/2 {
		slices.SortFunc(rest, func(a, b *instance) int {
			return cmp.Compare(b.current().headBytes(), a.current().headBytes())
		})
		for _, in := range rest {
			if waiting < l.opts.HeadMemory/4 {
				break
			}
			waiting -= in.current().headBytes()
			due = append(due, in)
		}
	}
	return due
}

// isHuge reports whether the head is to be sealed though it has few rows.
func (v *view) isHuge() bool {
	bytes := v.headBytes()
	return bytes >= hugeBytes && bytes >= int64(v.headRows())*hugeEvent
}

// quiet divides heads that are old into those that can wait and the others.
func (l *Log) quiet(all []*instance) (quiet, aged []*instance) {
	if len(all) <= manyHeads || l.wal.Stats().DiskBytes > quietWAL {
		return nil, all
	}
	old := l.opts.Now().Add(-quietAges * l.opts.SealAge).UnixMilli()
	for _, in := range all {
		if v := in.current(); v.headRows() < quietRows && v.born() > old {
			quiet = append(quiet, in)
		} else {
			aged = append(aged, in)
		}
	}
	return quiet, aged
}

// pinned divides heads into those that keep too much of the write-ahead log and
// the others.
func (l *Log) pinned(all []*instance) (pinned, rest []*instance) {
	files := l.wal.Files()
	for _, most := range []int64{pinnedWAL, manyPinned} {
		from := firstWithin(files, most)
		pinned, rest = nil, nil
		for _, in := range all {
			if in.current().firstLSN() < from {
				pinned = append(pinned, in)
			} else {
				rest = append(rest, in)
			}
		}
		if len(pinned) <= manyHeads {
			break
		}
	}
	return pinned, rest
}

// firstWithin is the first record of the shortest end of the write-ahead log, in
// whole files, that has at least this many bytes; 0 where all of it has fewer.
func firstWithin(files []wal.FileInfo, bytes int64) uint64 {
	for _, f := range slices.Backward(files) {
		if bytes -= f.Size; bytes <= 0 {
			return f.FirstLSN
		}
	}
	return 0
}

// born is the recorded_at of the first event of the head.
func (v *view) born() (ms int64) {
	v.chunks(func(c *chunkView) bool {
		ms = c.batches[0].recordedAt
		return false
	})
	return ms
}
