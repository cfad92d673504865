package spelling_test

import (
	"strings"
	"testing"

	"github.com/firnlog/firn/internal/spelling"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"stream", "stream", 0},
		{"stream", "strem", 1},
		{"strem", "stream", 1},
		{"stream", "straam", 1},
		{"stream", "straem", 1}, // neighbours swapped
		{"kitten", "sitting", 3},
	} {
		if got := spelling.Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"limit", "offset", "orderBy", "event_type", "since", "min_severity", "severity"}
	for _, c := range []struct{ name, want string }{
		{"limt", "limit"},
		{"OFFSET", "offset"},
		{"orderby", "orderBy"},
		{"order", ""}, // more than a third is missing
		{"", ""},
		{"x", ""},
		{"evnet_tpye", "event_type"},
		{"sinc", "since"},
		{"min-severity", "min_severity"},
		{"nothing_like_it", ""},
		{"limit" + strings.Repeat("t", 100), ""}, // longer than any name
	} {
		got, ok := spelling.Nearest(c.name, known)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Nearest(%q) = %q, %t, want %q", c.name, got, ok, c.want)
		}
	}
}
