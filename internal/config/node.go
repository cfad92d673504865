package config

import (
	"encoding/json/jsontext"
	"strconv"
	"strings"

	"github.com/firnlog/firn/event"
)

// kind is what a value was written as.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
	// raw is text of the environment or of a flag: what it is, who reads it knows.
	raw
)

func (k kind) String() string {
	return [...]string{"null", "true or false", "a number", "text", "a list", "a block", "text"}[k]
}

// node is a value with the place where it stands.
type node struct {
	kind    kind
	text    string // of a scalar, as it is spelled
	items   []*node
	members []member
	places  map[string]int // of members, by name
	source  Source
	// weight is how many nodes it is, those of aliases counted each time.
	weight int
}

// member is one entry of a block, in the order of the file.
type member struct {
	name   string
	source Source // of the name
	value  *node
}

// get is a block's member; nil where there is none, or null.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	if i, ok := n.places[name]; ok && n.members[i].value.kind != null {
		return n.members[i].value
	}
	return nil
}

// put sets a block's member.
func (n *node) put(m member) {
	if i, ok := n.places[m.name]; ok {
		n.members[i] = m
		return
	}
	if n.places == nil {
		n.places = map[string]int{}
	}
	n.places[m.name] = len(n.members)
	n.members = append(n.members, m)
}

// block is the member of that name, made where there is none. ok is false where
// something else stands there.
func (n *node) block(name string, source Source) (b *node, ok bool) {
	if b = n.get(name); b == nil {
		b = &node{kind: object, source: source}
		n.put(member{name, source, b})
	}
	return b, b.kind == object
}

// json is the value as JSON text.
func (n *node) json() jsontext.Value {
	return n.appendJSON(nil)
}

func (n *node) appendJSON(dst jsontext.Value) jsontext.Value {
	switch n.kind {
	case null:
		return append(dst, "null"...)
	case boolean, number:
		return append(dst, n.text...)
	case list:
		dst = append(dst, '[')
		for i, item := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.appendJSON(dst)
		}
		return append(dst, ']')
	case object:
		dst = append(dst, '{')
		for i, m := range n.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(event.AppendQuoted(dst, m.name), ':')
			dst = m.value.appendJSON(dst)
		}
		return append(dst, '}')
	default:
		return event.AppendQuoted(dst, n.text)
	}
}

// at is the place that a path inside the value means, such as [1].operator, as
// far as it leads.
func (n *node) at(path string) Source {
	for path = strings.TrimPrefix(path, "."); path != ""; path = strings.TrimPrefix(path, ".") {
		var step string
		var next *node
		if rest, ok := strings.CutPrefix(path, "["); ok {
			step, path, _ = strings.Cut(rest, "]")
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.items) {
				next = n.items[i]
			}
		} else {
			step = path
			if end := strings.IndexAny(path, ".["); end >= 0 {
				step = path[:end]
			}
			path = path[len(step):]
			next = n.get(step)
		}
		if next == nil {
			break
		}
		n = next
	}
	return n.source
}
