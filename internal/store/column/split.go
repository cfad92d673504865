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
		if i, _ = stringEnd(s.text, i); i < 0 || at(s.text, i) != ':' || len(s.skeleton) > most {
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
	v, end := s.scalar(i)
	if end > 0 && end <= len(s.text) { // else a cut word: the object will not end
		s.skeleton = append(s.skeleton, s.text[s.copied:i]...)
		s.skeleton = append(s.skeleton, byte(v.kind))
		s.copied = end
		s.values = append(s.values, v)
	}
	return end
}

// scalar reads the value at i that a placeholder stands for and returns the
// index after it, -1 where there is none.
func (s *splitter) scalar(i int) (v value, end int) {
	switch at(s.text, i) {
	case '{', 'n':
		return value{}, -1
	case '[':
		if at(s.text, i+1) == ']' {
			return value{}, -1
		}
		end = valueEnd(s.text, i)
		return value{kind: JSON, from: i, to: end}, end
	case '"':
		end, escaped := stringEnd(s.text, i)
		if end < 0 {
			return value{}, -1
		}
		return s.string(i, end, escaped), end
	case 't':
		return value{kind: Bool, bits: 1, from: i, to: i + 4}, i + 4
	case 'f':
		return value{kind: Bool, from: i, to: i + 5}, i + 5
	}
	if end = atomEnd(s.text, i); end == i {
		return value{}, -1
	}
	return s.number(i, end), end
}

func (s *splitter) string(i, end int, escaped bool) value {
	if !escaped {
		return value{kind: String, from: i + 1, to: end - 1}
	}
	from, ok := len(s.decoded), false
	if s.decoded, ok = unquoteCanonical(s.decoded, s.text[i+1:end-1]); ok {
		return value{kind: String, decoded: true, from: from, to: len(s.decoded)}
	}
	s.decoded = s.decoded[:from]
	return value{kind: JSON, from: i, to: end}
}

func (s *splitter) number(i, end int) value {
	v := value{kind: JSON, from: i, to: end}
	if n, ok := parseInt(s.text[i:end]); ok {
		v.kind, v.bits = Int, uint64(n)
	} else if d, ok := parseDouble(s.text[i:end]); ok {
		v.kind, v.bits = Double, math.Float64bits(d)
	}
	return v
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
