package column

import (
	"bytes"

	"github.com/firnlog/firn/query"
)

// found is what a skeleton says about a path.
type found uint8

const (
	foundNothing found = iota
	foundColumn        // a scalar or array in a column of the path
	foundNull
	foundOther // something that Value must tell
)

// Path implements Block.
func (b *shredded) Path(root query.Root, path []query.Step) (PathColumns, error) {
	var p PathColumns
	for kind, keys := Int, keysOf(path); kind <= JSON && keys != nil; kind++ {
		c, ok := b.index()[string(appendPathKey(nil, root, keys, kind))]
		if !ok || b.paths[c-FirstPath].Kind != kind {
			continue
		}
		v, err := b.source.Vector(c)
		if err != nil {
			return p, err
		}
		p.Vectors = append(p.Vectors, v)
	}
	err := b.resolve(root, path, &p)
	return p, err
}

// keysOf is a path of keys only, nil for any other.
func keysOf(path []query.Step) []string {
	if len(path) == 0 {
		return nil
	}
	keys := make([]string, len(path))
	for i, s := range path {
		if s.IsIndex || s.Each {
			return nil
		}
		keys[i] = s.Key
	}
	return keys
}

// resolve fills in Nulls and Other: for each shape what the path meets there.
func (b *shredded) resolve(root query.Root, path []query.Step, p *PathColumns) error {
	skeletons, missing, err := b.source.Distinct(shapeCol(root))
	if err != nil {
		return err
	}
	meets, plain := make(map[string]found), !missing
	for _, s := range skeletons {
		f, err := b.meet(root, s, path)
		if err != nil {
			return err
		}
		meets[s] = f
		plain = plain && f <= foundColumn
	}
	if plain {
		return nil
	}
	v, err := b.source.Vector(shapeCol(root))
	if err != nil {
		return err
	}
	byCode := make([]found, len(v.Dict))
	for i, s := range v.Dict {
		byCode[i] = meets[s]
	}
	p.Nulls, p.Other = v.classify(byCode)
	return nil
}

// classify sorts the rows of a shape column by what their shape meets. Rows
// without a shape may hold anything.
func (v *Vector) classify(byCode []found) (nulls, other Bitmap) {
	nulls, other = NewBitmap(v.Len), NewBitmap(v.Len)
	for row := range v.Len {
		if !v.IsValid(row) {
			other.Set(row)
			continue
		}
		switch byCode[v.Code(row)] {
		case foundNull:
			nulls.Set(row)
		case foundOther:
			other.Set(row)
		}
	}
	if nulls.Empty() {
		nulls = nil
	}
	if other.Empty() {
		other = nil
	}
	return nulls, other
}

// meet says what a path meets in a skeleton.
func (b *shredded) meet(root query.Root, skeleton string, path []query.Step) (found, error) {
	from, to, left, ok := lookup(skeleton, path)
	switch {
	case !ok:
		return foundNothing, nil
	case skeleton[from] >= ' ': // no placeholder
		if skeleton[from:to] == "null" {
			return foundNull, nil
		}
		return foundOther, nil
	case len(left) > 0: // only an array has something inside
		if Kind(skeleton[from]) == JSON && (left[0].IsIndex || left[0].Each) {
			return foundOther, nil
		}
		return foundNothing, nil
	}
	s, err := b.shape(root, skeleton)
	if err != nil {
		return 0, err
	}
	if s.cols[slotsBefore(skeleton, from)] == noCol {
		return foundOther, nil
	}
	return foundColumn, nil
}

// Texts implements Block.
func (b *shredded) Texts(fn func(v *Vector) error) (Bitmap, error) {
	rest := NewBitmap(b.rows)
	for i, p := range b.paths {
		if p.Root != query.Payload || p.Kind != String && p.Kind != JSON {
			continue
		}
		v, err := b.source.Vector(FirstPath + Col(i))
		if err != nil {
			return nil, err
		}
		if p.Kind == JSON {
			v.markStrings(rest)
		} else if err := fn(v); err != nil {
			return nil, err
		}
	}
	v, err := b.source.Vector(ColPayloadRest)
	if err != nil {
		return nil, err
	}
	v.markStrings(rest)
	if rest.Empty() {
		return nil, nil
	}
	return rest, nil
}

// markStrings adds the rows of a JSON vector whose text may hold a string.
func (v *Vector) markStrings(rows Bitmap) {
	if v.Coded() {
		for row := range v.Len {
			if v.IsValid(row) && hasString([]byte(v.Dict[v.Code(row)])) {
				rows.Set(row)
			}
		}
		return
	}
	if bytes.IndexByte(v.Bytes, '"') < 0 {
		return
	}
	for row := range v.Len {
		if v.IsValid(row) && hasString(v.Bytes[v.Offsets[row]:v.Offsets[row+1]]) {
			rows.Set(row)
		}
	}
}
