package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

func micros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// countInto counts by type and severity over the columns of a snapshot.
func (in *instance) countInto(ctx context.Context, s *InstanceStats, snap exec.Snapshot) error {
	s.ByType, s.BySeverity = map[string]int64{}, map[event.Severity]int64{}
	for _, b := range snap.Blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := countBlock(ctx, s, b); err != nil {
			return err
		}
	}
	return nil
}

func countBlock(ctx context.Context, s *InstanceStats, ref exec.BlockRef) error {
	b, release, err := ref.Open(ctx)
	if err != nil {
		return err
	}
	defer release()
	types, err := b.Envelope(query.EventType)
	if err != nil {
		return err
	}
	if types.Codes != nil {
		counts := make([]int64, len(types.Dict))
		for _, c := range types.Codes {
			counts[c]++
		}
		for i, n := range counts {
			if n > 0 {
				s.ByType[types.Dict[i]] += n
			}
		}
	} else {
		for i := range types.Len {
			s.ByType[string(types.Bytes[types.Offsets[i]:types.Offsets[i+1]])]++
		}
	}
	severities, err := b.Envelope(query.Severity)
	if err != nil {
		return err
	}
	for _, v := range severities.Ints {
		s.BySeverity[event.Severity(v)]++
	}
	return nil
}

func (in *instance) streamCount() (n int) {
	in.mu.RLock()
	defer in.mu.RUnlock()
	for _, s := range in.streams {
		if s.last > 0 {
			n++
		}
	}
	return n
}

// Streams lists streams in order of name: those with prefix that come after
// the name after, at most limit.
func (l *Log) Streams(ctx context.Context, instance, prefix, after string, limit int) ([]Stream, error) {
	if l.isClosed() {
		return nil, ErrClosed
	}
	in, err := l.instance(instance)
	if err != nil {
		return nil, err
	}
	in.mu.RLock()
	var out []Stream
	for name, s := range in.streams {
		if s.last > 0 && name > after && strings.HasPrefix(name, prefix) {
			out = append(out, Stream{Name: name, LastSequence: s.last, Events: s.events})
		}
	}
	in.mu.RUnlock()
	slices.SortFunc(out, func(a, b Stream) int { return strings.Compare(a.Name, b.Name) })
	return out[:min(len(out), max(limit, 0))], ctx.Err()
}

// Stats returns the log's figures.
func (l *Log) Stats() LogStats {
	w := l.wal.Stats()
	s := LogStats{
		Appends: l.stats.appends.Load(), AppendedEvents: l.stats.events.Load(), Duplicates: l.stats.duplicates.Load(),
		Syncs: w.Syncs, WALBytes: w.DiskBytes,
		HeadEvents: l.head.rows.Load(), HeadBytes: l.head.bytes.Load(),
		Seals: l.stats.seals.Load(), Compactions: l.stats.compactions.Load(),
		Queries: l.stats.queries.Load(), QueryMemory: l.memory.Used(),
		Subscriptions: l.stats.subscriptions.Load(),
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, in := range l.byID {
		v := in.current().version
		s.Segments += int64(len(v.segments))
		s.SegmentBytes += v.bytes()
	}
	return s
}
