package column

import (
	"errors"
	"math"

	"github.com/firnlog/firn/query"
)

// Meta is what the events of a block have in common.
type Meta struct {
	InstanceID string
	// MakeID computes an id that the log made (package eventid). Nil leaves
	// such ids empty.
	MakeID func(position, recordedAtMillis int64) string
	// Order is the order in which rows are appended. Default ByPosition.
	Order Order
}

// ErrFull is returned by Append when the block can take no further row.
var ErrFull = errors.New("column: block is full")

// maxContent bounds the bytes of texts in a block, so that 32-bit offsets hold
// and a block can be sealed in memory.
const maxContent = 1 << 30

// Builder shreds events into columns. It is used by one goroutine; the blocks
// that Snapshot returns are everyone's.
type Builder struct {
	meta     Meta
	rows     int
	expected int // rows in all; 0 = nobody knows
	content  int64
	sizes    []uint32  // content by row
	cols     []*Packed // by Col
	paths    []PathColumn
	colOf    map[string]Col // path key → column
	objects  [2]objectBuilder
	plan     *Plan
	scratch  []byte
}

// NewBuilder makes an empty builder that gives columns to paths and shapes as
// they come, within generous bounds.
func NewBuilder(meta Meta) *Builder { return newBuilder(meta, nil) }

// NewPlannedBuilder makes an empty builder that gives columns only to what the
// plan has chosen.
func NewPlannedBuilder(meta Meta, plan *Plan) *Builder { return newBuilder(meta, plan) }

func newBuilder(meta Meta, plan *Plan) *Builder {
	if meta.Order == 0 {
		meta.Order = ByPosition
	}
	b := &Builder{meta: meta, plan: plan, colOf: map[string]Col{}}
	for c := range FirstPath {
		p := newPacked(c.Kind(), 0)
		p.keep = c == ColPayloadShape || c == ColMetadataShape
		b.cols = append(b.cols, p)
	}
	b.objects[0].root, b.objects[1].root = query.Payload, query.Metadata
	return b
}

// Expect tells how many rows may be appended in all.
func (b *Builder) Expect(rows int) {
	b.expected = min(rows, MaxRows)
	for _, p := range b.cols {
		p.expected = b.expected
	}
}

// Rows is the number of rows appended.
func (b *Builder) Rows() int { return b.rows }

// Content is the number of bytes of texts appended.
func (b *Builder) Content() int64 { return b.content }

// RowContent is the number of bytes of texts of a row.
func (b *Builder) RowContent(row int) int64 { return int64(b.sizes[row]) }

// Paths are the path columns, from FirstPath on.
func (b *Builder) Paths() []PathColumn { return b.paths[:len(b.paths):len(b.paths)] }

// Column returns a column as it is now.
func (b *Builder) Column(c Col) *Packed { return b.cols[c] }

// Drop takes away what a column holds, to free its memory. Nothing may be
// appended any more.
func (b *Builder) Drop(c Col) { b.cols[c] = newPacked(b.cols[c].kind, 0) }

// Size is about how many bytes of memory the columns take.
func (b *Builder) Size() int64 {
	var n int64
	for _, p := range b.cols {
		n += p.size()
	}
	return n
}

// Append adds a row. It copies what it keeps. ErrFull leaves it out: the block
// has MaxRows rows or a gibibyte of texts.
func (b *Builder) Append(r *Row) error {
	content := int64(r.Content())
	if b.rows >= MaxRows || b.rows > 0 && b.content+content > maxContent {
		return ErrFull
	}
	row := b.rows
	b.cols[ColPosition].addInt(row, r.Position)
	b.cols[ColSequence].addInt(row, r.SequenceNumber)
	b.cols[ColTimestamp].addInt(row, r.Timestamp)
	b.cols[ColRecorded].addInt(row, r.RecordedAt)
	b.cols[ColSeverity].addInt(row, int64(r.Severity))
	b.cols[ColStream].addString(row, r.StreamID)
	b.cols[ColType].addString(row, r.EventType)
	if r.Actor != nil {
		b.cols[ColActor].addString(row, *r.Actor)
	}
	if r.Subject != nil {
		b.cols[ColSubject].addString(row, *r.Subject)
	}
	if r.ID != "" {
		b.cols[ColID].addString(row, r.ID)
	}
	b.objects[0].append(b, row, r.Payload)
	b.objects[1].append(b, row, r.Metadata)
	b.rows++
	b.content += content
	b.sizes = append(grown(b.sizes, row, b.expected), uint32(min(content, math.MaxUint32)))
	return nil
}

