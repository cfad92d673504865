package column_test

import (
	"testing"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
)

const benchRows = 100_000

func BenchmarkAppend(b *testing.B) {
	rows := columntest.NewSampler(1).Rows(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		builder := column.NewBuilder(columntest.Meta)
		for i := range rows {
			if err := builder.Append(&rows[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

func BenchmarkEvents(b *testing.B) {
	rows := columntest.NewSampler(1).Rows(benchRows)
	builder := column.NewBuilder(columntest.Meta)
	all := make([]int32, len(rows))
	for i := range rows {
		if err := builder.Append(&rows[i]); err != nil {
			b.Fatal(err)
		}
		all[i] = int32(i)
	}
	block := builder.Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := block.Events(nil, all, column.Need{Payload: true, Metadata: true}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}
