package wal

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/firnlog/firn/internal/store/vfs"
)

func TestSmoke(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	n := 0
	for round := range 5 {
		got := 0
		l, rec, err := Open(vfs.OS, dir, Options{FileSize: 8192}, func(r Record) error {
			if want := fmt.Sprintf("record %d", got); string(r.Body) != want || r.LSN != uint64(got+1) {
				return fmt.Errorf("got %d %q, want %q", r.LSN, r.Body, want)
			}
			got++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got != n || len(rec.Damage) > 0 || rec.Torn != nil {
			t.Fatalf("round %d: got %d of %d, %+v", round, got, n, rec)
		}
		for range 100 {
			var g Group
			g.Append([]byte("record "), fmt.Append(nil, n))
			g.Append([]byte("record "), fmt.Append(nil, n+1))
			n += 2
			if _, err := l.Write(&g); err != nil {
				t.Fatal(err)
			}
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		if round%2 == 0 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
