package column

import "github.com/firnlog/firn/event"

// categories makes the category column of the type column.
func categories(types *Vector) *Vector {
	out := &Vector{Kind: String, Len: types.Len, Valid: types.Valid, Codes: make([]uint32, types.Len)}
	codes := map[string]uint32{}
	code := func(eventType string) uint32 {
		category := event.Category(eventType)
		c, ok := codes[category]
		if !ok {
			c = uint32(len(out.Dict))
			codes[category] = c
			out.Dict = append(out.Dict, category)
		}
		return c
	}
	if !types.Coded() {
		for row := range types.Len {
			out.Codes[row] = code(types.Text(row))
		}
		return out
	}
	of := make([]uint32, len(types.Dict))
	for i, t := range types.Dict {
		of[i] = code(t)
	}
	for row := range types.Len {
		out.Codes[row] = of[types.Code(row)]
	}
	return out
}
