package query_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

func TestStringParsesToTheSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := querytest.Query(t)
		again := querytest.MustParse(t, q.String())
		if diff := cmp.Diff(q.String(), again.String()); diff != "" {
			t.Fatalf("printed otherwise the second time (-first +second):\n%s", diff)
		}
	})
}

var _ = query.Count
