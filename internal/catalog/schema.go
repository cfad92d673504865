package catalog

import (
	"encoding/json/jsontext"
	"maps"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/firnlog/firn/event"
)

// Bounds of a schema. They keep the time and memory that compiling it and
// checking an event against it may take within reason, whoever wrote it.
const (
	maxSchema       = 64 << 10 // bytes, compact
	maxSchemaDepth  = 32       // schemas inside schemas
	maxSubschemas   = 1000
	maxUnfolded     = 2000 // subschemas, each counted as often as it is referred to
	maxPattern      = 500  // bytes of a regular expression
	maxPatternSteps = 1000 // instructions of a compiled regular expression
	maxCount        = 1_000_000_000
)

// dialect is the one value of $schema that is taken, with or without a final #.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// form is what the value of a keyword must be.
type form uint8

const (
	anything form = iota
	aString
	aBoolean
	aNumber
	aPositive
	aCount
	aList
	aFullList
	aSchema
	aSchemaList
	schemasByName
	schemasByPattern
	names
	namesByName
	someTypes
	anExpression
	aReference
	theDialect
)

// keywords are the keywords of JSON Schema 2020-12.
var keywords = map[string]form{
	"$schema": theDialect, "$id": aString, "$ref": aReference, "$anchor": aString, "$comment": aString, "$defs": schemasByName,

	"title": aString, "description": aString, "default": anything, "examples": aList,
	"deprecated": aBoolean, "readOnly": aBoolean, "writeOnly": aBoolean,
	"format": aString, "contentEncoding": aString, "contentMediaType": aString, "contentSchema": aSchema,

	"type": someTypes, "const": anything, "enum": aFullList,
	"minimum": aNumber, "maximum": aNumber, "exclusiveMinimum": aNumber, "exclusiveMaximum": aNumber, "multipleOf": aPositive,
	"minLength": aCount, "maxLength": aCount, "pattern": anExpression,
	"minItems": aCount, "maxItems": aCount, "uniqueItems": aBoolean, "minContains": aCount, "maxContains": aCount,
	"minProperties": aCount, "maxProperties": aCount, "required": names, "dependentRequired": namesByName,

	"properties": schemasByName, "patternProperties": schemasByPattern, "additionalProperties": aSchema,
	"propertyNames": aSchema, "unevaluatedProperties": aSchema, "dependentSchemas": schemasByName,
	"prefixItems": aSchemaList, "items": aSchema, "contains": aSchema, "unevaluatedItems": aSchema,
	"allOf": aSchemaList, "anyOf": aSchemaList, "oneOf": aSchemaList,
	"not": aSchema, "if": aSchema, "then": aSchema, "else": aSchema,
}

// refused are keywords that JSON Schema has or had, and what to do instead.
var refused = map[string]string{
	"$dynamicRef":      "is not supported: write $ref",
	"$dynamicAnchor":   "is not supported: write $anchor",
	"$recursiveRef":    "is of an older JSON Schema: write $ref",
	"$recursiveAnchor": "is of an older JSON Schema: write $anchor",
	"$vocabulary":      "is not supported: the vocabulary is that of 2020-12",
	"definitions":      "is of an older JSON Schema: write $defs",
	"dependencies":     "is of an older JSON Schema: write dependentRequired or dependentSchemas",
	"additionalItems":  "is of an older JSON Schema: write prefixItems and items",
	"id":               "is of an older JSON Schema: write $id, or leave it out",
}

// typeNames are the types of JSON Schema.
var typeNames = []string{"null", "boolean", "object", "array", "number", "integer", "string"}

// schemaCheck walks over the text of a schema and reports what is wrong. It is
// stricter than the meta-schema: an unknown keyword is a mistake (a name with
// x- in front is nobody's business), $ref stays inside the schema, sizes are
// bounded.
type schemaCheck struct {
	*mistakes
	subschemas int
}

// checkSchema reports what is wrong with the text of a schema.
func checkSchema(m *mistakes, text jsontext.Value) {
	if event.KindOf(text) != '{' {
		m.add("schema", "must be an object, is %s", kindName(text))
		return
	}
	if len(text) > maxSchema {
		m.add("schema", "is %d bytes long, white space left out; the most is %d", len(text), maxSchema)
		return
	}
	c := &schemaCheck{mistakes: m}
	c.schema([]byte("schema"), text, 0)
	if c.subschemas > maxSubschemas {
		m.add("schema", "has %d schemas inside; the most is %d", c.subschemas, maxSubschemas)
	}
}

