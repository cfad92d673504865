package wal_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/wal"
)

const benchRecord = 400 // bytes

// BenchmarkBare is what the machine can do: a write at the end of a file and an
// fdatasync.
func BenchmarkBare(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	must(b, err)
	defer f.Close()
	rec := make([]byte, benchRecord)
	for b.Loop() {
		_, err := f.Write(rec)
		must(b, err)
		must(b, unix.Fdatasync(int(f.Fd())))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

func openBench(b *testing.B) *wal.Log {
	l, _, err := wal.Open(vfs.OS, filepath.Join(b.TempDir(), "wal"), wal.Options{}, func(wal.Record) error { return nil })
	must(b, err)
	b.Cleanup(func() { l.Close() })
	return l
}

func BenchmarkOneWriter(b *testing.B) {
	l := openBench(b)
	var g wal.Group
	rec := make([]byte, benchRecord)
	for b.Loop() {
		g.Reset()
		g.Append(rec)
		_, err := l.Write(&g)
		must(b, err)
		must(b, l.Sync())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkManyWriters has 64 callers wait for each other's groups, as the
// store's sequencer does: one group is synced while the next gathers.
func BenchmarkManyWriters(b *testing.B) {
	l := openBench(b)
	type request struct{ done chan struct{} }
	queue := make(chan request, 64)
	var syncer sync.WaitGroup
	syncer.Go(func() {
		var g wal.Group
		rec := make([]byte, benchRecord)
		for r := range queue {
			waiting := []request{r}
			for len(queue) > 0 {
				waiting = append(waiting, <-queue)
			}
			g.Reset()
			for range waiting {
				g.Append(rec)
			}
			_, err := l.Write(&g)
			must(b, err)
			must(b, l.Sync())
			for _, w := range waiting {
				w.done <- struct{}{}
			}
		}
	})
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		r := request{done: make(chan struct{}, 1)}
		for pb.Next() {
			queue <- r
			<-r.done
		}
	})
	close(queue)
	syncer.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkLargeGroups is bulk: groups of 1,000 records.
func BenchmarkLargeGroups(b *testing.B) {
	l := openBench(b)
	var g wal.Group
	rec := make([]byte, benchRecord)
	for b.Loop() {
		g.Reset()
		for range 1000 {
			copy(g.Reserve(benchRecord), rec)
		}
		_, err := l.Write(&g)
		must(b, err)
		must(b, l.Sync())
		must(b, l.Remove(l.NextLSN()))
	}
	b.SetBytes(1000 * benchRecord)
}

func BenchmarkReplay(b *testing.B) {
	l := openBench(b)
	var g wal.Group
	for range 100_000 {
		g.Append(make([]byte, benchRecord))
	}
	_, err := l.Write(&g)
	must(b, err)
	must(b, l.Sync())
	b.SetBytes(100_000 * benchRecord)
	for b.Loop() {
		_, err := l.Verify(nil)
		must(b, err)
	}
}
