package column

import (
	"encoding/json/jsontext"
	"fmt"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// Events implements Block.
func (b *shredded) Events(dst []event.Event, rows []int32, need Need) ([]event.Event, error) {
	for _, row := range rows {
		if row < 0 || int(row) >= b.rows {
			return dst, fmt.Errorf("column: row %d of a block of %d", row, b.rows)
		}
	}
	if len(rows) == 0 {
		return dst, nil
	}
	from := len(dst)
	dst = append(dst, make([]event.Event, len(rows))...)
	out := dst[from:]
	if err := b.envelopes(out, rows, need.Fields); err != nil {
		return dst[:from], err
	}
	if need.Payload {
		err := b.texts(query.Payload, rows, need.PayloadPaths, func(i int, text []byte) { out[i].Payload = text })
		if err != nil {
			return dst[:from], err
		}
	}
	if need.Metadata {
		err := b.texts(query.Metadata, rows, need.MetadataPaths, func(i int, text []byte) { out[i].Metadata = text })
		if err != nil {
			return dst[:from], err
		}
	}
	return dst, nil
}

// envelopes fills in all that is wanted but payload and metadata.
func (b *shredded) envelopes(out []event.Event, rows []int32, fields Fields) error {
	for i := range out {
		out[i].InstanceID = b.meta.InstanceID
	}
	for c := range ColID + 1 {
		if !fields.has(c) {
			continue
		}
		v, err := b.source.Pick(c, rows)
		if err != nil {
			return err
		}
		b.fill(out, c, v)
	}
	return nil
}

// fill fills in one column of the envelope. Ids come last.
func (b *shredded) fill(out []event.Event, c Col, v *Vector) {
	for i := range out {
		e := &out[i]
		switch c {
		case ColPosition:
			e.Position = v.Ints[i]
		case ColSequence:
			e.SequenceNumber = v.Ints[i]
		case ColTimestamp:
			e.Timestamp = time.UnixMicro(v.Ints[i]).UTC()
		case ColRecorded:
			e.RecordedAt = time.UnixMilli(v.Ints[i]).UTC()
		case ColSeverity:
			e.Severity = event.Severity(v.Ints[i])
		case ColStream:
			e.StreamID = v.Text(i)
		case ColType:
			e.EventType = v.Text(i)
		case ColActor:
			e.Actor = v.textOrNil(i)
		case ColSubject:
			e.Subject = v.textOrNil(i)
		case ColID:
			switch {
			case v.IsValid(i):
				e.ID = v.Text(i)
			case b.meta.MakeID != nil:
				e.ID = b.meta.MakeID(e.Position, e.RecordedAt.UnixMilli())
			}
		}
	}
}

func (v *Vector) textOrNil(row int) *string {
	if !v.IsValid(row) {
		return nil
	}
	s := v.Text(row)
	return &s
}

// texts puts the payload or metadata texts of rows together; with paths, as far
// as they lie on these.
func (b *shredded) texts(root query.Root, rows []int32, paths [][]query.Step, set func(i int, text []byte)) error {
	p := picked{source: b.source, rows: rows, cols: make([]*Vector, int(FirstPath)+len(b.paths))}
	shapes, err := p.vector(shapeCol(root))
	if err != nil {
		return err
	}
	o := object{vector: p.vector}
	byCode := make([]*shape, len(shapes.Dict))
	var out arena
	for i := range rows {
		o.at, o.shape = i, nil
		if shapes.IsValid(i) {
			if o.shape, err = b.shapeAt(root, shapes, i, byCode, paths); err != nil {
				return err
			}
		}
		if out.scratch, err = o.appendText(out.scratch[:0], root); err != nil {
			return err
		}
		set(i, out.keep())
	}
	return nil
}

// arena keeps texts that are first put together in scratch, so that each of
// them takes the room that it needs and no more.
type arena struct {
	scratch, slab []byte
}

const slabBytes = 64 << 10

// keep returns what is in scratch, as a text that stays.
func (a *arena) keep() jsontext.Value {
	n := len(a.scratch)
	if n > slabBytes/4 {
		if cap(a.scratch)-n <= n/4 {
			text := a.scratch
			a.scratch = nil
			return text[:n:n]
		}
		return append(make([]byte, 0, n), a.scratch...)
	}
	if cap(a.slab)-len(a.slab) < n {
		a.slab = make([]byte, 0, max(n, min(slabBytes, 2*cap(a.slab)), 1<<10))
	}
	from := len(a.slab)
	a.slab = append(a.slab, a.scratch...)
	return a.slab[from:len(a.slab):len(a.slab)]
}

// shapeAt is the shape of a row, remembered by its code.
func (b *shredded) shapeAt(root query.Root, shapes *Vector, row int, byCode []*shape, paths [][]query.Step) (*shape, error) {
	if shapes.Codes == nil {
		return b.shape(root, shapes.Text(row))
	}
	code := shapes.Codes[row]
	if byCode[code] == nil {
		s, err := b.shape(root, shapes.Dict[code])
		if err != nil {
			return nil, err
		}
		if len(paths) > 0 {
			s = s.narrowed(paths)
		}
		byCode[code] = s
	}
	return byCode[code], nil
}

// appendText appends the row's whole object.
func (o *object) appendText(dst []byte, root query.Root) ([]byte, error) {
	if o.shape == nil || o.shape.inRest {
		rest, err := o.vector(restCol(root))
		if err != nil {
			return dst, err
		}
		if err := o.takeRest(rest); err != nil {
			return dst, err
		}
	}
	if o.shape == nil {
		return append(dst, o.rest...), nil
	}
	return o.appendRange(dst, 0, len(o.shape.skeleton))
}

// picked gives columns of chosen rows, each picked once.
type picked struct {
	source Source
	rows   []int32
	cols   []*Vector // by Col
}

func (p *picked) vector(c Col) (*Vector, error) {
	if v := p.cols[c]; v != nil {
		return v, nil
	}
	v, err := p.source.Pick(c, p.rows)
	if err == nil {
		p.cols[c] = v
	}
	return v, err
}
