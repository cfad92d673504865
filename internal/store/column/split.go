package column

import (
	"math"
)

// splitter splits the compact JSON of an object into its skeleton and the
// values of the placeholders. It is reused from object to object.
type splitter struct {
	text     []byte
	skeleton []byte
	values   []value
	decoded  []byte // strings that had escapes
	copied   int    // text before this is in skeleton
}

// value is one value that left the text for a placeholder.
type value struct {
	kind     Kind
	decoded  bool   // the string is in splitter.decoded
	from, to int    // the JSON text; of a String its body, decoded
	bits     uint64 // Int, Double (as math.Float64bits), Bool (0 or 1)
}

// split reads text; false if it is no object or its skeleton is longer than
// most bytes.
func (s *splitter) split(text []byte, most int) bool {
	s.begin(text)
	if s.object(0, 1, most) != len(text) {
		return false
	}
	s.skeleton = append(s.skeleton, text[s.copied:]...)
	return len(s.skeleton) <= most
}

func (s *splitter) begin(text []byte) {
	s.text, s.skeleton, s.values, s.decoded, s.copied = text, s.skeleton[:0], s.values[:0], s.decoded[:0], 0
}

// object reads the object at i and returns the index after it, -1 on failure.
func (s *splitter) object(i, depth, most int) int {
	if at(s.text, i) != '{' || depth > maxDepth {
		return -1
	}
	if at(s.text, i+1) == '}' {
		return i + 2
	}
	for i++; at(s.text, i) == '"'; i++ {
		if i, _ = quoteEnd(s.text, i); i < 0 || at(s.text, i) != ':' || len(s.skeleton) > most {
			return -1
		}
		if i = s.value(i+1, depth, most); i < 0 {
			return -1
		}
		if at(s.text, i) == '}' {
			return i + 1
		}
		if at(s.text, i) != ',' {
			return -1
		}
	}
	return -1
}

func (s *splitter) value(i, depth, most int) int {
	switch at(s.text, i) {
	case '{':
		return s.object(i, depth+1, most)
	case '[':
		if at(s.text, i+1) == ']' {
			return i + 2
		}
	case 'n':
		return i + 4
	}
	end := s.scalar(i)
	if end > 0 && end <= len(s.text) { // else a cut word: the object will not end
		s.skeleton = append(s.skeleton, s.text[s.copied:i]...)
		s.skeleton = append(s.skeleton, byte(s.values[len(s.values)-1].kind))
		s.copied = end
	}
	return end
}

// scalar appends the value at i that a placeholder stands for to the values and
// returns the index after it, -1 where there is none.
func (s *splitter) scalar(i int) (end int) {
	switch c := at(s.text, i); c {
	case '{', 'n':
		return -1
	case '[':
		if at(s.text, i+1) == ']' {
			return -1
		}
		if end = valueEnd(s.text, i); end > 0 {
			s.values = append(s.values, value{kind: JSON, from: i, to: end})
		}
		return end
	case '"':
		return s.string(i)
	case 't', 'f':
		end, bits := i+4, uint64(1)
		if c == 'f' {
			end, bits = i+5, 0
		}
		s.values = append(s.values, value{kind: Bool, bits: bits, from: i, to: end})
		return end
	}
	return s.number(i)
}

func (s *splitter) string(i int) (end int) {
	end, escaped := quoteEnd(s.text, i)
	switch {
	case end < 0:
		return -1
	case !escaped:
		s.values = append(s.values, value{kind: String, from: i + 1, to: end - 1})
		return end
	}
	v := value{kind: String, decoded: true, from: len(s.decoded)}
	ok := false
	if s.decoded, ok = unquoteCanonical(s.decoded, s.text[i+1:end-1]); ok {
		v.to = len(s.decoded)
	} else {
		s.decoded = s.decoded[:v.from]
		v = value{kind: JSON, from: i, to: end}
	}
	s.values = append(s.values, v)
	return end
}

// number reads a number at once where it is short and plain.
func (s *splitter) number(i int) (end int) {
	v := value{from: i}
	if v.kind, v.bits, end = plainNumber(s.text, i); v.kind == 0 {
		if end = atomEnd(s.text, i); end == i {
			return -1
		}
		v.kind = JSON
		if n, ok := parseInt(s.text[i:end]); ok {
			v.kind, v.bits = Int, uint64(n)
		} else if d, ok := parseDouble(s.text[i:end]); ok {
			v.kind, v.bits = Double, math.Float64bits(d)
		}
	}
	v.to = end
	s.values = append(s.values, v)
	return end
}

// bytes is the text of a String (decoded) or JSON value.
func (s *splitter) bytes(v value) []byte {
	if v.decoded {
		return s.decoded[v.from:v.to]
	}
	return s.text[v.from:v.to]
}

// appendJSON appends the value's JSON text as it came.
func (s *splitter) appendJSON(dst []byte, v value) []byte {
	if v.kind == String {
		return appendQuoted(dst, s.bytes(v))
	}
	return append(dst, s.text[v.from:v.to]...)
}
