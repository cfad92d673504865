package query

import (
	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
)

// Projection is a select, ready for use by many goroutines.
type Projection struct {
	roots      [Metadata + 1]*selection
	importance bool
}

// selection is what is selected of a JSON value.
type selection struct {
	whole    bool
	members  map[string]*selection
	elements map[int]*selection
}

// NewProjection prepares a select.
func NewProjection(fields []Field) *Projection {
	p := &Projection{}
	for _, f := range fields {
		if f.Importance {
			p.importance = true
			continue
		}
		if p.roots[f.Root] == nil {
			p.roots[f.Root] = &selection{}
		}
		p.roots[f.Root].add(f.Path)
	}
	return p
}

func (s *selection) add(path []Step) {
	if len(path) == 0 {
		s.whole = true
		return
	}
	var inner *selection
	if step := path[0]; step.IsIndex {
		inner = selectionAt(&s.elements, step.Index)
	} else {
		inner = selectionAt(&s.members, step.Key)
	}
	inner.add(path[1:])
}

func selectionAt[K comparable](inner *map[K]*selection, key K) *selection {
	if *inner == nil {
		*inner = make(map[K]*selection)
	}
	if (*inner)[key] == nil {
		(*inner)[key] = &selection{}
	}
	return (*inner)[key]
}

// Payload reports whether any of the payload is selected.
func (p *Projection) Payload() bool { return p.roots[Payload] != nil }

// Metadata reports whether any of the metadata is selected.
func (p *Projection) Metadata() bool { return p.roots[Metadata] != nil }

// Append appends the selected fields of e as a JSON object: under their
// canonical names, in the order of an event's fields, nested as they are. What
// the payload or metadata lacks is left out; an array holds its selected
// elements only, in their order. importance is a field of its own.
func (p *Projection) Append(dst []byte, e *event.Event) []byte {
	start := len(dst)
	dst = append(dst, '{')
	key := func(name string) {
		if len(dst) > start+1 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, name), ':')
	}
	for root := ID; root <= Metadata; root++ {
		if root == Actor && p.importance {
			key("importance")
			dst = append(dst, IntValue(int64(e.Severity)).Raw...)
		}
		selected := p.roots[root]
		if selected == nil {
			continue
		}
		if !root.JSON() {
			key(root.String())
			dst = appendField(dst, root, e)
			continue
		}
		text := e.Payload
		if root == Metadata {
			text = e.Metadata
		}
		if part, ok := selected.appendTo(nil, text); ok {
			key(root.String())
			dst = append(dst, part...)
		}
	}
	return append(dst, '}')
}

func appendField(dst []byte, root Root, e *event.Event) []byte {
	if v, ok := ValueAt(Field{Root: root}, e); ok {
		return append(dst, v.Raw...)
	}
	return append(dst, "null"...)
}

// appendTo appends what is selected of v; ok is false where that is nothing.
func (s *selection) appendTo(dst []byte, v jsontext.Value) (_ []byte, ok bool) {
	if s.whole {
		return append(dst, v...), true
	}
	begin := len(dst)
	next := func(dst []byte) []byte {
		if len(dst) > begin+1 {
			dst = append(dst, ',')
		}
		return dst
	}
	switch event.KindOf(v) {
	case '{':
		dst = append(dst, '{')
		for m := event.WalkMembers(v); m.Next(); {
			inner := s.members[event.Unquoted(m.Key)]
			if inner == nil {
				continue
			}
			if part, found := inner.appendTo(nil, m.Value); found {
				dst = append(append(append(next(dst), m.Key...), ':'), part...)
				ok = true
			}
		}
		return append(dst, '}'), ok
	case '[':
		dst = append(dst, '[')
		i := 0
		for e := event.WalkElements(v); e.Next(); i++ {
			inner := s.elements[i]
			if inner == nil {
				continue
			}
			if part, found := inner.appendTo(nil, e.Value); found {
				dst = append(next(dst), part...)
				ok = true
			}
		}
		return append(dst, ']'), ok
	}
	return dst, false
}