// column returns the column of a path and kind, making it if it may have one.
func (b *Builder) column(p PathColumn, row int) Col {
	key := p.key()
	if c, ok := b.colOf[key]; ok {
		return c
	}
	if c := b.widened(p, row); c != noCol {
		return c
	}
	if !b.plan.allowsColumn(key, p, len(b.paths)) {
		return noCol
	}
	c := Col(len(b.cols))
	b.cols = append(b.cols, newPacked(p.Kind, row))
	b.cols[c].expected = b.expected
	b.paths = append(b.paths, p)
	b.colOf[key] = c
	return c
}

// objectBuilder shreds the payload, or the metadata, of the rows.
type objectBuilder struct {
	root   query.Root
	split  splitter
	shapes []builtShape // by code
	known  known
	bytes  int // of all skeletons
}

// builtShape says where the values of a shape's placeholders go.
type builtShape struct {
	code uint32
	cols []Col
	rows int // that have the shape
}

var emptyObject = []byte("{}")

func (o *objectBuilder) append(b *Builder, row int, text []byte) {
	if len(text) == 0 {
		text = emptyObject
	}
	var shape *builtShape
	if code, ok := o.known.find(&o.split, text); ok {
		shape = &o.shapes[code]
	} else if o.split.split(text, maxSkeleton) {
		shape = o.shape(b, row)
	}
	if shape == nil || o.tooWide(b, shape) {
		b.cols[restCol(o.root)].addBytes(row, text)
		return
	}
	col := b.cols[shapeCol(o.root)]
	col.mark(row)
	col.codes = append(grown(col.codes, row, b.expected), shape.code)
	shape.rows++
	for i, v := range o.split.values {
		if c := shape.cols[i]; c != noCol {
			o.put(b.cols[c], row, v)
		}
	}
	if b.scratch = o.spilled(b.scratch[:0], shape.cols); len(b.scratch) > 0 {
		b.cols[restCol(o.root)].addBytes(row, b.scratch)
	}
}

// shape finds or makes the shape of the object just split; nil if it may have
// none.
func (o *objectBuilder) shape(b *Builder, row int) *builtShape {
	col, skeleton := b.cols[shapeCol(o.root)], o.split.skeleton
	code, known := col.index.find(col.dict, viewOf(skeleton))
	if !known {
		if !b.plan.allowsShape(o, skeleton) {
			return nil
		}
		list, err := slots(o.root, string(skeleton))
		if err != nil || len(list) != len(o.split.values) {
			return nil
		}
		s := builtShape{cols: make([]Col, len(list))}
		for i, p := range list {
			s.cols[i] = b.column(p, row)
		}
		code = col.define(viewOf(skeleton))
		s.code = code
		o.shapes = append(o.shapes, s)
		o.bytes += len(skeleton)
		o.known.learn(col.dict[code], code)
	}
	return &o.shapes[code]
}

func (o *objectBuilder) put(p *Packed, row int, v value) {
	switch v.kind {
	case Int:
		if p.kind == Double {
			p.addDouble(row, float64(int64(v.bits)))
			return
		}
		p.addInt(row, int64(v.bits))
	case Double:
		p.addDouble(row, math.Float64frombits(v.bits))
	case Bool:
		p.addBool(row, v.bits != 0)
	default:
		p.addBytes(row, o.split.bytes(v))
	}
}
