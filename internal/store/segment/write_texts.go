package segment

import (
	"bytes"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/firnlog/firn/internal/store/column"
)

// writeCodes writes a column of texts that has a dictionary: texts in the order
// in which the rows hold them first.
func (g *gatherer) writeCodes(out *chunkWriter, v *column.Vector) error {
	dict := g.number(v)
	g.bytes, g.ends = g.bytes[:0], append(g.ends[:0], 0)
	for _, s := range dict {
		g.bytes = append(g.bytes, s...)
		g.ends = append(g.ends, uint32(len(g.bytes)))
	}
	if err := out.dictionary(encoding.ByteArrayValues(g.bytes, g.ends), len(dict)); err != nil {
		return err
	}
	out.bloomOf(len(dict))
	out.insert(g.bytes, g.ends)
	return g.pages(func(levels []byte, from, to int) error {
		p := page{levels: levels, values: encoding.Int32Values(g.codes[from:to])}
		if out.of.bounded && from < to {
			p.low, p.high = textBounds(dict, g.codes[from:to])
		}
		return out.add(&p)
	})
}

// number puts the codes of the rows that hold a text into g.codes and returns
// the texts by code.
func (g *gatherer) number(v *column.Vector) (dict []string) {
	g.codes = g.codes[:0]
	if v.Codes == nil {
		known := map[string]int32{}
		for i, row := range g.order {
			if g.levels[i] == 0 {
				continue
			}
			text := v.Bytes[v.Offsets[row]:v.Offsets[row+1]]
			code, ok := known[string(text)]
			if !ok {
				code = int32(len(dict))
				dict = append(dict, string(text))
				known[dict[code]] = code
			}
			g.codes = append(g.codes, code)
		}
		return dict
	}
	codes := make([]int32, len(v.Dict)) // 1 + code of the file; 0 = none yet
	for i, row := range g.order {
		if g.levels[i] == 0 {
			continue
		}
		of := v.Codes[row]
		if codes[of] == 0 {
			dict = append(dict, v.Dict[of])
			codes[of] = int32(len(dict))
		}
		g.codes = append(g.codes, codes[of]-1)
	}
	return dict
}

// textBounds are the least and the greatest of the texts that have the codes.
func textBounds(dict []string, codes []int32) (low, high parquet.Value) {
	least, greatest := codes[0], codes[0]
	last := codes[0]
	for _, code := range codes {
		if code == last {
			continue
		}
		switch last = code; {
		case dict[code] < dict[least]:
			least = code
		case dict[code] > dict[greatest]:
			greatest = code
		}
	}
	return parquet.ByteArrayValue([]byte(dict[least])), parquet.ByteArrayValue([]byte(dict[greatest]))
}

// writeTexts writes a column of texts that has no dictionary.
func (g *gatherer) writeTexts(out *chunkWriter, v *column.Vector) error {
	out.bloomOf(bytes.Count(g.levels, []byte{1}))
	for from := 0; from < len(g.order); {
		to := g.page(v, from)
		if err := g.writePage(out, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// page gathers the texts of a page that starts at a row, up to the row that it
// returns.
func (g *gatherer) page(v *column.Vector, from int) (to int) {
	g.bytes, g.ends = g.bytes[:0], append(g.ends[:0], 0)
	for to = from; to < min(from+pageRows, len(g.order)) && len(g.bytes) <= pageBytes; to++ {
		if g.levels[to] == 0 {
			continue
		}
		row, size := g.order[to], len(g.bytes)
		if v.Codes != nil {
			g.bytes = append(g.bytes, v.Dict[v.Codes[row]]...)
		} else {
			g.bytes = append(g.bytes, v.Bytes[v.Offsets[row]:v.Offsets[row+1]]...)
		}
		if len(g.bytes) > pageBytes && to > from {
			g.bytes = g.bytes[:size] // it is on the next page
			return to
		}
		g.ends = append(g.ends, uint32(len(g.bytes)))
	}
	return to
}

// writePage writes what page has gathered.
func (g *gatherer) writePage(out *chunkWriter, from, to int) error {
	out.insert(g.bytes, g.ends)
	p := page{levels: g.levels[from:to], values: encoding.ByteArrayValues(g.bytes, g.ends), texts: len(g.bytes)}
	if out.of.bounded && len(g.ends) > 1 {
		text := func(i int) []byte { return g.bytes[g.ends[i]:g.ends[i+1]] }
		least, greatest := text(0), text(0)
		for i := 1; i < len(g.ends)-1; i++ {
			switch t := text(i); {
			case bytes.Compare(t, least) < 0:
				least = t
			case bytes.Compare(t, greatest) > 0:
				greatest = t
			}
		}
		p.low, p.high = parquet.ByteArrayValue(least), parquet.ByteArrayValue(greatest)
	}
	return out.add(&p)
}
