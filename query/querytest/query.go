package querytest

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// Query makes a valid query over events such as Events makes: of events or of a
// reduce, without cursor. Its text in the log of a failed test parses to it.
func Query(t *rapid.T) *query.Query { return MustParse(t, Text(t)) }

// MustParse parses text and fails the test where it is refused.
func MustParse(t *rapid.T, text string) *query.Query {
	q, err := query.Parse([]byte(text), Now)
	if err != nil {
		t.Fatalf("querytest made a query that is refused: %v\n%s", err, text)
	}
	return q
}

// Text makes the text of a valid query.
func Text(t *rapid.T) string {
	var b strings.Builder
	b.WriteString(`{"from":{"instance":"` + Instance + `"`)
	if rapid.IntRange(0, 3).Draw(t, "stream?") == 0 {
		b.WriteString(`,"stream":"` + rapid.SampledFrom(streams).Draw(t, "stream") + `"`)
	}
	b.WriteString("}")
	if rapid.IntRange(0, 4).Draw(t, "where?") > 0 {
		b.WriteString(`,"where":` + list(t, "where", 0, 2, func() string { return ConditionText(t, 3) }))
	}
	if rapid.IntRange(0, 5).Draw(t, "total?") == 0 {
		b.WriteString(`,"total":false`)
	}
	if rapid.Bool().Draw(t, "reduce?") {
		reduction(t, &b)
	} else {
		page(t, &b)
	}
	b.WriteString("}")
	return b.String()
}

// page adds what a query of events has.
func page(t *rapid.T, b *strings.Builder) {
	if rapid.IntRange(0, 2).Draw(t, "orderBy?") > 0 {
		b.WriteString(`,"orderBy":` + list(t, "orderBy", 1, 3, func() string { return order(t, fieldText(t)) }))
	}
	if rapid.IntRange(0, 3).Draw(t, "select?") == 0 {
		b.WriteString(`,"select":` + list(t, "select", 1, 3, func() string { return quoted(fieldText(t)) }))
	}
	if rapid.Bool().Draw(t, "limit?") {
		fmt.Fprintf(b, `,"limit":%d`, rapid.IntRange(0, 12).Draw(t, "limit"))
	}
	if rapid.IntRange(0, 3).Draw(t, "offset?") == 0 {
		fmt.Fprintf(b, `,"offset":%d`, rapid.IntRange(0, 20).Draw(t, "offset"))
	}
}

func order(t *rapid.T, field string) string {
	return `{"field":` + quoted(field) + `,"direction":"` + rapid.SampledFrom([]string{"asc", "desc"}).Draw(t, "direction") + `"}`
}

