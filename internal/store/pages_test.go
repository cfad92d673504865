package store

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// TestPagesWhileTheLogGrows reads 1,000 events of one timestamp in pages of one
// size after the other, while more of that timestamp are appended, sealed and
// merged. No page repeats or misses an event. By timestamp only the events of the
// first page's snapshot are listed; in append order the later ones follow.
// FIRN_PAGE_SIZES is how many sizes are tried; 1000 are all of them.
func TestPagesWhileTheLogGrows(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 0))
	o := quiet(t)
	o.SealRows = 300
	l := open(t, t.TempDir(), o)
	create(t, l, "app")
	appendTo(t, l, "app", simultaneous(1000)...)
	grow, grown := make(chan struct{}, 4), make(chan error, 1)
	go func() { grown <- growing(t.Context(), l, grow) }()
	pages := 0
	for n, size := range rng.Perm(1000)[:rounds(t, "FIRN_PAGE_SIZES", 20)] {
		if n < 2 {
			size = n * 999 // the smallest and the largest are always among them
		}
		for _, order := range []string{`"timestamp","direction":"desc"`, `"timestamp","direction":"asc"`, inAppendOrder} {
			known := lastOf(t, l)
			var got []int64
			var first int64 // events when the first page had come
			page := func(events []event.Event) {
				if first == 0 {
					first = lastOf(t, l)
				}
				for _, e := range events {
					got = append(got, e.Position)
				}
				if pages++; pages%max(1, 1000/(size+1)/20) == 0 {
					grow <- struct{}{}
				}
			}
			// The newest of the log are as many as there were at first.
			since := fmt.Sprintf(`,"where":[{"field":"position","operator":"gt","value":%d}]`, known-1000)
			if err := eachPage(t.Context(), l, size+1, `"orderBy":{"field":`+order+`}`+since, page); err != nil {
				t.Fatal(err)
			}
			if order == inAppendOrder { // what arrives follows
				first = lastOf(t, l)
			}
			if err := once(got, known, first); err != nil {
				t.Fatalf("pages of %d by %s: %v", size+1, order, err)
			}
		}
		if err := fold(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	close(grow)
	if err := <-grown; err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	t.Logf("%d pages; %d events, %d seals, %d compactions meanwhile", pages, lastOf(t, l), s.Seals, s.Compactions)
	if s.Seals == 0 || s.Compactions == 0 {
		t.Error("nothing was sealed or merged meanwhile")
	}
}

const inAppendOrder = `"position","direction":"asc"`

// lastOf is the last position; there are as many events, as nothing is removed.
func lastOf(t *testing.T, l *Log) int64 {
	t.Helper()
	s, err := l.InstanceStats(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	return s.LastPosition
}

// simultaneous are events of one timestamp.
func simultaneous(n int) []event.Draft {
	out := samples(n)
	for i := range out {
		out[i].Timestamp = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	}
	return out
}

// growing appends, seals and merges, one step for each word.
func growing(ctx context.Context, l *Log, word <-chan struct{}) error {
	n := 0
	for range word {
		n++
		if _, err := l.Append(ctx, AppendRequest{Instance: "app", Events: simultaneous(1 + n%5)}); err != nil {
			return err
		}
		if n%7 == 0 {
			if err := l.Seal(ctx); err != nil {
				return err
			}
		}
		if n%20 == 0 {
			if err := l.round(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachPage reads pages of a size to the end.
func eachPage(ctx context.Context, l *Log, size int, rest string, each func([]event.Event)) error {
	for cursor := ""; ; {
		q, err := query.Parse([]byte(`{"from":{"instance":"app"},`+rest+`}`), time.Now())
		if err != nil {
			return err
		}
		q.Limit, q.Cursor = size, cursor
		r, err := l.Query(ctx, q)
		if err != nil {
			return err
		}
		if len(r.Events) > size {
			return fmt.Errorf("a page of %d events, at most %d were asked for", len(r.Events), size)
		}
		each(r.Events)
		if cursor = r.NextCursor; cursor == "" {
			return nil
		}
	}
}

// once checks that positions are the last 1,000 of those known before the first
// page and what came up to the snapshot that is listed, each once.
func once(got []int64, known, most int64) error {
	seen := map[int64]bool{}
	last := int64(0)
	for _, p := range got {
		if seen[p] {
			return fmt.Errorf("position %d is listed twice", p)
		}
		seen[p] = true
		last = max(last, p)
	}
	switch {
	case last < known:
		return fmt.Errorf("position %d is the last, and %d was there before the first page", last, known)
	case last > most:
		return fmt.Errorf("position %d joined the listing of a snapshot that had %d at most", last, most)
	case int64(len(got)) != last-(known-1000):
		return fmt.Errorf("%d events are listed up to position %d, want %d", len(got), last, last-(known-1000))
	}
	return nil
}

// fold checks aggregates against the listing up to the same position, and
// against each other in one snapshot: positions have no gap, so that the last, the
// count and the sum say the same.
func fold(ctx context.Context, l *Log) error {
	const reduce = `"reduce":[{"as":"count","type":"count"},{"as":"last","type":"max","field":"position"},` +
		`{"as":"positions","type":"sum","field":"position"},{"as":"n","type":"sum","field":"payload.n"}]`
	whole, err := aggregate(ctx, l, reduce)
	if err != nil {
		return err
	}
	last := whole["last"]
	if whole["count"] != last || whole["positions"] != last*(last+1)/2 {
		return fmt.Errorf("%v are not of one snapshot", whole)
	}
	upTo := fmt.Sprintf(`"where":[{"field":"position","operator":"lte","value":%d}],`, last)
	again, err := aggregate(ctx, l, upTo+reduce)
	if err != nil {
		return err
	}
	listed := map[string]int64{}
	var fault error
	err = eachPage(ctx, l, 777, upTo+`"orderBy":{"field":"timestamp","direction":"desc"}`, func(events []event.Event) {
		for _, e := range events {
			var payload struct {
				N int64 `json:"n"`
			}
			if err := json.Unmarshal(e.Payload, &payload); err != nil {
				fault = err
			}
			listed["count"]++
			listed["last"] = max(listed["last"], e.Position)
			listed["positions"] += e.Position
			listed["n"] += payload.N
		}
	})
	if err := errors.Join(err, fault); err != nil {
		return err
	}
	if d := cmp.Diff(listed, whole); d != "" {
		return fmt.Errorf("aggregates (-listing +engine):\n%s", d)
	}
	if d := cmp.Diff(listed, again); d != "" {
		return fmt.Errorf("aggregates up to position %d (-listing +engine):\n%s", last, d)
	}
	return nil
}

func aggregate(ctx context.Context, l *Log, rest string) (map[string]int64, error) {
	q, err := query.Parse([]byte(`{"from":{"instance":"app"},`+rest+`}`), time.Now())
	if err != nil {
		return nil, err
	}
	r, err := l.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	var got struct {
		Values map[string]int64 `json:"values"`
	}
	if err := json.Unmarshal(r.Aggregation, &got); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Aggregation, err)
	}
	return got.Values, nil
}
