package exec

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// TestRunAgreesWithTheEvaluator compares answers to random queries on random
// events in random blocks with those of query.Evaluate, page by page.
func TestRunAgreesWithTheEvaluator(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 120)
		s := randomSnapshot(t, events)
		text := querytest.Text(t)
		q := querytest.MustParse(t, text)
		if rapid.Bool().Draw(t, "asked before") { // columns may have been kept since
			_, _ = Run(context.Background(), q, s, nil)
		}
		for page := 0; page < 5; page++ {
			want, wantErr := query.Evaluate(q, events)
			got, err := Run(context.Background(), q, s, nil)
			if !errors.Is(err, wantErr) {
				t.Fatalf("%s\npage %d: error %v, want %v", text, page, err, wantErr)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(want.Events, got.Events, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s\npage %d: events (-evaluator +engine):\n%s", text, page, diff)
			}
			if diff := cmp.Diff(texts(want.Selected), texts(got.Selected)); diff != "" {
				t.Fatalf("%s\npage %d: selected (-evaluator +engine):\n%s", text, page, diff)
			}
			if diff := cmp.Diff(string(want.Aggregation), string(got.Aggregation)); diff != "" {
				t.Fatalf("%s\naggregation (-evaluator +engine):\n%s", text, diff)
			}
			if diff := cmp.Diff(want.Total, got.Total); diff != "" {
				t.Fatalf("%s\npage %d: total (-evaluator +engine):\n%s", text, page, diff)
			}
			if (want.NextCursor == "") != (got.NextCursor == "") {
				t.Fatalf("%s\npage %d: next cursor %q, want %q", text, page, got.NextCursor, want.NextCursor)
			}
			if got.NextCursor == "" {
				return
			}
			next := *q
			next.Cursor = got.NextCursor
			q = &next
		}
	})
}

func texts[T ~[]byte](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
