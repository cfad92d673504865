package column_test

import (
	"testing"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
)

func appendAll(t *rapid.T, b *column.Builder, rows []column.Row) {
	for i := range rows {
		if err := b.Append(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBlockHoldsWhatWasAppended(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := columntest.Rows(t, 12)
		b := column.NewBuilder(columntest.Meta)
		half := rapid.IntRange(0, len(rows)).Draw(t, "half")
		appendAll(t, b, rows[:half])
		early := b.Snapshot()
		appendAll(t, b, rows[half:])
		if err := columntest.Check(b.Snapshot(), rows); err != nil {
			t.Fatal(err)
		}
		if err := columntest.Check(early, rows[:half]); err != nil {
			t.Fatalf("snapshot of the first %d rows: %v", half, err)
		}
	})
}

// Snapshots are read while appending goes on; the race detector looks on.
func TestSnapshotsWhileAppending(t *testing.T) {
	t.Parallel()
	rows := columntest.NewSampler(1).Rows(400)
	b := column.NewBuilder(columntest.Meta)
	var g errgroup.Group
	for i := range rows {
		if err := b.Append(&rows[i]); err != nil {
			t.Fatal(err)
		}
		if i%100 == 50 {
			block, held := b.Snapshot(), rows[:i+1]
			g.Go(func() error { return columntest.Check(block, held) })
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}
