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
	if err := b.envelopes(out, rows); err != nil {
		return dst[:from], err
	}
	if need.Payload {
		err := b.texts(query.Payload, rows, func(i int, text []byte) { out[i].Payload = text })
		if err != nil {
			return dst[:from], err
		}
	}
	if need.Metadata {
		err := b.texts(query.Metadata, rows, func(i int, text []byte) { out[i].Metadata = text })
		if err != nil {
			return dst[:from], err
		}
	}
	return dst, nil
}

// envelopes fills in all but payload and metadata.
func (b *shredded) envelopes(out []event.Event, rows []int32) error {
	var v [ColID + 1]*Vector
	for c := range v {
		var err error
		if v[c], err = b.source.Pick(Col(c), rows); err != nil {
			return err
		}
	}
	for i := range out {
		e := &out[i]
		recorded := v[ColRecorded].Ints[i]
		e.InstanceID = b.meta.InstanceID
		e.Position = v[ColPosition].Ints[i]
		e.SequenceNumber = v[ColSequence].Ints[i]
		e.Timestamp = time.UnixMicro(v[ColTimestamp].Ints[i]).UTC()
		e.RecordedAt = time.UnixMilli(recorded).UTC()
		e.Severity = event.Severity(v[ColSeverity].Ints[i])
		e.StreamID = v[ColStream].Text(i)
		e.EventType = v[ColType].Text(i)
		e.Actor = v[ColActor].textOrNil(i)
		e.Subject = v[ColSubject].textOrNil(i)
		switch {
		case v[ColID].IsValid(i):
			e.ID = v[ColID].Text(i)
		case b.meta.MakeID != nil:
			e.ID = b.meta.MakeID(e.Position, recorded)
		}
	}
	return nil
}

func (v *Vector) textOrNil(row int) *string {
	if !v.IsValid(row) {
		return nil
	}
	s := v.Text(row)
	return &s
}

// texts puts the payload or metadata texts of rows together.
func (b *shredded) texts(root query.Root, rows []int32, set func(i int, text []byte)) error {
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
			if o.shape, err = b.shapeAt(root, shapes, i, byCode); err != nil {
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
func (b *shredded) shapeAt(root query.Root, shapes *Vector, row int, byCode []*shape) (*shape, error) {
	if shapes.Codes == nil {
		return b.shape(root, shapes.Text(row))
	}
	code := shapes.Codes[row]
	if byCode[code] == nil {
		s, err := b.shape(root, shapes.Dict[code])
		if err != nil {
			return nil, err
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
