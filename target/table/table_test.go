package table

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

func TestIndexName(t *testing.T) {
	long, other := strings.Repeat("a", 62)+"b", strings.Repeat("a", 62)+"c"
	if got := IndexName("idx_", "event_logs", "_type_timestamp"); got != "idx_event_logs_type_timestamp" {
		t.Errorf("the documented index would be %s", got)
	}
	one, two := IndexName("idx_", long, "_type_timestamp"), IndexName("idx_", other, "_type_timestamp")
	if one == two || len(one) != longestName || len(two) != longestName {
		t.Errorf("of long names: %s (%d), %s (%d)", one, len(one), two, len(two))
	}
}

var (
	errRow  = errors.New("of a row")
	errLine = errors.New("the connection broke")
)

// TestFill compares with one row after the other: what goes in is all before the
// first row that does not, and that row is blamed only if another goes in.
func TestFill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "rows")
		bad := rapid.SliceOfN(rapid.IntRange(0, 40), 0, 5).Draw(t, "bad rows")
		noneGoesIn := rapid.Bool().Draw(t, "none goes in")
		var in []int
		takes := func(row int) bool { return !noneGoesIn && !slices.Contains(bad, row) }
		calls := 0
		inserted, err := Rows{
			Len: n,
			Insert: func(lo, hi int) error {
				calls++
				for row := lo; row < hi; row++ {
					if !takes(row) {
						return errRow
					}
				}
				for row := lo; row < hi; row++ {
					in = append(in, row)
				}
				return nil
			},
			Try: func(row int) error {
				if takes(row) {
					return nil
				}
				return errRow
			},
			OfOne: func(err error) bool { return errors.Is(err, errRow) },
			Plain: func(err error) error { return err },
		}.Fill()

		var want []int
		for row := 0; row < n && takes(row); row++ {
			want = append(want, row)
		}
		if diff := cmp.Diff(want, in); diff != "" || inserted != len(want) {
			t.Fatalf("Fill = %d, and in are (-want +got):\n%s", inserted, diff)
		}
		_, refused := errors.AsType[*target.RefusedError](err)
		_, pause := errors.AsType[*target.PauseError](err)
		switch {
		case len(want) == n && err != nil, len(want) < n && noneGoesIn && !pause, len(want) < n && !noneGoesIn && !refused:
			t.Fatalf("Fill = %d of %d, %v", inserted, n, err)
		}
		if calls > 2*8 {
			t.Fatalf("%d inserts for %d rows", calls, n)
		}
	})
}

func TestFillEndsWithTheConnection(t *testing.T) {
	inserts := 0
	rows := Rows{
		Len:   10,
		OfOne: func(err error) bool { return errors.Is(err, errRow) },
		Try:   func(int) error { return errLine },
		Insert: func(lo, hi int) error {
			if inserts++; inserts == 1 || lo == 0 {
				return errRow
			}
			return nil
		},
	}
	if _, err := rows.Fill(); !errors.Is(err, errLine) || Committable(err) {
		t.Errorf("Fill = %v, want the error of the connection, and nothing to commit", err)
	}
}

func TestMissing(t *testing.T) {
	var b target.Batch
	for _, position := range []int64{3, 4, 7, 9} {
		b.Events = append(b.Events, event.Event{Position: position})
	}
	for _, c := range []struct {
		name    string
		missing Missing
		want    []int64
		written []int // after each number of inserted ones
	}{
		{"none there", Behind(b, 0), []int64{3, 4, 7, 9}, []int{0, 1, 2, 3, 4}},
		{"some there", Behind(b, 5), []int64{7, 9}, []int{2, 3, 4}},
		{"all there", Behind(b, 9), []int64{}, []int{4}},
		{"redelivered before: none", Except(b, nil), []int64{3, 4, 7, 9}, []int{0, 1, 2, 3, 4}},
		{"redelivered before: some", Except(b, map[int64]bool{3: true, 7: true}), []int64{4, 9}, []int{1, 3, 4}},
		{"redelivered before: all", Except(b, map[int64]bool{3: true, 4: true, 7: true, 9: true}), []int64{}, []int{4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.missing.Positions(len(c.missing.Events))); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			for inserted, want := range c.written {
				if got := c.missing.Written(inserted); got != want {
					t.Errorf("with %d inserted, Written = %d, want %d", inserted, got, want)
				}
			}
		})
	}
}

// memory is a table in memory: ids and when each was recorded.
type memory struct {
	rows    map[int64]time.Time
	deletes int
}

func (m *memory) Ids(_ context.Context, low int64) (first, last int64, ok bool, err error) {
	for id := range m.rows {
		if id >= low && (!ok || id < first) {
			first, ok = id, true
		}
		last = max(last, id)
	}
	return first, last, ok, nil
}

func (m *memory) Delete(_ context.Context, lo, hi int64, before time.Time) (deleted int64, oldest time.Time, err error) {
	m.deletes++
	for id, at := range m.rows {
		switch {
		case id < lo || id >= hi:
		case at.Before(before):
			delete(m.rows, id)
			deleted++
		case oldest.IsZero() || at.Before(oldest):
			oldest = at
		}
	}
	return deleted, oldest, nil
}

// TestSweep: whatever the ids and times, after the last call nothing old is left,
// nothing young is gone, and spans in which nothing is due are not read again.
func TestSweep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
		m := &memory{rows: map[int64]time.Time{}}
		var s Sweep
		id := int64(0)
		for day := range rapid.IntRange(1, 4).Draw(t, "days") {
			for range rapid.IntRange(0, 20).Draw(t, "new rows") {
				id += rapid.Int64Range(1, 30_000).Draw(t, "step")
				m.rows[id] = start.AddDate(0, 0, rapid.IntRange(-5, day).Draw(t, "age"))
			}
			before := start.AddDate(0, 0, day-2)
			want := 0
			for _, at := range m.rows {
				if !at.Before(before) {
					want++
				}
			}
			clean := func() (calls int) {
				for more := true; more; calls++ {
					var err error
					if _, more, err = s.Clean(t.Context(), m, before); err != nil || calls > 100 {
						t.Fatalf("call %d: %v", calls, err)
					}
				}
				return calls
			}
			clean()
			for id, at := range m.rows {
				if at.Before(before) {
					t.Fatalf("row %d of %v is left", id, at)
				}
			}
			if len(m.rows) != want {
				t.Fatalf("%d rows are left, want %d", len(m.rows), want)
			}
			m.deletes = 0
			if clean(); m.deletes > 1 {
				t.Fatalf("%d spans are read again though nothing is due", m.deletes)
			}
		}
	})
}
