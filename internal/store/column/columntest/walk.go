package columntest

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"

	"github.com/firnlog/firn/query"
)

// Walk finds the value at a path by decoding the text: the reference for Value.
func Walk(text jsontext.Value, path []query.Step) (jsontext.Value, bool) {
	if len(path) == 0 {
		return text, true
	}
	step, kind := path[0], text.Kind()
	if step.Each || step.IsIndex != (kind == '[') || kind != '[' && kind != '{' {
		return nil, false
	}
	index := 0
	var found jsontext.Value
	ok := false
	members(text, func(key string, value jsontext.Value) {
		if kind == '[' && index == step.Index || kind == '{' && key == step.Key {
			found, ok = value, true
		}
		index++
	})
	if !ok {
		return nil, false
	}
	return Walk(found, path[1:])
}

// members calls fn with the members of an object, or the elements of an array.
func members(text jsontext.Value, fn func(key string, value jsontext.Value)) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	open, err := d.ReadToken()
	if err != nil {
		panic(err)
	}
	object := open.Kind() == '{'
	for d.PeekKind() != '}' && d.PeekKind() != ']' {
		key := ""
		if object {
			t, err := d.ReadToken()
			if err != nil {
				panic(err)
			}
			key = t.String()
		}
		v, err := d.ReadValue()
		if err != nil {
			panic(err)
		}
		fn(key, v.Clone())
	}
}

// collectPaths adds every path that leads to a value.
func collectPaths(text jsontext.Value, path []query.Step, into map[string][]query.Step) {
	if kind := text.Kind(); kind != '{' && kind != '[' {
		return
	}
	index := 0
	members(text, func(key string, value jsontext.Value) {
		step := query.Step{Key: key}
		if text.Kind() == '[' {
			step = query.Step{Index: index, IsIndex: true}
		}
		index++
		p := append(append([]query.Step(nil), path...), step)
		into[fmt.Sprintf("%#v", p)] = p
		collectPaths(value, p, into)
	})
}

// Paths lists the paths of all values in a text.
func Paths(text jsontext.Value) [][]query.Step {
	found := map[string][]query.Step{}
	collectPaths(text, nil, found)
	list := make([][]query.Step, 0, len(found))
	for _, path := range found {
		list = append(list, path)
	}
	return list
}
