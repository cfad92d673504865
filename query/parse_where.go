package query

import (
	"bytes"
	"encoding/json/jsontext"
	"strings"

	"github.com/firnlog/firn/event"
)

// Bounds of a where, against hostile queries.
const (
	maxConditions = 1_000  // comparisons, searches, lists and nots together
	maxNesting    = 64     // and, or, not inside each other
	maxOperands   = 10_000 // of one in or not_in
)

// where reads what stands at where: a condition, or a list that must all hold.
// It returns nil where every event matches.
func (p *parser) where(path string, v jsontext.Value) (Condition, *Error) {
	if event.KindOf(v) != '[' {
		return p.condition(path, v, 1)
	}
	list, err := p.list(path, v, 1)
	switch {
	case err != nil || len(list) == 0:
		return nil, err
	case len(list) == 1:
		return list[0], nil
	}
	return And(list), nil
}

func (p *parser) list(path string, v jsontext.Value, depth int) ([]Condition, *Error) {
	elements, err := readArray(path, v)
	if err != nil {
		return nil, err
	}
	list := make([]Condition, 0, min(len(elements), maxConditions))
	for i, element := range elements {
		c, err := p.condition(indexPath(path, i), element, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

var conditionKeys = []string{"field", "operator", "value", "and", "or", "not", "search"}

func (p *parser) condition(path string, v jsontext.Value, depth int) (Condition, *Error) {
	p.conditions++
	if p.conditions > maxConditions {
		return nil, errorAt(path, "more than %d conditions", maxConditions)
	}
	if depth > maxNesting {
		return nil, errorAt(path, "conditions nest deeper than %d", maxNesting)
	}
	keys, err := readObject(path, v, conditionKeys...)
	if err != nil {
		return nil, err
	}
	for _, form := range []string{"and", "or", "not", "search"} {
		inner, given := keys[form]
		if !given {
			continue
		}
		if len(keys) > 1 {
			return nil, errorAt(path, "%s stands alone; put other conditions beside it, each in an object of its own", form)
		}
		return p.form(form, keyPath(path, form), inner, depth+1)
	}
	return p.compare(path, keys)
}

// form reads what follows and, or, not, search.
func (p *parser) form(form, path string, v jsontext.Value, depth int) (Condition, *Error) {
	switch form {
	case "and":
		list, err := p.list(path, v, depth)
		return And(list), err
	case "or":
		list, err := p.list(path, v, depth)
		return Or(list), err
	case "not":
		c, err := p.condition(path, v, depth)
		return Not{Of: c}, err
	}
	text, err := readString(path, v)
	return NewSearch(text), err
}

func (p *parser) compare(path string, keys map[string]jsontext.Value) (Condition, *Error) {
	text, given := keys["field"]
	if !given {
		return nil, errorAt(keyPath(path, "field"), "is missing; a condition has field, operator and value, or is one of and, or, not, search")
	}
	field, err := readField(keyPath(path, "field"), text)
	if err != nil {
		return nil, err
	}
	op, err := readOperator(keyPath(path, "operator"), field, keys)
	if err != nil {
		return nil, err
	}
	path = keyPath(path, "value")
	value, given := keys["value"]
	if op == Exists {
		return existence(path, field, value, given)
	}
	if !given {
		return nil, errorAt(path, "is missing; %s needs %s", op, operandsOf(op))
	}
	switch op {
	case In, NotIn, Between:
		return p.several(path, field, op, value)
	case Matches:
		return parsePattern(path, field, value)
	}
	operand, err := p.operand(path, field, op, value)
	if err != nil {
		return nil, err
	}
	return newCompare(field, op, nil, operand), nil
}

func operandsOf(op Operator) string {
	switch op {
	case In, NotIn:
		return "a list of values"
	case Between:
		return "[low, high]"
	}
	return "a value"
}

func readOperator(path string, field Field, keys map[string]jsontext.Value) (Operator, *Error) {
	v, given := keys["operator"]
	if !given {
		return 0, errorAt(path, "is missing; one of %s", operatorList(field))
	}
	text, err := readString(path, v)
	if err != nil {
		return 0, err
	}
	for op := Eq; op <= Matches; op++ {
		if operatorNames[op] != text {
			continue
		}
		if op.textual() && !mayHoldText(field) {
			return 0, errorAt(path, "%s looks into text, and %s is none; one of %s", text, quoted(field.Name), operatorList(field))
		}
		return op, nil
	}
	return 0, errorAt(path, "%q is not an operator; one of %s", quoted(text), operatorList(field))
}

// mayHoldText reports whether a field's value can be a string or an array.
func mayHoldText(f Field) bool {
	switch f.Root {
	case SequenceNumber, Position, Timestamp, RecordedAt, Severity:
		return false
	}
	return true
}

// operatorList names the operators that go with a field.
func operatorList(f Field) string {
	var names []string
	for op := Eq; op <= Matches; op++ {
		if !op.textual() || mayHoldText(f) {
			names = append(names, op.String())
		}
	}
	return strings.Join(names, ", ")
}

// existence reads exists, which takes no value, or true, or false for its
// opposite.
func existence(path string, field Field, v jsontext.Value, given bool) (Condition, *Error) {
	exists := newCompare(field, Exists, nil)
	if !given {
		return exists, nil
	}
	wanted, err := readBool(path, v)
	if err != nil {
		return nil, errorAt(path, "exists takes no value, or true or false, not %s", kindName(v))
	}
	if !wanted {
		return Not{Of: exists}, nil
	}
	return exists, nil
}

// several reads the operands of in, not_in and between.
func (p *parser) several(path string, field Field, op Operator, v jsontext.Value) (Condition, *Error) {
	if event.KindOf(v) != '[' {
		return nil, errorAt(path, "must be %s, not %s", operandsOf(op), kindName(v))
	}
	elements, err := readArray(path, v)
	if err != nil {
		return nil, err
	}
	if op == Between && len(elements) != 2 {
		return nil, errorAt(path, "must be [low, high], not %d values", len(elements))
	}
	if len(elements) > maxOperands {
		return nil, errorAt(path, "has %d values, at most %d are allowed", len(elements), maxOperands)
	}
	values := make([]Value, len(elements))
	for i, element := range elements {
		if values[i], err = p.operand(indexPath(path, i), field, op, element); err != nil {
			return nil, err
		}
	}
	if op == Between && values[0].Kind != values[1].Kind {
		return nil, errorAt(path, "low and high must be of one type, not %s and %s", kindName(elements[0]), kindName(elements[1]))
	}
	return newCompare(field, op, nil, values...), nil
}

// operand reads a constant in the form that field and operator ask for.
func (p *parser) operand(path string, field Field, op Operator, v jsontext.Value) (Value, *Error) {
	if err := checkValue(path, v, event.MaxDepth); err != nil {
		return Value{}, err
	}
	switch {
	case field.Root.Time():
		return p.instant(path, v)
	case field.Root == Severity:
		return readSeverity(path, v)
	}
	value := ValueOf(v)
	switch {
	case (field.Root == SequenceNumber || field.Root == Position) && value.Kind == String:
		return Value{}, errorAt(path, "%s is a number, and no number equals a string; write it without quotes", quoted(field.Name))
	case op.ordered() && value.Kind != Numeric && value.Kind != String:
		return Value{}, errorAt(path, "%s compares numbers or strings, not %s", op, kindName(v))
	case (op == IContains || op == StartsWith) && value.Kind != String:
		return Value{}, errorAt(path, "%s needs a string, not %s", op, kindName(v))
	}
	return value, nil
}

// instant reads a time: RFC 3339, milliseconds since the epoch, or relative.
func (p *parser) instant(path string, v jsontext.Value) (Value, *Error) {
	const wanted = "a time is RFC 3339 such as 2026-01-31T12:00:00Z, milliseconds since 1970, or relative such as now-1d"
	value := ValueOf(v)
	switch {
	case value.Kind == String && isRelative(value.Text):
		micros, ok := parseRelative(value.Text, p.now)
		if !ok {
			return Value{}, errorAt(path, "%q is not a relative time; now, or now-90s, now-15m, now-12h, now-1d, now-2w", quoted(value.Text))
		}
		instant := microsValue(micros)
		instant.relative = value.Text
		return instant, nil
	case value.Kind == String:
		micros, err := event.ParseTime(value.Text)
		if err != nil {
			return Value{}, errorAt(path, "%q is not a time; %s", quoted(value.Text), wanted)
		}
		return microsValue(micros), nil
	case value.Kind == Numeric:
		micros, err := event.ParseEpochMillis(string(v))
		if err != nil {
			return Value{}, errorAt(path, "%s is outside the years 0 to 9999; %s", quoted(v), wanted)
		}
		return microsValue(micros), nil
	}
	return Value{}, errorAt(path, "must be a time, not %s; %s", kindName(v), wanted)
}

func readSeverity(path string, v jsontext.Value) (Value, *Error) {
	const wanted = "one of " + event.SeverityNames + ", or their numbers 1 to 8"
	value := ValueOf(v)
	switch value.Kind {
	case Numeric:
		return value, nil
	case String:
		if severity, ok := event.ParseSeverity(value.Text); ok {
			return SeverityValue(severity), nil
		}
		return Value{}, errorAt(path, "%q is not a severity; %s", quoted(value.Text), wanted)
	}
	return Value{}, errorAt(path, "must be a severity, not %s; %s", kindName(v), wanted)
}

func parsePattern(path string, field Field, v jsontext.Value) (Condition, *Error) {
	if event.KindOf(v) != '"' {
		return nil, errorAt(path, "matches needs an RE2 pattern in a string, not %s", kindName(v))
	}
	value := ValueOf(v)
	pattern, err := compilePattern(value.Text)
	if err != nil {
		return nil, errorAt(path, "%v", err)
	}
	return newCompare(field, Matches, pattern, value), nil
}

// checkValue refuses what no event can hold: nesting deeper than depth and
// number literals beyond the limits.
func checkValue(path string, v jsontext.Value, depth int) *Error {
	kind := event.KindOf(v)
	if (kind == '[' || kind == '{') && depth == 0 {
		return errorAt(path, "nests deeper than %d, and no event does", event.MaxDepth)
	}
	switch kind {
	case '0':
		return checkNumber(path, v)
	case '[':
		i := 0
		for e := event.WalkElements(v); e.Next(); i++ {
			if err := checkValue(indexPath(path, i), e.Value, depth-1); err != nil {
				return err
			}
		}
	case '{':
		for m := event.WalkMembers(v); m.Next(); {
			if err := checkValue(keyPath(path, event.Unquoted(m.Key)), m.Value, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkNumber(path string, v jsontext.Value) *Error {
	if len(v) > event.MaxNumber {
		return errorAt(path, "a number has %d characters, at most %d are allowed", len(v), event.MaxNumber)
	}
	at := bytes.IndexAny(v, "eE")
	if at < 0 {
		return nil
	}
	if exponent, _, _ := parseExponent(v, at+1); exponent > event.MaxExponent || exponent < -event.MaxExponent {
		return errorAt(path, "the exponent of %s is beyond ±%d", quoted(v), event.MaxExponent)
	}
	return nil
}
