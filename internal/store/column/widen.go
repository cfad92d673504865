package column

// maxExact bounds the integers that a float64 tells from their neighbours. Each
// of them has its canonical decimal as shortest text.
const maxExact = 1 << 53

// Widen puts the integers of paths that hold doubles too into the column of
// doubles, where each of them is one exactly, so that a file has one column for
// the numbers of a path. It is called when all rows are appended.
func (b *Builder) Widen() {
	for i, p := range b.paths {
		ints := b.cols[FirstPath+Col(i)]
		if p.Kind != Int || !exact(ints.ints) {
			continue
		}
		p.Kind = Double
		c, ok := b.colOf[p.key()]
		if !ok {
			continue
		}
		b.cols[c] = mergeNumbers(ints, b.cols[c])
		b.cols[FirstPath+Col(i)] = newPacked(Int, b.rows)
		b.paths[c-FirstPath].Integers = true
	}
}

func exact(values []int64) bool {
	for _, v := range values {
		if !isExact(v) {
			return false
		}
	}
	return true
}

func isExact(v int64) bool { return v >= -maxExact && v <= maxExact }

// mergeNumbers makes one column of two that share no row.
func mergeNumbers(ints, doubles *Packed) *Packed {
	out := newPacked(Double, 0)
	for i, j := 0, 0; i < ints.n || j < doubles.n; {
		if j == doubles.n || i < ints.n && ints.Row(i) < doubles.Row(j) {
			out.addDouble(ints.Row(i), float64(ints.ints[i]))
			i++
			continue
		}
		out.addDouble(doubles.Row(j), doubles.doubles[j])
		j++
	}
	return out
}

// widened is the column of doubles that takes a path's integers by plan.
func (b *Builder) widened(p PathColumn, row int) Col {
	if p.Kind != Int || !b.plan.widens(p) {
		return noCol
	}
	p.Kind = Double
	c := b.column(p, row)
	if c != noCol {
		b.paths[c-FirstPath].Integers = true
	}
	return c
}

// widens reports whether a path's integers go to its doubles.
func (p *Plan) widens(c PathColumn) bool {
	return p != nil && p.integers[string(appendPathKey(nil, c.Root, c.Path, Double))]
}

// tooWide reports whether a value is an integer that its column of doubles
// cannot take.
func (o *objectBuilder) tooWide(b *Builder, shape *builtShape) bool {
	if b.plan == nil || len(b.plan.integers) == 0 {
		return false
	}
	for i, v := range o.split.values {
		if c := shape.cols[i]; v.kind == Int && c != noCol && b.cols[c].kind == Double && !isExact(int64(v.bits)) {
			return true
		}
	}
	return false
}
