package server

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/spelling"
)

// param is a query parameter (or header) of a route: its row in the OpenAPI
// document, and the check that its value passes before the handler sees it.
type param struct {
	name  string
	about string
	kind  paramKind
	oneOf []string // the values of an enum
	// min and max bound an integer, both ends included.
	min, max int64
}

type paramKind uint8

const (
	text paramKind = iota
	list           // values with commas between
	integer
	boolean // true or false
	enum
	jsonText
	severity   // by name or importance
	severities // with commas between
)

// params are the query parameters of a request, checked against its route.
type params map[string]string

// parseParams refuses what the route does not know, what is given twice, what
// is empty and what breaks its row, each by name.
func parseParams(rawQuery string, known []param) (params, error) {
	if rawQuery == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, malformed("query string", "is not well formed: percent-encode every reserved character, and separate parameters by &")
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	given := make(params, len(values))
	for _, name := range names {
		i := slices.IndexFunc(known, func(p param) bool { return p.name == name })
		if i < 0 {
			return nil, malformed(printable(name), "%s", unknownName("parameter", name, paramNames(known)))
		}
		if len(values[name]) > 1 {
			return nil, malformed(name, "is given %d times; give it once, lists with commas", len(values[name]))
		}
		if err := known[i].check(values[name][0]); err != nil {
			return nil, err
		}
		given[name] = values[name][0]
	}
	return given, nil
}

func (p param) check(value string) error {
	if !utf8.ValidString(value) {
		return malformed(p.name, "is not UTF-8")
	}
	if value == "" {
		return malformed(p.name, "is empty; leave the parameter out")
	}
	switch p.kind {
	case integer:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < p.min || n > p.max {
			return malformed(p.name, "must be a whole number from %d to %d", p.min, p.max)
		}
	case boolean:
		if value != "true" && value != "false" {
			return malformed(p.name, "must be true or false")
		}
	case enum:
		if !slices.Contains(p.oneOf, value) {
			return malformed(p.name, "must be one of %s", strings.Join(p.oneOf, ", "))
		}
	case severity, severities:
		for _, one := range strings.Split(value, ",") {
			if !isSeverity(one) || (p.kind == severity && one != value) {
				return malformed(p.name, "%s is no severity; want one of %s, or an importance from 1 to 8", printable(one), event.SeverityNames)
			}
		}
	case text, list, jsonText:
	}
	return nil
}

func isSeverity(value string) bool {
	if _, ok := event.ParseSeverity(value); ok {
		return true
	}
	n, err := strconv.ParseInt(value, 10, 64)
	_, ok := event.SeverityOf(n)
	return err == nil && ok
}

func (p params) has(name string) bool { _, ok := p[name]; return ok }

// integer is the value of an integer parameter, or the default.
func (p params) integer(name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(p[name], 10, 64); err == nil {
		return n
	}
	return otherwise
}

func (p params) boolean(name string) bool { return p[name] == "true" }

func paramNames(known []param) []string {
	names := make([]string, len(known))
	for i, p := range known {
		names[i] = p.name
	}
	return names
}

// unknownName says that a name is unknown, with the nearest known one.
func unknownName(what, name string, known []string) string {
	if nearest, ok := spelling.Nearest(name, known); ok {
		return "is not a " + what + " here; did you mean " + nearest + "?"
	}
	if len(known) == 0 {
		return "is not a " + what + " here; there are none"
	}
	return "is not a " + what + " here; known: " + strings.Join(known, ", ")
}

// printable is a name from outside, short and without control characters.
func printable(name string) string {
	if len(name) > 64 {
		name = name[:64] + "…"
	}
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
}
