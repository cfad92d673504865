package column

import (
	"strings"

	"github.com/firnlog/firn/query"
)

// narrowed is the shape with only the members that lie on one of the paths; what
// is inside of arrays is left whole. An object of it is that of the shape with
// the other members left out.
func (s *shape) narrowed(paths [][]query.Step) *shape {
	w := narrowing{from: s}
	if end := w.object(0, paths); end != len(s.skeleton) {
		return s // it is no skeleton: whoever uses it will say so
	}
	return &shape{skeleton: w.text.String(), cols: w.cols, inRest: w.inRest, restAt: w.restAt}
}

type narrowing struct {
	from   *shape
	text   strings.Builder
	cols   []Col
	restAt []int
	inRest bool
}

// object takes what lies on the paths of the object at i and returns the index
// after it, -1 if there is none.
func (w *narrowing) object(i int, paths [][]query.Step) int {
	t := w.from.skeleton
	if at(t, i) != '{' {
		return -1
	}
	w.text.WriteByte('{')
	some := false
	for i++; at(t, i) == '"'; i++ {
		end, escaped := stringEnd(t, i)
		if end < 0 || at(t, end) != ':' {
			return -1
		}
		key, ok := keyOf(t[i:end], escaped)
		if !ok {
			return -1
		}
		inside, whole := follow(paths, key)
		after := valueEnd(t, end+1)
		if after < 0 {
			return -1
		}
		if whole || len(inside) > 0 {
			if some {
				w.text.WriteByte(',')
			}
			some = true
			w.text.WriteString(t[i : end+1])
			if !whole && t[end+1] == '{' {
				if w.object(end+1, inside) != after {
					return -1
				}
			} else {
				w.take(end+1, after)
			}
		}
		if i = after; at(t, i) != ',' {
			break
		}
	}
	if at(t, i) != '}' {
		return -1
	}
	w.text.WriteByte('}')
	return i + 1
}

// follow is what is left of the paths behind a key; whole says that one of them
// ends there.
func follow(paths [][]query.Step, key string) (inside [][]query.Step, whole bool) {
	for _, p := range paths {
		if len(p) == 0 || p[0].IsIndex || p[0].Each || p[0].Key != key {
			continue
		}
		if len(p) == 1 {
			return nil, true
		}
		inside = append(inside, p[1:])
	}
	return inside, false
}

// take takes the skeleton from i to end as it is.
func (w *narrowing) take(i, end int) {
	s := w.from
	w.text.WriteString(s.skeleton[i:end])
	slot := slotsBefore(s.skeleton, i)
	for ; i < end; i++ {
		if s.skeleton[i] >= ' ' {
			continue
		}
		rest := -1
		if s.cols[slot] == noCol {
			rest, w.inRest = s.rests(slot), true
		}
		w.cols, w.restAt = append(w.cols, s.cols[slot]), append(w.restAt, rest)
		slot++
	}
}
