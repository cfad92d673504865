package column

import (
	"encoding/binary"
	"fmt"

	"github.com/firnlog/firn/query"
)

// A skeleton is the compact JSON text of an object in which every non-empty
// array and every scalar but null is replaced by one placeholder byte, the
// number of its Kind (1–5). Such bytes do not occur in JSON text, and null, {}
// and [] stay as they are, so that a skeleton and the values of its
// placeholders, in order, give the text back byte for byte:
//
//	{"user":"ann","n":[1,2],"geo":{"lat":4.5,"x":null}}
//	{"user":\x03,"n":\x05,"geo":{"lat":\x02,"x":null}}
//
// Events of one type mostly share a skeleton, so it is a dictionary column: the
// shape. A value whose path and kind have a column is there; the others of a
// row are the elements of one JSON array, in order, in the rest column. An
// object whose shape is too rare or too large has none; it is in the rest
// column whole.

// PathColumn says what a column of payload or metadata holds: the values of one
// kind at one path of keys.
type PathColumn struct {
	Root query.Root // Payload or Metadata
	Path []string
	Kind Kind
	// Integers is set on a column of doubles that holds the path's integers
	// too: there is no Int column of the path then.
	Integers bool
}

// key identifies a path column in maps.
func (p PathColumn) key() string {
	return string(appendPathKey(nil, p.Root, p.Path, p.Kind))
}

func appendPathKey(dst []byte, root query.Root, path []string, kind Kind) []byte {
	dst = append(dst, byte(root), byte(kind))
	for _, k := range path {
		dst = binary.AppendUvarint(dst, uint64(len(k)))
		dst = append(dst, k...)
	}
	return dst
}

// slots lists the placeholders of a skeleton in order.
func slots(root query.Root, skeleton string) ([]PathColumn, error) {
	w := skeletonWalk{text: skeleton, root: root}
	if end := w.object(0); end != len(skeleton) {
		return nil, fmt.Errorf("shape %q is not the skeleton of an object", skeleton)
	}
	return w.slots, nil
}

type skeletonWalk struct {
	text  string
	root  query.Root
	path  []string
	slots []PathColumn
}

// object walks the object at i and returns the index after it, -1 on anything
// that is none.
func (w *skeletonWalk) object(i int) int {
	if at(w.text, i) != '{' || len(w.path) > maxDepth {
		return -1
	}
	if at(w.text, i+1) == '}' {
		return i + 2
	}
	for i++; at(w.text, i) == '"'; i++ {
		end, escaped := stringEnd(w.text, i)
		if end < 0 || at(w.text, end) != ':' {
			return -1
		}
		key, ok := keyOf(w.text[i:end], escaped)
		if !ok {
			return -1
		}
		w.path = append(w.path, key)
		i = w.value(end + 1)
		w.path = w.path[:len(w.path)-1]
		if i < 0 {
			return -1
		}
		if at(w.text, i) == '}' {
			return i + 1
		}
		if at(w.text, i) != ',' {
			return -1
		}
	}
	return -1
}

func (w *skeletonWalk) value(i int) int {
	switch c := at(w.text, i); {
	case c == '{':
		return w.object(i)
	case Kind(c) >= Int && Kind(c) <= JSON:
		w.slots = append(w.slots, PathColumn{Root: w.root, Path: append([]string(nil), w.path...), Kind: Kind(c)})
		return i + 1
	}
	end := valueEnd(w.text, i)
	if end < 0 || w.text[i:end] != "null" && w.text[i:end] != "[]" {
		return -1
	}
	return end
}

// maxDepth is beyond what an event may nest.
const maxDepth = 1000
