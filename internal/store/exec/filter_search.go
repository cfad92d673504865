package exec

import (
	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// searchNode holds where a string of the type, the subject, the actor or the
// payload holds a text, whatever the case.
type searchNode struct{ text *query.Folded }

func newSearch(text string) node {
	if text == "" {
		return constant(true) // every event has a type
	}
	return &searchNode{query.NewFolded(text)}
}

func (n *searchNode) prune(*BlockRef) node { return n }
func (n *searchNode) cost() int            { return costSearch }

func (n *searchNode) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	found, left, err := r.foundAndLeft(in)
	if err != nil {
		return nil, err
	}
	look := func(v *column.Vector) error {
		if err := n.selectVector(r, found, left, v); err != nil {
			return err
		}
		left.AndNot(found)
		return nil
	}
	for _, root := range []query.Root{query.EventType, query.Subject, query.Actor} {
		v, err := r.block.Envelope(root)
		if err != nil {
			return nil, err
		}
		if err := look(v); err != nil {
			return nil, err
		}
	}
	rest, err := r.block.Texts(look)
	if err != nil {
		return nil, err
	}
	if rest == nil {
		return found, nil
	}
	left.And(rest)
	payload := query.Field{Root: query.Payload}
	return found, r.eachRow(left, func(row int) error {
		v, ok, err := r.value(row, &payload)
		if err != nil {
			return err
		}
		if ok && n.inJSON(v) {
			found.Set(row)
		}
		return nil
	})
}

// selectVector selects the rows of a String or JSON column that hold the text.
func (n *searchNode) selectVector(r *reader, dst, in column.Bitmap, v *column.Vector) error {
	passes := n.text.In
	if v.Kind == column.JSON {
		passes = func(s string) bool { return n.inJSON(jsontext.Value(s)) }
	}
	if v.Coded() {
		return selectByDictionary(r, dst, in, v, passes, nil, false)
	}
	if v.Kind == column.String && selectPlainFolded(dst, in, v, n.text) {
		return nil
	}
	return r.eachRow(in, func(row int) error {
		if v.IsValid(row) && passes(borrowed(text(v, row))) {
			dst.Set(row)
		}
		return nil
	})
}

// inJSON reports whether a string in compact JSON text, keys apart, holds the
// text.
func (n *searchNode) inJSON(text jsontext.Value) bool {
	switch event.KindOf(text) {
	case '"':
		return n.text.In(event.Unquoted(text))
	case '[':
		for e := event.WalkElements(text); e.Next(); {
			if n.inJSON(e.Value) {
				return true
			}
		}
	case '{':
		for m := event.WalkMembers(text); m.Next(); {
			if n.inJSON(m.Value) {
				return true
			}
		}
	}
	return false
}
