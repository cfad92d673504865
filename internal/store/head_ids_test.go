package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/firnlog/firn/query"
)

func TestIDsOfTheHead(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	create(t, l, "app")
	n := 0
	for range 40 {
		r := appendTo(t, l, "app", withIDs(&n, 10)...)
		for _, e := range r {
			if got, err := l.Get(t.Context(), "app", e.ID); err != nil || got.Position != e.Position {
				t.Fatalf("Get %q: %d, %v; want %d", e.ID, got.Position, err, e.Position)
			}
		}
		if _, err := l.Get(t.Context(), "app", fmt.Sprintf("id-%d", n)); !errors.Is(err, ErrNotFound) {
			t.Fatalf("Get of the next id: %v", err)
		}
	}
	ask := func(id string) (positions []int64, scanned int64) {
		t.Helper()
		q, err := query.Parse(fmt.Appendf(nil, `{"from":{"instance":"app"},"where":{"field":"id","operator":"eq","value":%q}}`, id), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return positionsOf(r.Events), r.Stats.RowsScanned
	}
	if got, _ := ask("id-20"); len(got) != 1 || got[0] != 21 {
		t.Errorf("query for an id: %v", got)
	}
	if got, scanned := ask("nobody's"); len(got) != 0 || scanned != 0 {
		t.Errorf("query for an id that nobody has: %v, %d rows scanned", got, scanned)
	}
}

// TestHeadMemoryCountsColumns wants what queries build counted, and given back.
func TestHeadMemoryCountsColumns(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	create(t, l, "app")
	create(t, l, "gone")
	n := 0
	appendTo(t, l, "app", withIDs(&n, 2000)...)
	appendTo(t, l, "gone", withIDs(&n, 2000)...)
	before := l.Stats().HeadBytes
	for _, name := range []string{"app", "gone"} {
		if got := len(all(t, l, name)); got != 2000 {
			t.Fatalf("%d events", got)
		}
		if _, err := l.Get(t.Context(), name, "id-0"); name == "app" && err != nil {
			t.Fatal(err)
		}
	}
	if after := l.Stats().HeadBytes; after < before+before/2 {
		t.Errorf("%d bytes with columns, %d before", after, before)
	}
	if err := l.DeleteInstance(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	seal(t, l)
	if left := l.Stats().HeadBytes; left != 0 {
		t.Errorf("%d bytes are left of an empty head", left)
	}
}
