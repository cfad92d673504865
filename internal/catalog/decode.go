package catalog

import (
	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
)

// decoder turns compact JSON text into the values that the schema library
// checks: objects, arrays, strings, booleans, nil, and numbers as they are
// spelled, so that none is rounded.
type decoder struct {
	left int // how many values it may still make
}

// object decodes an object; ok is false if there were more values than it may
// make.
func (d *decoder) object(text jsontext.Value) (object map[string]any, ok bool) {
	object = map[string]any{}
	for m := event.WalkMembers(text); m.Next(); {
		if object[event.Unquoted(m.Key)], ok = d.value(m.Value); !ok {
			return nil, false
		}
	}
	return object, true
}

func (d *decoder) value(text jsontext.Value) (v any, ok bool) {
	if d.left--; d.left < 0 {
		return nil, false
	}
	switch event.KindOf(text) {
	case '{':
		return d.object(text)
	case '[':
		return d.array(text)
	case '"':
		return event.Unquoted(text), true
	case 't':
		return true, true
	case 'f':
		return false, true
	case '0':
		return number(text), true
	}
	return nil, true
}

func (d *decoder) array(text jsontext.Value) (array []any, ok bool) {
	array = []any{}
	for e := event.WalkElements(text); e.Next(); {
		v, ok := d.value(e.Value)
		if !ok {
			return nil, false
		}
		array = append(array, v)
	}
	return array, true
}
