package column

// IsValid reports whether the row holds a value.
func (v *Vector) IsValid(row int) bool { return v.Valid == nil || v.Valid.Get(row) }

// Text is the value of a valid row of a String or JSON vector. In the plain
// form it is a copy.
func (v *Vector) Text(row int) string {
	if v.Coded() {
		return v.Dict[v.Code(row)]
	}
	return string(v.Bytes[v.Offsets[row]:v.Offsets[row+1]])
}

// AppendText appends the value of a valid row of a String or JSON vector.
func (v *Vector) AppendText(dst []byte, row int) []byte {
	if v.Coded() {
		return append(dst, v.Dict[v.Code(row)]...)
	}
	return append(dst, v.Bytes[v.Offsets[row]:v.Offsets[row+1]]...)
}

// Size is about how many bytes of memory the vector holds.
func (v *Vector) Size() int64 {
	n := 128 + 8*(len(v.Valid)+len(v.Ints)+len(v.Doubles)+len(v.Bools)) +
		4*(len(v.Codes)+len(v.Offsets)) + 2*len(v.Codes16) + len(v.Codes8) + cap(v.Bytes) + 16*len(v.Dict) + v.DictBytes
	if v.DictBytes == 0 {
		for _, s := range v.Dict {
			n += len(s)
		}
	}
	return int64(n)
}

// Pick returns the vector of the given rows of v, in the order given; v itself
// where that is all of them as they are.
func (v *Vector) Pick(rows []int32) *Vector {
	if len(rows) == v.Len && isEveryRow(rows) {
		return v
	}
	p := &Vector{Kind: v.Kind, Len: len(rows)}
	if v.Valid != nil {
		p.Valid = pickBits(v.Valid, rows)
	}
	switch {
	case v.Kind == Int:
		p.Ints = pickRows(v.Ints, rows)
	case v.Kind == Double:
		p.Doubles = pickRows(v.Doubles, rows)
	case v.Kind == Bool:
		p.Bools = pickBits(v.Bools, rows)
	case v.Coded():
		v.pickCodes(p, rows)
	default:
		p.Offsets = make([]uint32, 1, len(rows)+1)
		size := 0
		for _, row := range rows {
			size += int(v.Offsets[row+1] - v.Offsets[row])
		}
		p.Bytes = make([]byte, 0, size)
		for _, row := range rows {
			p.Bytes = append(p.Bytes, v.Bytes[v.Offsets[row]:v.Offsets[row+1]]...)
			p.Offsets = append(p.Offsets, uint32(len(p.Bytes)))
		}
	}
	return p
}

func isEveryRow(rows []int32) bool {
	for i, row := range rows {
		if int(row) != i {
			return false
		}
	}
	return true
}

func pickRows[T any](values []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = values[row]
	}
	return out
}

func pickBits(b Bitmap, rows []int32) Bitmap {
	out := NewBitmap(len(rows))
	for i, row := range rows {
		if b.Get(int(row)) {
			out.Set(i)
		}
	}
	return out
}