// reduction adds reduce and what goes with it.
func reduction(t *rapid.T, b *strings.Builder) {
	names := []string{"value"}
	if rapid.Bool().Draw(t, "several") {
		i := 0
		b.WriteString(`,"reduce":` + list(t, "reduce", 1, 4, func() string {
			name := fmt.Sprintf("r%d", i)
			names = append(names, name)
			i++
			return reduceText(t, name)
		}))
	} else {
		b.WriteString(`,"reduce":` + reduceText(t, ""))
	}
	var keys []string
	taken := make(map[string]bool)
	for range rapid.IntRange(0, 2).Draw(t, "keys") {
		if key := groupKey(t); !taken[key] {
			taken[key] = true
			keys = append(keys, quoted(key))
			names = append(names, key)
		}
	}
	if len(keys) > 0 {
		b.WriteString(`,"groupBy":[` + strings.Join(keys, ",") + `]`)
	}
	if rapid.IntRange(0, 2).Draw(t, "orderBy?") == 0 {
		b.WriteString(`,"orderBy":` + list(t, "orderBy", 1, 2, func() string {
			return order(t, rapid.SampledFrom(names).Draw(t, "by"))
		}))
	}
	if rapid.IntRange(0, 2).Draw(t, "limit?") == 0 {
		fmt.Fprintf(b, `,"limit":%d`, rapid.IntRange(0, 5).Draw(t, "limit"))
	}
	if rapid.IntRange(0, 4).Draw(t, "offset?") == 0 {
		fmt.Fprintf(b, `,"offset":%d`, rapid.IntRange(0, 3).Draw(t, "offset"))
	}
	if zone := rapid.SampledFrom([]string{"", "", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"}).Draw(t, "zone"); zone != "" {
		b.WriteString(`,"timezone":"` + zone + `"`)
	}
}

func reduceText(t *rapid.T, as string) string {
	kind := query.ReduceType(rapid.IntRange(int(query.Count), int(query.Last)).Draw(t, "type"))
	text := `{"type":"` + kind.String() + `"`
	if kind != query.Count || rapid.Bool().Draw(t, "field?") {
		text += `,"field":` + quoted(fieldText(t))
	}
	if as != "" {
		text += `,"as":"` + as + `"`
	}
	return text + "}"
}

func groupKey(t *rapid.T) string {
	switch rapid.IntRange(0, 5).Draw(t, "group") {
	case 0:
		return rapid.SampledFrom([]string{"timestamp:1s", "timestamp:30s", "recorded_at:5s", "timestamp:1m", "timestamp:15m", "timestamp:1h", "recorded_at:1h", "timestamp:2h", "timestamp:12h", "timestamp:1d", "created_at:1d", "timestamp:1w"}).Draw(t, "bucket")
	case 1:
		return rapid.SampledFrom([]string{"metadata.tags[]", "payload.items[]", "payload.n[]"}).Draw(t, "each")
	}
	return fieldText(t)
}

var fieldTexts = []string{
	"id", "stream_id", "streamId", "sequence_number", "position", "event_type", "category", "timestamp", "recorded_at", "created_at",
	"severity", "importance", "actor", "uid", "subject", "payload", "metadata", "instance_id",
	"payload.n", "payload.n", "payload.n", "payload.n", "payload.s", "payload.s", "payload.s", "payload.ok", "detail.a", "payload.b",
	"payload.geo", "payload.geo.city", "payload.geo.lat", "data.geo.city", `payload["dotted.key"]`, "payload.dotted.key",
	"payload.items", "payload.items[0]", "payload.items[0].price", "payload.items[1].price", "payload.items[7]", `payload["ключ"]`,
	`payload[""]`, "metadata.source", "metadata.tags", "metadata.tags[0]", "payload.absent", "payload.n.deeper",
}

func fieldText(t *rapid.T) string { return rapid.SampledFrom(fieldTexts).Draw(t, "field") }

// Condition makes a valid condition over events such as Events makes.
func Condition(t *rapid.T) query.Condition {
	text := ConditionText(t, 3)
	c, err := query.ParseCondition([]byte(text), Now)
	if err != nil {
		t.Fatalf("querytest made a condition that is refused: %v\n%s", err, text)
	}
	return c
}

// ConditionText makes the text of a condition nested at most depth deep.
func ConditionText(t *rapid.T, depth int) string {
	inner := func() string { return ConditionText(t, depth-1) }
	most := 9
	if depth == 0 {
		most = 6
	}
	switch rapid.IntRange(0, most).Draw(t, "condition") {
	case 7:
		return `{"and":` + list(t, "and", 0, 3, inner) + `}`
	case 8:
		return `{"or":` + list(t, "or", 0, 3, inner) + `}`
	case 9:
		return `{"not":` + inner() + `}`
	case 6:
		return `{"search":` + quoted(rapid.SampledFrom([]string{"", "err", "STRASSE", "ß", "k", "Alice", "zzz", "页"}).Draw(t, "search")) + `}`
	}
	return compareText(t, fieldText(t))
}

func compareText(t *rapid.T, field string) string {
	f, err := query.ParseField(field)
	if err != nil {
		t.Fatalf("querytest named a field that is none: %v", err)
	}
	operand := operandOf(t, f)
	ops := []string{"eq", "neq", "gt", "gte", "lt", "lte", "between", "in", "not_in", "exists"}
	ordered := "number or string"
	switch f.Root {
	case query.SequenceNumber, query.Position: // a string there is refused
		ordered = "number"
	case query.Timestamp, query.RecordedAt, query.Severity:
		ordered = "any"
	default:
		ops = append(ops, "contains", "icontains", "starts_with", "matches")
	}
	op := rapid.SampledFrom(ops).Draw(t, "operator")
	value := ""
	switch op {
	case "exists":
	case "in", "not_in":
		value = list(t, "operands", 0, 4, operand)
	case "between":
		value = between(t, ordered, operand)
	case "gt", "gte", "lt", "lte":
		switch ordered {
		case "any":
			value = operand()
		case "number":
			value = Number(t)
		default:
			value = scalar(t)
		}
	case "icontains", "starts_with":
		value = String(t)
	case "matches":
		value = quoted(rapid.SampledFrom([]string{"", "^a", "(?i)error", "[0-9]+$", "ß|ss", `\.`, "^$"}).Draw(t, "pattern"))
	default:
		value = operand()
	}
	text := `{"field":` + quoted(field) + `,"operator":"` + op + `"`
	if value != "" {
		text += `,"value":` + value
	}
	return text + "}"
}

func between(t *rapid.T, ordered string, operand func() string) string {
	switch {
	case ordered == "any":
		return "[" + operand() + "," + operand() + "]"
	case ordered == "number" || rapid.Bool().Draw(t, "numbers"):
		return "[" + Number(t) + "," + Number(t) + "]"
	}
	return "[" + String(t) + "," + String(t) + "]"
}

func scalar(t *rapid.T) string {
	if rapid.Bool().Draw(t, "number?") {
		return Number(t)
	}
	return String(t)
}

// operandOf makes constants that are likely to be found at a field.
func operandOf(t *rapid.T, f query.Field) func() string {
	pick := func(label string, from []string) func() string {
		return func() string {
			if rapid.IntRange(0, 9).Draw(t, "other") == 0 {
				return Value(t, 1)
			}
			return quoted(rapid.SampledFrom(from).Draw(t, label))
		}
	}
	switch f.Root {
	case query.Timestamp, query.RecordedAt:
		return func() string { return timeText(t) }
	case query.Severity:
		return func() string {
			return rapid.SampledFrom([]string{`"warn"`, `"info"`, `"emergency"`, "1", "4", "4.5", "9", "6e0"}).Draw(t, "severity")
		}
	case query.SequenceNumber, query.Position:
		return func() string {
			if rapid.Bool().Draw(t, "number") {
				return Number(t)
			}
			return rapid.SampledFrom([]string{"1", "2", "3", "null", "true", "[1]", "{}"}).Draw(t, "no number")
		}
	case query.EventType, query.Category:
		return pick("type", types)
	case query.StreamID:
		return pick("stream", streams)
	case query.Actor:
		return pick("actor", actors)
	}
	return func() string { return Value(t, 2) }
}

func timeText(t *rapid.T) string {
	at := timestamp(t)
	switch rapid.IntRange(0, 3).Draw(t, "time") {
	case 0:
		return fmt.Sprint(at.UnixMilli())
	case 1:
		return rapid.SampledFrom([]string{`"now"`, `"now-1d"`, `"now-90m"`, `"now+1h"`}).Draw(t, "relative")
	}
	return quoted(at.Format("2006-01-02T15:04:05.999999Z07:00"))
}

func quoted(s string) string { return string(event.AppendQuoted(nil, s)) }

func list(t *rapid.T, label string, least, most int, element func() string) string {
	var elements []string
	for range rapid.IntRange(least, most).Draw(t, label) {
		elements = append(elements, element())
	}
	return "[" + strings.Join(elements, ",") + "]"
}
