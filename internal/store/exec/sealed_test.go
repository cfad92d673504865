package exec

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/query/querytest"
)

// memoryFile is a segment's file in memory.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

// seal writes rows to a segment and opens it.
func seal(rows []column.Row, cache *segment.Cache) *segment.Segment {
	var file bytes.Buffer
	_, err := segment.Write(&file, segment.Instance{ID: querytest.InstanceID}, len(rows), func(yield func(*column.Row, error) bool) {
		for i := range rows {
			if !yield(&rows[i], nil) {
				return
			}
		}
	})
	if err != nil {
		panic(err)
	}
	return openSegment(file.Bytes(), cache)
}

func openSegment(file []byte, cache *segment.Cache) *segment.Segment {
	var r io.ReaderAt = bytes.NewReader(file)
	s, err := segment.Open("test", memoryFile{r.(*bytes.Reader)}, int64(len(file)), cache)
	if err != nil {
		panic(err)
	}
	return s
}

// sealedSnapshot cuts rows, in order of position, into segments.
func sealedSnapshot(rows []column.Row, size int, cache *segment.Cache) Snapshot {
	s := Snapshot{InstanceID: querytest.InstanceID}
	if len(rows) > 0 {
		s.LastPosition = rows[len(rows)-1].Position
	}
	n := byte('a')
	for chunk := range slices.Chunk(rows, max(size, 1)) {
		for _, g := range seal(chunk, cache).Groups() {
			s.Blocks = append(s.Blocks, sealedRef(g, string(n)))
		}
		n++
	}
	return s
}

func sealedRef(g segment.Group, name string) BlockRef {
	return BlockRef{
		Segment: name, Rows: g.Rows, FirstPosition: g.FirstPosition, LastPosition: g.LastPosition,
		MinTimestamp: g.MinTimestamp, MaxTimestamp: g.MaxTimestamp, MinRecorded: g.MinRecorded, MaxRecorded: g.MaxRecorded,
		MayHold: g.MayHold,
		Open:    func(context.Context) (column.Block, func(), error) { return g.Block(), func() {}, nil },
	}
}