func (c *schemaCheck) at(path []byte, format string, args ...any) {
	c.add(string(path), format, args...)
}

func (c *schemaCheck) schema(path []byte, value jsontext.Value, depth int) {
	c.subschemas++
	switch event.KindOf(value) {
	case 't', 'f':
		return
	case '{':
	default:
		c.at(path, "must be a schema: an object or a boolean, is %s", kindName(value))
		return
	}
	if depth > maxSchemaDepth {
		c.at(path, "nests deeper than %d schemas", maxSchemaDepth)
		return
	}
	for m := event.WalkMembers(value); m.Next(); {
		name := event.Unquoted(m.Key)
		if name == "$id" && depth > 0 {
			c.at(path, "has an $id; only the whole schema may have one")
			continue
		}
		if want, known := keywords[name]; known {
			c.keyword(event.AppendPathKey(slices.Clip(path), name), m.Value, want, depth)
		} else if why, known := refused[name]; known {
			c.at(path, "%s %s", name, why)
		} else if !strings.HasPrefix(name, "x-") {
			c.at(path, "%s; names of your own begin with x-", unknown(name, "keyword of JSON Schema 2020-12", keywordNames()))
		}
	}
}

// keyword checks the value of one keyword.
func (c *schemaCheck) keyword(path []byte, value jsontext.Value, want form, depth int) {
	switch want {
	case anything:
	case aString:
		c.want(path, value, '"', "a string")
	case aBoolean:
		c.boolean(path, value)
	case aNumber:
		c.want(path, value, '0', "a number")
	case aPositive:
		c.positive(path, value)
	case aCount:
		c.count(path, value)
	case aList:
		c.want(path, value, '[', "a list")
	case aFullList:
		if c.want(path, value, '[', "a list") && len(value) == len("[]") {
			c.at(path, "must be a list of at least one value")
		}
	case aSchema:
		c.schema(path, value, depth+1)
	case aSchemaList:
		c.schemaList(path, value, depth)
	case schemasByName:
		c.schemas(path, value, depth)
	case schemasByPattern:
		c.schemas(path, value, depth)
		if event.KindOf(value) == '{' {
			for m := event.WalkMembers(value); m.Next(); {
				c.expression(path, event.Unquoted(m.Key))
			}
		}
	case names:
		c.names(path, value)
	case namesByName:
		c.namesByName(path, value)
	case someTypes:
		c.types(path, value)
	case anExpression:
		if c.want(path, value, '"', "a regular expression") {
			c.expression(path, event.Unquoted(value))
		}
	case aReference:
		c.ref(path, value)
	case theDialect:
		c.dialect(path, value)
	}
}

func (c *schemaCheck) schemas(path []byte, value jsontext.Value, depth int) {
	if !c.want(path, value, '{', "an object of schemas") {
		return
	}
	for m := event.WalkMembers(value); m.Next(); {
		c.schema(event.AppendPathKey(slices.Clip(path), event.Unquoted(m.Key)), m.Value, depth+1)
	}
}

func (c *schemaCheck) schemaList(path []byte, value jsontext.Value, depth int) {
	n := 0
	if c.want(path, value, '[', "a list of schemas") {
		for e := event.WalkElements(value); e.Next(); n++ {
			c.schema(event.AppendPathIndex(slices.Clip(path), n), e.Value, depth+1)
		}
		if n == 0 {
			c.at(path, "must be a list of at least one schema")
		}
	}
}

func (c *schemaCheck) boolean(path []byte, value jsontext.Value) {
	if k := event.KindOf(value); k != 't' && k != 'f' {
		c.at(path, "must be true or false, is %s", kindName(value))
	}
}

func (c *schemaCheck) positive(path []byte, value jsontext.Value) {
	if c.want(path, value, '0', "a number") && !isPositive(value) {
		c.at(path, "must be greater than 0, is %s", shownValue(value))
	}
}

