package segment

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
	"github.com/firnlog/firn/internal/store/eventid"
)

var testInstance = Instance{ID: columntest.Meta.InstanceID, Key: Key{1, 2, 3}}

// memoryFile is a file in memory.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func seqOf(rows []column.Row) iter.Seq2[*column.Row, error] {
	return func(yield func(*column.Row, error) bool) {
		for i := range rows {
			if !yield(&rows[i], nil) {
				return
			}
		}
	}
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func open(t fataler, data []byte, cache *Cache) *Segment {
	t.Helper()
	s, err := Open("test.parquet", memoryFile{bytes.NewReader(data)}, int64(len(data)), cache)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t fataler, rows []column.Row) ([]byte, Info) {
	t.Helper()
	var b bytes.Buffer
	info, err := Write(&b, testInstance, len(rows), seqOf(rows))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), info
}

func byStream(rows []column.Row) []column.Row {
	sorted := slices.Clone(rows)
	slices.SortFunc(sorted, func(x, y column.Row) int {
		return cmp.Or(cmp.Compare(x.StreamID, y.StreamID), cmp.Compare(x.SequenceNumber, y.SequenceNumber))
	})
	return sorted
}

// withIDs gives rows the ids that the log makes, so that they compare equal.
func withIDs(rows []column.Row) []column.Row {
	out := slices.Clone(rows)
	codec := eventid.New(testInstance.Key)
	for i := range out {
		if out[i].ID == "" {
			out[i].ID = codec.ID(out[i].Position, out[i].RecordedAt)
		}
	}
	return out
}

func TestSegmentHoldsWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := columntest.Rows(t, 12)
		data, info := write(t, rows)
		cache := NewCache(int64(rapid.IntRange(1, 1<<20).Draw(t, "cache")))
		s := open(t, data, cache)
		if diff := gocmp.Diff(info, s.Info()); diff != "" {
			t.Fatalf("info (-written +read):\n%s", diff)
		}
		if len(s.Groups()) != 1 {
			t.Fatalf("%d row groups", len(s.Groups()))
		}
		if err := columntest.Check(s.Groups()[0].Block(), withIDs(byStream(rows))); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}
