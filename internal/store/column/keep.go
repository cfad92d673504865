package column

// Keep takes away the columns and shapes that the plan has not chosen: their
// values go to rest. It is called when all rows are appended, and costs by the
// rows that it changes.
func (b *Builder) Keep(plan *Plan) error {
	keeps := make([]bool, len(b.paths))
	for i, p := range b.paths {
		keeps[i] = plan.columns[p.key()]
	}
	chosen := func(c Col) bool { return c == noCol || keeps[c-FirstPath] }
	var changes [2]*restChange
	changed := NewBitmap(b.rows)
	for i := range b.objects {
		changes[i] = b.objects[i].change(b, plan.shapes[i], chosen)
		changed.Or(changes[i].rows)
	}
	row := -1
	for r, err := range Rows(b.Snapshot(), changed) {
		if err != nil {
			return err
		}
		for row++; !changed.Get(row); {
			row++
		}
		changes[0].add(b, row, r.Payload)
		changes[1].add(b, row, r.Metadata)
	}
	for _, c := range changes {
		c.finish(b)
	}
	for i := range b.paths {
		if c := FirstPath + Col(i); !chosen(c) {
			b.Drop(c)
		}
	}
	return nil
}

// restChange is what Keep changes of one root.
type restChange struct {
	of      *objectBuilder
	rows    Bitmap // whose rest changes
	whole   Bitmap // of them, those whose object goes to rest whole
	shapeOf map[int]uint32
	rest    *Packed
	next    int // value of the old rest
}

// change tells which rows change, and where the values of shapes go from now on.
func (o *objectBuilder) change(b *Builder, shapes map[string]bool, chosen func(Col) bool) *restChange {
	c := &restChange{of: o, rows: NewBitmap(b.rows), whole: NewBitmap(b.rows), shapeOf: map[int]uint32{}, rest: newPacked(JSON, 0)}
	col := b.cols[shapeCol(o.root)]
	changed, dropped := make([]bool, len(o.shapes)), make([]bool, len(o.shapes))
	for code := range o.shapes {
		s := &o.shapes[code]
		dropped[code] = !shapes[col.dict[code]]
		changed[code] = dropped[code]
		cols := make([]Col, len(s.cols))
		for i, to := range s.cols {
			if cols[i] = to; !chosen(to) {
				cols[i], changed[code] = noCol, true
			}
		}
		if s.cols = cols; dropped[code] {
			s.cols, s.rows = nil, 0
		}
	}
	for i, code := range col.codes[:col.n] {
		if !changed[code] {
			continue
		}
		row := col.Row(i)
		c.rows.Set(row)
		if c.shapeOf[row] = code; dropped[code] {
			c.whole.Set(row)
		}
	}
	return c
}

// add puts the row's object, as far as it has no columns, into the new rest.
func (c *restChange) add(b *Builder, row int, text []byte) {
	switch {
	case !c.rows.Get(row):
	case c.whole.Get(row):
		c.keep(b, row)
		c.rest.addBytes(row, text)
	case c.of.split.split(text, maxSkeleton):
		c.keep(b, row)
		b.scratch = c.of.spilled(b.scratch[:0], c.of.shapes[c.shapeOf[row]].cols)
		c.rest.addBytes(row, b.scratch)
	}
}

// keep copies of the old rest what comes before a row and has not changed.
func (c *restChange) keep(b *Builder, before int) {
	old := b.cols[restCol(c.of.root)]
	for ; c.next < old.n && old.Row(c.next) < before; c.next++ {
		if row := old.Row(c.next); !c.rows.Get(row) {
			c.rest.addString(row, old.text(c.next))
		}
	}
}

// finish puts the changed columns into the builder.
func (c *restChange) finish(b *Builder) {
	if c.rows.Empty() {
		return
	}
	c.keep(b, b.rows)
	b.cols[restCol(c.of.root)] = c.rest
	if c.whole.Empty() {
		return
	}
	b.cols[shapeCol(c.of.root)] = b.cols[shapeCol(c.of.root)].without(c.whole)
	for i, p := range b.paths {
		if p.Root == c.of.root {
			b.cols[FirstPath+Col(i)] = b.cols[FirstPath+Col(i)].without(c.whole)
		}
	}
}

// spilled appends the rest of the object just split, whose values go to cols;
// nothing where all of them have columns.
func (o *objectBuilder) spilled(dst []byte, cols []Col) []byte {
	from := len(dst)
	for i, v := range o.split.values {
		if cols[i] != noCol {
			continue
		}
		if len(dst) == from {
			dst = append(dst, '[')
		} else {
			dst = append(dst, ',')
		}
		dst = o.split.appendJSON(dst, v)
	}
	if len(dst) > from {
		dst = append(dst, ']')
	}
	return dst
}

// without is the column without the values of some rows.
func (p *Packed) without(rows Bitmap) *Packed {
	q := &Packed{kind: p.kind, expected: p.expected, keep: p.keep, dict: p.dict, words: p.words, index: p.index}
	switch {
	case p.codes != nil:
		q.codes = []uint32{}
	case p.kind == String || p.kind == JSON:
		q.offsets = []uint32{0}
	}
	for i := range p.n {
		if row := p.Row(i); !rows.Get(row) {
			q.take(p, i, row)
		}
	}
	return q
}

// text is value i of a column of texts.
func (p *Packed) text(i int) string {
	if p.codes != nil {
		return p.dict[p.codes[i]]
	}
	return viewOf(p.bytes[p.offsets[i]:p.offsets[i+1]])
}
