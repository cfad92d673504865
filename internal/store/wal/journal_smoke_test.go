package wal

import (
	"fmt"
	"slices"
	"testing"

	"github.com/firnlog/firn/internal/store/vfs"
)

func TestJournalSmoke(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for round := range 6 {
		var got []string
		j, rec, err := OpenJournal(vfs.OS, dir, "MANIFEST", JournalOptions{}, func(b []byte) error {
			got = append(got, string(b))
			return nil
		})
		if err != nil || len(rec.Damage) > 0 || rec.Torn != nil || !slices.Equal(got, want) {
			t.Fatalf("%v %+v: got %q, want %q", err, rec, got, want)
		}
		for i := range 3 {
			r := fmt.Sprintf("change %d.%d", round, i)
			want = append(want, r)
			if err := j.Append([]byte(r)); err != nil {
				t.Fatal(err)
			}
		}
		if round%2 == 1 {
			want = want[1:]
			if err := j.Rewrite(func(yield func([]byte) bool) {
				for _, w := range want {
					if !yield([]byte(w)) {
						return
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
