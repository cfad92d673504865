package server

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"reflect"
	"strings"

	"github.com/firnlog/firn/query"
)

// receiveJSON reads a small JSON body into v, a pointer to a struct. Unknown
// members are refused by name with the nearest known one.
func (s *Server) receiveJSON(r *request, v any) error {
	if _, err := mediaOf(r); err != nil {
		return err
	}
	b, err := s.receive(r, smallBody)
	if err != nil {
		return err
	}
	defer b.release()
	err = json.Unmarshal(b.bytes, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var broken *jsontext.SyntacticError
	if errors.As(err, &broken) {
		return malformed(pointed(broken.JSONPointer, "body"), "is not valid JSON at %s: %s", query.Place(b.bytes, broken.ByteOffset), broken.Err)
	}
	var wrong *json.SemanticError
	if !errors.As(err, &wrong) {
		return malformed("body", "is not a JSON object")
	}
	field := pointed(wrong.JSONPointer, "body")
	if errors.Is(wrong.Err, json.ErrUnknownName) {
		return malformed(printable(field), "%s", unknownName("field", field, memberNames(v)))
	}
	return malformed(field, "must be %s", wanted(wrong.GoType))
}

// pointed is a JSON pointer as a path with dots.
func pointed(p jsontext.Pointer, root string) string {
	path := strings.Join(strings.FieldsFunc(string(p), func(r rune) bool { return r == '/' }), ".")
	if path == "" {
		return root
	}
	return path
}

// memberNames are the JSON names of a struct's fields.
func memberNames(v any) []string {
	t := reflect.TypeOf(v).Elem()
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// wanted names what a field takes.
func wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil || t.Kind() == reflect.Struct:
		return "an object"
	case t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Slice:
		return "an array of strings"
	default:
		return "a whole number"
	}
}
