package catalog

import (
	"encoding/json/v2"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// maxShown is how many of the values that are allowed a message lists.
const maxShown = 10

// message says what is wrong with one value.
func (f *finder) message(e *jsonschema.ValidationError) string {
	is := f.value(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return f.wrongType(e.InstanceLocation, k.Want)
	case *kind.Enum:
		return "must be " + oneOf(k.Want) + ", is " + written(is)
	case *kind.Const:
		return "must be " + written(k.Want) + ", is " + written(is)
	case *kind.FalseSchema:
		return "is not allowed"
	case *kind.Not:
		return "is what the schema excludes"
	case *kind.Minimum:
		return "must be at least " + decimal(k.Want) + ", is " + written(is)
	case *kind.Maximum:
		return "must be at most " + decimal(k.Want) + ", is " + written(is)
	case *kind.ExclusiveMinimum:
		return "must be greater than " + decimal(k.Want) + ", is " + written(is)
	case *kind.ExclusiveMaximum:
		return "must be less than " + decimal(k.Want) + ", is " + written(is)
	case *kind.MultipleOf:
		return "must be a multiple of " + decimal(k.Want) + ", is " + written(is)
	case *kind.Format:
		return fmt.Sprintf("must be a %s, is %s", k.Want, written(is))
	case *kind.Pattern:
		return fmt.Sprintf("must match the regular expression %s, is %s", shown(k.Want), written(is))
	}
	return countMessage(e.ErrorKind)
}

// countMessage says what is wrong with a size.
func countMessage(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %s, has %d", some(k.Want, "character"), k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %s, has %d", some(k.Want, "character"), k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %s, has %d", some(k.Want, "element"), k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %s, has %d", some(k.Want, "element"), k.Got)
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %s, has %d", some(k.Want, "key"), k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %s, has %d", some(k.Want, "key"), k.Got)
	case *kind.UniqueItems:
		return fmt.Sprintf("must not have an element twice; [%d] and [%d] are equal", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains:
		return "must have an element as the schema's contains says"
	case *kind.MinContains:
		return fmt.Sprintf("must have at least %s as the schema's contains says, has %d", some(k.Want, "element"), len(k.Got))
	case *kind.MaxContains:
		return fmt.Sprintf("must have at most %s as the schema's contains says, has %d", some(k.Want, "element"), len(k.Got))
	}
	return "is not what the schema says (" + strings.Join(k.KeywordPath(), " ") + ")"
}

// wrongType says which types would be right.
func (f *finder) wrongType(at []string, want []string) string {
	is := f.value(at)
	var names []string
	for _, t := range want {
		if name := withArticle(t); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	got := withArticle(typeOf(is))
	if slices.Contains(want, "integer") && typeOf(is) == "number" {
		got = written(is)
	}
	return "must be " + alternatives(names) + ", is " + got
}

// typeOf is the JSON type of a decoded value.
func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "number"
}

func withArticle(typeName string) string {
	switch typeName {
	case "null":
		return "null"
	case "object", "array", "integer":
		return "an " + typeName
	}
	return "a " + typeName
}

// oneOf lists the values that are allowed.
func oneOf(values []any) string {
	list := make([]string, 0, min(len(values), maxShown))
	for _, v := range values {
		if len(list) == maxShown {
			return "one of " + strings.Join(list, ", ") + fmt.Sprintf(" and %d more", len(values)-maxShown)
		}
		list = append(list, written(v))
	}
	return alternatives(list)
}

// alternatives joins with commas and a final or.
func alternatives(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

func some(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// written is a value as JSON, cut if it is long.
func written(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return shown(v)
	case nil, bool:
		text, _ := json.Marshal(v)
		return string(text)
	}
	return cut(fmt.Sprint(v)) // a number, as it is spelled
}

// decimal is a number of the schema in plain digits, or as a fraction if it has
// too many of them.
func decimal(n *big.Rat) string {
	if n.IsInt() {
		return cut(n.Num().String())
	}
	text := strings.TrimRight(n.FloatString(20), "0")
	if same, ok := new(big.Rat).SetString(text); ok && same.Cmp(n) == 0 {
		return text
	}
	return cut(n.RatString())
}
