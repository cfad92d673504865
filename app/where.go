package app

import (
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"strings"
)

// signs are the operators that are not words, longest first.
var signs = []struct{ sign, operator string }{
	{">=", "gte"}, {"<=", "lte"}, {"!=", "neq"}, {"==", "eq"}, {"=", "eq"}, {">", "gt"}, {"<", "lt"}, {"~", "matches"},
}

// words are the operators of the query language, by their names there.
var words = []string{
	"eq", "neq", "gt", "gte", "lt", "lte", "between", "in", "not_in", "contains", "icontains", "starts_with", "matches", "exists",
}

// parseWhere turns the small syntax of --where, FIELD OPERATOR VALUE, into a
// condition of the query language:
//
//	payload.status>=500   actor = alice   event_type in a,b   payload.geo exists
//
// A value is JSON where it can be (500, true, null, "500", [1,2]), else text.
// Fields of the event that hold text take the value as text, quoted or not.
// Text that begins with { is a condition of the query language itself.
func parseWhere(s string) (jsontext.Value, error) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		v := jsontext.Value(s)
		if !v.IsValid() {
			return nil, fmt.Errorf("--where %q begins like JSON but is not valid JSON", s)
		}
		return v, nil
	}
	field, rest := cutField(s)
	for wrong, right := range map[string]string{"=>": ">=", "=<": "<=", "<>": "!=", "><": "!=", "=!": "!="} {
		if strings.HasPrefix(rest, wrong) {
			return nil, fmt.Errorf("--where %q: %s is no operator; did you mean %s?", s, wrong, right)
		}
	}
	operator, value, ok := cutOperator(rest)
	if field == "" || !ok {
		return nil, fmt.Errorf("--where %q is not FIELD OPERATOR VALUE, as in 'payload.status>=500', 'actor = alice' or 'payload.geo exists'; operators: = != > >= < <= ~ %s",
			s, strings.Join(words, " "))
	}
	out := append([]byte(`{"field":`), quote(field)...)
	out = append(append(out, `,"operator":`...), quote(operator)...)
	if operator == "exists" {
		if value != "" {
			return nil, fmt.Errorf("--where %q: exists takes no value", s)
		}
		return append(out, '}'), nil
	}
	if value == "" {
		return nil, fmt.Errorf(`--where %q: %s needs a value (empty text is "")`, s, operator)
	}
	out = append(append(out, `,"value":`...), whereValue(field, operator, value)...)
	return append(out, '}'), nil
}

// cutField splits off the field: everything before white space or a sign, but
// for what is in brackets and quotes, as in payload["a b"].
func cutField(s string) (field, rest string) {
	quoted, depth := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && depth > 0:
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0 && strings.IndexByte(" \t=!<>~", c) >= 0:
			return s[:i], strings.TrimSpace(s[i:])
		}
	}
	return s, ""
}

func cutOperator(s string) (operator, value string, ok bool) {
	for _, o := range signs {
		if v, found := strings.CutPrefix(s, o.sign); found {
			return o.operator, strings.TrimSpace(v), true
		}
	}
	word, value, _ := strings.Cut(s, " ")
	word = strings.ToLower(word)
	return word, strings.TrimSpace(value), slices.Contains(words, word)
}

func whereValue(field, operator, value string) jsontext.Value {
	if !slices.Contains([]string{"between", "in", "not_in"}, operator) {
		return scalar(field, value)
	}
	if v := jsontext.Value(value); value[0] == '[' && v.IsValid() {
		return v
	}
	list := []byte{'['}
	for i, item := range strings.Split(value, ",") {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, scalar(field, strings.TrimSpace(item))...)
	}
	return append(list, ']')
}

func scalar(field, value string) jsontext.Value {
	v := jsontext.Value(value)
	if !v.IsValid() {
		return quote(value)
	}
	open := strings.HasPrefix(field, "payload") || strings.HasPrefix(field, "metadata") || strings.HasPrefix(field, "detail") ||
		strings.HasPrefix(field, "data") || strings.HasPrefix(field, "event_data")
	number := slices.Contains([]string{
		"sequence_number", "sequenceNumber", "position", "importance", "severity", "timestamp", "recorded_at", "recordedAt", "created_at",
	}, field)
	if open || number || v.Kind() == '"' {
		return v
	}
	return quote(value) // actor = 12 means the text 12
}

// quote is s as a JSON string.
func quote(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s) // invalid UTF-8 becomes U+FFFD
	return b
}
