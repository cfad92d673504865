package segment

import (
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// Group is a row group of a segment: what can be told without reading it, and
// its block.
type Group struct {
	Ranges
	seg   *Segment
	index int
}

// Groups lists the segment's row groups in order of position.
func (s *Segment) Groups() []Group {
	list := make([]Group, len(s.doc.Groups))
	for i, g := range s.doc.Groups {
		list[i] = Group{Ranges: g.Ranges, seg: s, index: i}
	}
	return list
}

// Block is the row group's block. Nothing is read until columns are asked for.
// It is valid until the segment is closed.
func (g Group) Block() column.Block { return g.seg.blocks[g.index] }

func (s *Segment) makeBlocks() []column.Block {
	meta := column.Meta{InstanceID: s.info.InstanceID, MakeID: s.codec.ID, Order: column.ByStream}
	if s.doc.Order == orderByPosition {
		meta.Order = column.ByPosition
	}
	blocks := make([]column.Block, len(s.doc.Groups))
	for i := range blocks {
		blocks[i] = column.NewBlock(meta, s.doc.Groups[i].Rows, s.paths, &source{seg: s, group: i})
	}
	return blocks
}

// MayHold reports whether a row can have the given string at a string field:
// StreamID, EventType, Actor, Subject, ID, or a payload or metadata path. It may
// say true wrongly, and does for other fields, but never false wrongly.
func (g Group) MayHold(f query.Field, value string) bool {
	switch f.Root {
	case query.StreamID:
		return value >= g.MinStream && value <= g.MaxStream && g.mayHave(column.ColStream, value)
	case query.EventType:
		return g.mayHave(column.ColType, value)
	case query.Actor:
		return g.mayHave(column.ColActor, value)
	case query.Subject:
		return g.mayHave(column.ColSubject, value)
	case query.ID:
		if position, _, ok := g.seg.codec.Decode(value); ok && position >= g.FirstPosition && position <= g.LastPosition {
			return true
		}
		return g.mayHave(column.ColID, value)
	case query.Payload:
		return g.pathMayHold(f, g.seg.doc.Groups[g.index].Payload, value)
	case query.Metadata:
		return g.pathMayHold(f, g.seg.doc.Groups[g.index].Metadata, value)
	}
	return true
}

// pathMayHold is MayHold for a path.
func (g Group) pathMayHold(f query.Field, s spill, value string) bool {
	if len(f.Path) == 0 || s.Any || s.Whole > 0 {
		return true
	}
	for _, step := range f.Path {
		if step.IsIndex || step.Each {
			return true
		}
	}
	is := func(path []string) bool {
		return slices.EqualFunc(path, f.Path, func(key string, step query.Step) bool { return key == step.Key })
	}
	if slices.ContainsFunc(s.Paths, is) || slices.ContainsFunc(s.Odd, is) {
		return true
	}
	for i, p := range g.seg.paths {
		if p.Root == f.Root && p.Kind == column.String && is(p.Path) {
			return g.mayHave(column.FirstPath+column.Col(i), value)
		}
	}
	return false
}

// mayHave asks a column's bloom filter.
func (g Group) mayHave(c column.Col, value string) (may bool) {
	defer func() {
		if recover() != nil {
			may = true // reading the column will say what is wrong
		}
	}()
	src := source{seg: g.seg, group: g.index}
	chunk, err := src.chunk(c)
	if err != nil {
		return true
	}
	if chunk.NullCount() == int64(g.Rows) {
		return false
	}
	filter := chunk.BloomFilter()
	if filter == nil || filter.Size() == 0 {
		return true
	}
	ok, err := filter.Check(parquet.ByteArrayValue([]byte(value)))
	return ok || err != nil
}
