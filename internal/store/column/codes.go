package column

// Coded reports whether a String or JSON vector is in dictionary form.
func (v *Vector) Coded() bool { return v.Codes8 != nil || v.Codes16 != nil || v.Codes != nil }

// Code is the code of a row of a vector in dictionary form.
func (v *Vector) Code(row int) uint32 {
	switch {
	case v.Codes8 != nil:
		return uint32(v.Codes8[row])
	case v.Codes16 != nil:
		return uint32(v.Codes16[row])
	}
	return v.Codes[row]
}

// Narrowed is the vector with codes of as few bytes as its dictionary needs; v
// itself where that is nothing less. A row without a value may get another code.
func (v *Vector) Narrowed() *Vector {
	if v.Codes == nil || len(v.Dict) > 1<<16 {
		return v
	}
	n := *v
	if n.Codes = nil; len(v.Dict) <= 1<<8 {
		n.Codes8 = narrowed[uint8](v.Codes, 0)
	} else {
		n.Codes16 = narrowed[uint16](v.Codes, 0)
	}
	return &n
}

// Widened is the vector with codes of four bytes; v itself where it has them.
func (v *Vector) Widened() *Vector {
	if v.Codes8 == nil && v.Codes16 == nil {
		return v
	}
	w := *v
	w.Codes, w.Codes16, w.Codes8 = make([]uint32, v.Len), nil, nil
	Widen(w.Codes, v.Codes8)
	Widen(w.Codes, v.Codes16)
	return &w
}

// Widen writes codes, if there are any, as codes of four bytes.
func Widen[N uint8 | uint16](dst []uint32, codes []N) {
	if len(codes) == 0 {
		return
	}
	dst = dst[:len(codes)]
	for i, code := range codes {
		dst[i] = uint32(code)
	}
}

// pickCodes gives to the codes of some rows of v.
func (v *Vector) pickCodes(to *Vector, rows []int32) {
	to.Dict, to.DictBytes = v.Dict, v.DictBytes
	switch {
	case v.Codes8 != nil:
		to.Codes8 = pickRows(v.Codes8, rows)
	case v.Codes16 != nil:
		to.Codes16 = pickRows(v.Codes16, rows)
	default:
		to.Codes = pickRows(v.Codes, rows)
	}
}
