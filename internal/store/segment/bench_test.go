package segment

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/firnlog/firn/internal/cputest"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
	"github.com/firnlog/firn/query"
)

const benchRows = 250_000

func BenchmarkWrite(b *testing.B) {
	rows := columntest.NewSampler(1).Rows(benchRows)
	for _, sorted := range []bool{true, false} {
		b.Run(fmt.Sprintf("byStream=%v", sorted), func(b *testing.B) { benchmarkWrite(b, rows, sorted) })
	}
	for i := 0; i < len(rows); i += 5000 { // as logs have them
		rows[i].Payload = fmt.Appendf(nil, `{"rare":{"%d":%d},"status":200}`, i, i)
	}
	b.Run("rare paths", func(b *testing.B) { benchmarkWrite(b, rows, true) })
}

func benchmarkWrite(b *testing.B, rows []column.Row, sorted bool) {
	var out bytes.Buffer
	b.ReportAllocs()
	cputest.Report(b, benchRows, func() {
		for b.Loop() {
			out.Reset()
			f := newFileWriter(&out, testInstance, sorted)
			f.expect(len(rows))
			for i := range rows {
				if err := f.append(&rows[i]); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := f.close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(out.Len())/benchRows, "B/event")
	report(b, open(b, out.Bytes(), nil))
}

// report logs where the bytes of a file go.
func report(b *testing.B, s *Segment) {
	src := source{seg: s}
	total := int64(0)
	for c := range s.leaves {
		chunk, err := src.chunk(column.Col(c))
		if err != nil {
			b.Fatal(err)
		}
		m := chunk.File().Metadata().RowGroups[0].Columns[chunk.Column()].MetaData
		total += m.TotalCompressedSize + int64(m.BloomFilterLength)
		b.Logf("%-28s %-24s %7.3f B/event, bloom %5.3f", m.PathInSchema[0], m.Encoding[len(m.Encoding)-1],
			float64(m.TotalCompressedSize)/benchRows, float64(m.BloomFilterLength)/benchRows)
	}
	b.Logf("indexes and footer %.3f B/event", float64(int64(s.info.Size)-total)/benchRows)
}

func BenchmarkVector(b *testing.B) {
	var out bytes.Buffer
	if _, err := Write(&out, testInstance, benchRows, seqOf(columntest.NewSampler(1).Rows(benchRows))); err != nil {
		b.Fatal(err)
	}
	s := open(b, out.Bytes(), nil)
	for c := range s.leaves {
		name := s.names()[c]
		b.Run(name, func(b *testing.B) {
			src := &source{seg: s}
			for b.Loop() {
				if _, err := src.Vector(column.Col(c)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ms/1Mrows")
		})
	}
}

// BenchmarkRead measures the two reads between which the order of rows decides:
// a stream from its start and the latest of all, each as events.
func BenchmarkRead(b *testing.B) {
	rows := columntest.NewSampler(1).Rows(benchRows)
	for _, sorted := range []bool{true, false} {
		var out bytes.Buffer
		f := newFileWriter(&out, testInstance, sorted)
		for i := range rows {
			if err := f.append(&rows[i]); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := f.close(); err != nil {
			b.Fatal(err)
		}
		s := open(b, out.Bytes(), nil)
		need := column.Need{Payload: true, Metadata: true}
		b.Run(fmt.Sprintf("stream/byStream=%v", sorted), func(b *testing.B) {
			for b.Loop() {
				block := s.Groups()[0].Block()
				v, err := block.Envelope(query.StreamID)
				if err != nil {
					b.Fatal(err)
				}
				var want []int32
				for row := range v.Len {
					if v.Dict[v.Codes[row]] == "user-100100" {
						want = append(want, int32(row))
					}
				}
				if _, err := block.Events(nil, want, need); err != nil || len(want) == 0 {
					b.Fatal(err, len(want))
				}
			}
		})
		b.Run(fmt.Sprintf("latest/byStream=%v", sorted), func(b *testing.B) {
			for b.Loop() {
				block := s.Groups()[0].Block()
				v, err := block.Envelope(query.Position)
				if err != nil {
					b.Fatal(err)
				}
				var want []int32
				for row, position := range v.Ints {
					if position > benchRows-100 {
						want = append(want, int32(row))
					}
				}
				if _, err := block.Events(nil, want, need); err != nil || len(want) == 0 {
					b.Fatal(err, len(want))
				}
			}
		})
	}
}
