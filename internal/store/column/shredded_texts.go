package column

import (
	"encoding/json/jsontext"

	"github.com/firnlog/firn/query"
)

// texts puts the payload or metadata texts of rows together; with paths, as far
// as they lie on these. Of each column it reads only the rows whose shape says
// that they have a value there.
func (b *shredded) texts(root query.Root, rows []int32, paths [][]query.Step, set func(i int, text []byte)) error {
	shapes, err := b.source.Pick(shapeCol(root), rows)
	if err != nil {
		return err
	}
	p := newPicks(b.source, int(FirstPath)+len(b.paths))
	byCode := make([]*shape, len(shapes.Dict))
	of := make([]*shape, len(rows))
	for i, row := range rows {
		if shapes.IsValid(i) {
			if of[i], err = b.shapeAt(root, shapes, i, byCode, paths); err != nil {
				return err
			}
		}
		p.add(of[i], restCol(root), row)
	}
	if err := p.read(); err != nil {
		return err
	}
	o := object{column: p.next}
	var out arena
	for i, row := range rows {
		o.row, o.shape = int(row), of[i]
		if out.scratch, err = o.appendText(out.scratch[:0], root); err != nil {
			return err
		}
		set(i, out.keep())
	}
	return nil
}

// shapeAt is the shape of a row, remembered by its code.
func (b *shredded) shapeAt(root query.Root, shapes *Vector, row int, byCode []*shape, paths [][]query.Step) (*shape, error) {
	if !shapes.Coded() {
		return b.shape(root, shapes.Text(row))
	}
	code := shapes.Code(row)
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
		if err := o.takeRest(restCol(root)); err != nil {
			return dst, err
		}
	}
	if o.shape == nil {
		return append(dst, o.rest...), nil
	}
	return o.appendRange(dst, 0, len(o.shape.skeleton))
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