// isPositive reports whether a number is greater than 0: no minus, and some
// digit of its mantissa is not 0.
func isPositive(number jsontext.Value) bool {
	for _, b := range number {
		switch {
		case b == '-', b == 'e', b == 'E':
			return false
		case b >= '1' && b <= '9':
			return true
		}
	}
	return false
}

func (c *schemaCheck) count(path []byte, value jsontext.Value) {
	if n, err := strconv.ParseInt(string(value), 10, 64); err != nil || n < 0 || n > maxCount {
		c.at(path, "must be a whole number from 0 to %d, is %s", maxCount, shownValue(value))
	}
}

func (c *schemaCheck) types(path []byte, value jsontext.Value) {
	switch event.KindOf(value) {
	case '"':
		c.typeName(path, value)
	case '[':
		seen := map[string]bool{}
		n := 0
		for e := event.WalkElements(value); e.Next(); n++ {
			at := event.AppendPathIndex(slices.Clip(path), n)
			if !c.typeName(at, e.Value) {
				continue
			}
			name := event.Unquoted(e.Value)
			if seen[name] {
				c.at(at, "%s is there twice", shown(name))
			}
			seen[name] = true
		}
		if n == 0 {
			c.at(path, "must be a list of at least one type")
		}
	default:
		c.at(path, "must be a type or a list of types, is %s", kindName(value))
	}
}

func (c *schemaCheck) typeName(path []byte, value jsontext.Value) bool {
	if !c.want(path, value, '"', "a type") {
		return false
	}
	if name := event.Unquoted(value); !slices.Contains(typeNames, name) {
		c.at(path, "%s", unknown(name, "type", typeNames))
		return false
	}
	return true
}

func (c *schemaCheck) names(path []byte, value jsontext.Value) {
	if !c.want(path, value, '[', "a list of names") {
		return
	}
	seen := map[string]bool{}
	n := 0
	for e := event.WalkElements(value); e.Next(); n++ {
		at := event.AppendPathIndex(slices.Clip(path), n)
		if c.want(at, e.Value, '"', "a name") {
			name := event.Unquoted(e.Value)
			if seen[name] {
				c.at(at, "%s is there twice", shown(name))
			}
			seen[name] = true
		}
	}
}

func (c *schemaCheck) namesByName(path []byte, value jsontext.Value) {
	if !c.want(path, value, '{', "an object of lists of names") {
		return
	}
	for m := event.WalkMembers(value); m.Next(); {
		c.names(event.AppendPathKey(slices.Clip(path), event.Unquoted(m.Key)), m.Value)
	}
}

func (c *schemaCheck) dialect(path []byte, value jsontext.Value) {
	if event.KindOf(value) != '"' || strings.TrimSuffix(event.Unquoted(value), "#") != dialect {
		c.at(path, "is %s; must be %q, or be left out", shownValue(value), dialect)
	}
}

// ref keeps references inside the schema: nothing is ever fetched or read.
func (c *schemaCheck) ref(path []byte, value jsontext.Value) {
	if c.want(path, value, '"', "a reference") {
		if to := event.Unquoted(value); !strings.HasPrefix(to, "#") {
			c.at(path, "%s is elsewhere; a reference stays inside the schema, such as #/$defs/name", shown(to))
		}
	}
}

// expression checks a regular expression: RE2 syntax, and small when compiled.
func (c *schemaCheck) expression(path []byte, text string) {
	if len(text) > maxPattern {
		c.at(path, "has a regular expression of %d bytes; the most is %d", len(text), maxPattern)
		return
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		c.at(path, "%s is no regular expression of the RE2 syntax: %v", shown(text), err)
		return
	}
	if program, err := syntax.Compile(tree.Simplify()); err != nil || len(program.Inst) > maxPatternSteps {
		c.at(path, "%s is too large a regular expression; use smaller repetitions", shown(text))
	}
}

// want reports whether a value is of a kind, and says so if it is not.
func (c *schemaCheck) want(path []byte, value jsontext.Value, kind jsontext.Kind, what string) bool {
	if event.KindOf(value) == kind {
		return true
	}
	c.at(path, "must be %s, is %s", what, kindName(value))
	return false
}

// keywordNames are the keywords, sorted.
func keywordNames() []string { return slices.Sorted(maps.Keys(keywords)) }
