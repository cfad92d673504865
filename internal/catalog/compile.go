package catalog

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// schema is a compiled schema: the quick check, which accepts most payloads
// without decoding them, and the library's, which finds the faults.
type schema struct {
	quick *quick // nil if the schema has more than the quick check knows
	full  *jsonschema.Schema
}

// location is what the library calls a schema.
const location = "firn:schema"

// compileSchema checks and compiles the text of a schema; nil after reporting
// what is wrong with it.
func compileSchema(m *mistakes, text jsontext.Value) *schema {
	before := len(m.list)
	checkSchema(m, text)
	if len(m.list) > before {
		return nil
	}
	doc, _ := (&decoder{left: maxSchema}).object(text)
	delete(doc, "$id") // references are within the schema, so its name is nobody's business
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.UseLoader(nothing{})
	if err := compiler.AddResource(location, any(doc)); err != nil {
		m.add("schema", "%v", err)
		return nil
	}
	full, err := compiler.Compile(location)
	if err != nil {
		m.uncompiled(err, doc)
		return nil
	}
	g := graph{unfolded: map[*jsonschema.Schema]int{}}
	if n, err := g.walk(full); err != nil {
		m.add("schema", "%v", err)
		return nil
	} else if n > maxUnfolded {
		m.add("schema", "has more than %d schemas inside, each counted as often as it is referred to", maxUnfolded)
		return nil
	}
	return &schema{quick: compileQuick(text), full: full}
}

// nothing is the loader of the library: a schema reads nothing but itself.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is elsewhere; a reference stays inside the schema", shown(url))
}

// uncompiled adds what the library has against a schema.
func (m *mistakes) uncompiled(err error, doc map[string]any) {
	if bad, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		err = bad.Err
	}
	if bad, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		for _, f := range faultsOf(bad, doc, "schema") {
			m.add(f.Path, "%s", f.Message)
		}
		return
	}
	m.add("schema", "%s", strings.ReplaceAll(err.Error(), location, ""))
}

// graph walks over a compiled schema with its references resolved.
type graph struct {
	unfolded map[*jsonschema.Schema]int // -1 = being walked
}

// walk is how many schemas s is when every reference is written out, capped
// just above maxUnfolded. A schema that refers to itself is an error: what it
// costs to check an event against it would have no bound.
func (g *graph) walk(s *jsonschema.Schema) (int, error) {
	if n, known := g.unfolded[s]; known {
		if n < 0 {
			return 0, fmt.Errorf("refers to itself at %s; write the levels out, or leave the inner ones open", strings.TrimPrefix(s.Location, location))
		}
		return n, nil
	}
	g.unfolded[s] = -1
	checkNames(s)
	total := 1
	for _, child := range children(s) {
		n, err := g.walk(child)
		if err != nil {
			return 0, err
		}
		total = min(total+n, maxUnfolded+1)
	}
	g.unfolded[s] = total
	return total, nil
}

// children are the schemas inside a schema, references included, each as often
// as it is there.
func children(s *jsonschema.Schema) []*jsonschema.Schema {
	var all []*jsonschema.Schema
	one := func(c *jsonschema.Schema) {
		if c != nil {
			all = append(all, c)
		}
	}
	one(s.Ref)
	one(s.Not)
	one(s.If)
	one(s.Then)
	one(s.Else)
	one(s.PropertyNames)
	one(s.Contains)
	one(s.Items2020)
	one(s.UnevaluatedItems)
	one(s.UnevaluatedProperties)
	one(s.ContentSchema)
	if extra, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		one(extra)
	}
	for _, x := range s.Extensions {
		if names, ok := x.(memberNames); ok {
			one(names.schema)
		}
	}
	for _, c := range s.Properties {
		one(c)
	}
	for _, c := range s.PatternProperties {
		one(c)
	}
	for _, c := range s.DependentSchemas {
		one(c)
	}
	all = append(all, s.AllOf...)
	all = append(all, s.AnyOf...)
	all = append(all, s.OneOf...)
	return append(all, s.PrefixItems...)
}

// checkNames replaces the library's check of propertyNames, whose errors share
// the memory of their location with what is checked next and so may name
// another place.
func checkNames(s *jsonschema.Schema) {
	if s.PropertyNames != nil {
		s.Extensions = append(s.Extensions, memberNames{s.PropertyNames})
		s.PropertyNames = nil
	}
}

// memberNames checks the names of an object's members.
type memberNames struct{ schema *jsonschema.Schema }

// Validate reports every name that does not match.
func (n memberNames) Validate(ctx *jsonschema.ValidatorContext, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	for name := range object {
		if n.schema.Validate(name) != nil {
			ctx.AddError(&kind.PropertyNames{Property: name})
		}
	}
}
