package store

import (
	"context"
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

func (in *instance) streamCount() int64 {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return int64(in.streams.names)
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
	s.DiskBytes = s.SegmentBytes + s.WALBytes
	return s
}
