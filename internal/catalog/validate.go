package catalog

import (
	"cmp"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/firnlog/firn/event"
)

const (
	// maxFaults is how many faults of an event are told.
	maxFaults = 20
	// maxValues is how many values a payload may have to be checked in full.
	maxValues = 50_000
	// maxPath is how many bytes of a fault's path are told: keys may be long.
	maxPath = 512
)

// Fault is one place where a payload is not what its type's schema says.
type Fault = event.Fault

// validate finds the faults of a payload, in the order of their paths; nil if
// there are none.
func (s *schema) validate(payload jsontext.Value) []Fault {
	if len(payload) == 0 {
		payload = jsontext.Value("{}")
	}
	if s.quick != nil && s.quick.accepts(payload) {
		return nil
	}
	d := decoder{left: maxValues}
	object, ok := d.object(payload)
	if !ok {
		return []Fault{{Path: "payload", Message: fmt.Sprintf("has more than %d values, too many to be checked one by one", maxValues)}}
	}
	err := s.full.Validate(object)
	if err == nil {
		return nil
	}
	bad, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []Fault{{Path: "payload", Message: err.Error()}}
	}
	return faultsOf(bad, object, "payload")
}

// faultsOf turns the library's tree of errors about a value into a list.
func faultsOf(bad *jsonschema.ValidationError, value any, name string) []Fault {
	f := finder{root: value, name: name}
	f.add(bad)
	slices.SortStableFunc(f.found, func(a, b located) int {
		if c := slices.CompareFunc(a.at, b.at, compareSteps); c != 0 {
			return c
		}
		return strings.Compare(a.message, b.message)
	})
	f.found = slices.CompactFunc(f.found, func(a, b located) bool { return a.message == b.message && slices.Equal(a.at, b.at) })
	more := len(f.found) - maxFaults
	if more > 0 {
		f.found = f.found[:maxFaults]
	}
	faults := make([]Fault, 0, len(f.found)+1)
	for _, l := range f.found {
		faults = append(faults, Fault{Path: cutTo(f.path(l.at), maxPath), Message: l.message})
	}
	if more > 0 {
		faults = append(faults, Fault{Path: name, Message: fmt.Sprintf("has %d more faults", more)})
	}
	return faults
}

// compareSteps orders steps of paths, numbers as numbers.
func compareSteps(a, b string) int {
	m, errA := strconv.Atoi(a)
	n, errB := strconv.Atoi(b)
	if errA == nil && errB == nil {
		return cmp.Compare(m, n)
	}
	return strings.Compare(a, b)
}

// finder gathers faults.
type finder struct {
	root  any
	name  string
	found []located
}

// located is a fault at a place, named by the keys and indexes that lead there.
type located struct {
	at      []string
	message string
}

// add adds the faults of an error and of what caused it.
func (f *finder) add(e *jsonschema.ValidationError) {
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			f.fault(append(slices.Clip(e.InstanceLocation), name), "is missing")
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			f.fault(append(slices.Clip(e.InstanceLocation), name), fmt.Sprintf("is missing; it must be there because %s is", shown(k.Prop)))
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			f.fault(append(slices.Clip(e.InstanceLocation), name), "is not allowed: the schema has no such key")
		}
	case *kind.PropertyNames:
		f.fault(append(slices.Clip(e.InstanceLocation), k.Property), "has a name that is not allowed here")
	case *kind.AnyOf:
		f.alternatives(e, "any of the alternatives")
	case *kind.OneOf:
		if len(k.Subschemas) == 2 {
			f.fault(e.InstanceLocation, fmt.Sprintf("matches alternative %d and alternative %d, counted from 0; exactly one may match", k.Subschemas[0], k.Subschemas[1]))
			return
		}
		f.alternatives(e, "one of the alternatives")
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		for _, cause := range e.Causes {
			f.add(cause)
		}
	default:
		f.fault(e.InstanceLocation, f.message(e))
	}
}

func (f *finder) fault(at []string, message string) {
	f.found = append(f.found, located{at, message})
}

// alternatives adds the fault of a value that matches none of several schemas.
// Where the value's type leaves one of them, its faults are told; where the
// types alone are wrong, the types that would be right.
func (f *finder) alternatives(e *jsonschema.ValidationError, what string) {
	var types []string
	var likely []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		if t, ok := cause.ErrorKind.(*kind.Type); ok && len(cause.InstanceLocation) == len(e.InstanceLocation) {
			types = append(types, t.Want...)
		} else {
			likely = append(likely, cause)
		}
	}
	switch len(likely) {
	case 0:
		f.fault(e.InstanceLocation, f.wrongType(e.InstanceLocation, types))
	case 1:
		f.add(likely[0])
	default:
		var each []string
		for _, cause := range likely {
			inner := finder{root: f.root, name: f.name}
			inner.add(cause)
			if len(inner.found) > 0 {
				each = append(each, f.path(inner.found[0].at)+" "+inner.found[0].message)
			}
		}
		f.fault(e.InstanceLocation, cutTo("must match "+what+", but "+strings.Join(each, "; and "), 400))
	}
}

// path is a place as events' errors name it.
func (f *finder) path(at []string) string {
	path := []byte(f.name)
	v := f.root
	for _, step := range at {
		switch container := v.(type) {
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(container) {
				return string(event.AppendPathKey(path, step))
			}
			path, v = event.AppendPathIndex(path, i), container[i]
		case map[string]any:
			path, v = event.AppendPathKey(path, step), container[step]
		default:
			path, v = event.AppendPathKey(path, step), nil
		}
	}
	return string(path)
}

// value is what is at a place.
func (f *finder) value(at []string) any {
	v := f.root
	for _, step := range at {
		switch container := v.(type) {
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(container) {
				return nil
			}
			v = container[i]
		case map[string]any:
			v = container[step]
		}
	}
	return v
}
