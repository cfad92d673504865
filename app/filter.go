package app

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firnlog/firn/query"
)

// filter is the flags that choose events. Given together, all must hold; a
// flag given several times holds where one of its values does.
type filter struct {
	Stream      []string `group:"filter" short:"s" sep:"none" placeholder:"NAME" help:"Of this stream; may be repeated."`
	Type        []string `group:"filter" short:"t" placeholder:"TYPE" help:"Of these types."`
	Category    []string `group:"filter" placeholder:"NAME" help:"Of these categories (the type up to its first dot)."`
	Severity    []string `group:"filter" placeholder:"NAME" help:"Of these severities: debug, info, notice, warning, error, critical, alert, emergency."`
	MinSeverity string   `group:"filter" placeholder:"NAME" help:"Of this severity or above."`
	Actor       []string `group:"filter" sep:"none" placeholder:"WHO" help:"Done by this actor; may be repeated."`
	Subject     []string `group:"filter" sep:"none" placeholder:"WHAT" help:"About this subject; may be repeated."`
	Since       string   `group:"filter" placeholder:"TIME" help:"From this time on: RFC 3339, or a time ago such as 15m, 2h, 7d."`
	Until       string   `group:"filter" placeholder:"TIME" help:"Before this time."`
	Search      string   `group:"filter" short:"q" placeholder:"TEXT" help:"With this text, in any case, in type, subject, actor or payload."`
	Where       []string `group:"filter" short:"w" sep:"none" placeholder:"'FIELD OP VALUE'" help:"With such a field: 'payload.status>=500', 'payload.geo exists'; may be repeated."`
}

func (f *filter) empty() bool {
	return len(f.Stream)+len(f.Type)+len(f.Category)+len(f.Severity)+len(f.Actor)+len(f.Subject)+len(f.Where) == 0 &&
		f.MinSeverity == "" && f.Since == "" && f.Until == "" && f.Search == ""
}

// conditions is the filter as a "where" of the query language, a JSON array;
// nil when there is nothing to filter.
func (f *filter) conditions() (jsontext.Value, error) {
	var all []jsontext.Value
	for _, list := range []struct {
		flag, field string
		values      []string
	}{
		{"--stream", "stream_id", f.Stream}, {"--type", "event_type", f.Type}, {"--category", "category", f.Category},
		{"--severity", "severity", f.Severity}, {"--actor", "actor", f.Actor}, {"--subject", "subject", f.Subject},
	} {
		c := compare(list.field, "in", quotedList(list.values))
		if len(list.values) == 1 {
			c = compare(list.field, "eq", quote(list.values[0]))
		}
		if len(list.values) == 0 {
			continue
		}
		if err := checkCondition(list.flag, c); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	for _, one := range []struct{ flag, field, operator, value string }{
		{"--min-severity", "severity", "gte", f.MinSeverity}, {"--since", "timestamp", "gte", moment(f.Since)}, {"--until", "timestamp", "lt", moment(f.Until)},
	} {
		if one.value == "" {
			continue
		}
		c := compare(one.field, one.operator, quote(one.value))
		if err := checkCondition(one.flag, c); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if f.Search != "" {
		all = append(all, jsontext.Value(`{"search":`+string(quote(f.Search))+`}`))
	}
	for _, w := range f.Where {
		c, err := parseWhere(w)
		if err != nil {
			return nil, &usageError{err}
		}
		if err := checkCondition("--where "+shellWord(w), c); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return jsonList(all), nil
}

// checkCondition refuses what a flag cannot mean, in the language of flags.
func checkCondition(flag string, c jsontext.Value) error {
	_, err := query.ParseCondition(c, time.Now())
	var bad *query.Error
	if !errors.As(err, &bad) {
		return nil
	}
	message := bad.Message
	if flag == "--since" || flag == "--until" {
		message, _, _ = strings.Cut(message, ";")
		message += "; give RFC 3339, such as 2026-01-31T12:00:00Z, or a time ago, such as 15m, 2h, 7d"
	}
	if strings.HasPrefix(bad.Path, "field") || !strings.HasPrefix(flag, "--where") || !strings.Contains(flag, "{") {
		return usagef("%s: %s", flag, message)
	}
	return usagef("%s: %v", flag, bad)
}

// check refuses what the flags of a query cannot mean, before anybody is
// asked.
func (q *queryFlags) check(dsl jsontext.Value) error {
	_, err := query.Parse(dsl, time.Now())
	var bad *query.Error
	if !errors.As(err, &bad) {
		return nil
	}
	order := q.Order
	if q.Latest {
		order = append(slices.Clone(order), "position:desc")
	}
	reduce := q.Reduce
	if q.Count {
		reduce = append([]string{"count"}, reduce...)
	}
	root := strings.FieldsFunc(bad.Path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	if len(root) == 0 {
		return nil
	}
	flags := map[string]struct {
		name   string
		values []string
	}{
		"from": {"--instance", nil}, "select": {"--select", q.Select}, "orderBy": {"--order", order}, "limit": {"--limit", nil},
		"offset": {"--offset", nil}, "cursor": {"--cursor", nil}, "reduce": {"--reduce", reduce}, "groupBy": {"--by", q.By}, "timezone": {"--timezone", nil},
	}
	flag, known := flags[root[0]]
	if !known {
		return nil
	}
	name, i := flag.name, 0
	if len(root) > 1 {
		if n, err := strconv.Atoi(root[1]); err == nil {
			i = n
		}
	}
	if i < len(flag.values) {
		name += " " + shellWord(flag.values[i])
	}
	message := bad.Message
	switch {
	case root[0] == "reduce" && strings.HasPrefix(message, "is missing"):
		message = fmt.Sprintf("the field is missing; write %s:FIELD, as in %s:payload.total", flag.values[i], flag.values[i])
	case root[0] == "limit":
		message += "; firn export has no limit"
	}
	return usagef("%s: %s", name, message)
}

func compare(field, operator string, value jsontext.Value) jsontext.Value {
	return jsontext.Value(fmt.Sprintf(`{"field":%s,"operator":%s,"value":%s}`, quote(field), quote(operator), value))
}

func quotedList(list []string) jsontext.Value {
	values := make([]jsontext.Value, len(list))
	for i, s := range list {
		values[i] = quote(s)
	}
	return jsonList(values)
}

func jsonList(values []jsontext.Value) jsontext.Value {
	out := []byte{'['}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']')
}

var ago = regexp.MustCompile(`^[0-9]+[smhdw]$`)

// moment is a time as the query language spells it: 15m means now-15m.
func moment(s string) string {
	if s = strings.TrimSpace(s); ago.MatchString(s) {
		return "now-" + s
	}
	return s
}

// queryFlags shape an answer.
type queryFlags struct {
	Select   []string `group:"shape" placeholder:"FIELD" help:"Only these fields, such as event_type,payload.duration."`
	Order    []string `group:"shape" sep:"none" placeholder:"FIELD[:desc]" help:"Sort by this field; may be repeated. Without it: append order."`
	Latest   bool     `group:"shape" help:"Newest first: the same as --order position:desc."`
	Limit    *int     `group:"shape" short:"n" placeholder:"N" help:"At most this many events or groups (events: ${default_limit} if not given)."`
	Offset   int      `group:"shape" placeholder:"N" help:"Leave out the first N."`
	Cursor   string   `group:"shape" placeholder:"CURSOR" help:"Go on where an earlier answer ended."`
	Count    bool     `group:"shape" help:"Count: the same as --reduce count."`
	Reduce   []string `group:"shape" sep:"none" placeholder:"TYPE[:FIELD]" help:"Reduce to a value: count, sum, avg, min, max, count_distinct, p50, p90, p95, p99, first, last, collect; as in avg:payload.duration. May be repeated."`
	By       []string `group:"shape" placeholder:"FIELD" help:"Reduce by groups: fields, or time buckets such as timestamp:1h."`
	Timezone string   `group:"shape" placeholder:"ZONE" help:"Time zone of buckets, such as Europe/Berlin (default: UTC)."`
}

// query is filter and shape as a query of the query language.
func (q *queryFlags) query(instance string, f *filter) (jsontext.Value, error) {
	out := object{}
	from := object{}
	from.put("instance", quote(instance))
	out.put("from", from.close())
	where, err := f.conditions()
	if err != nil {
		return nil, err
	}
	if where != nil {
		out.put("where", where)
	}
	if len(q.Select) > 0 {
		out.put("select", quotedList(q.Select))
	}
	order, err := q.order()
	if err != nil {
		return nil, err
	}
	if order != nil {
		out.put("orderBy", jsonList(order))
	}
	if q.Limit != nil {
		out.put("limit", jsontext.Value(fmt.Sprint(*q.Limit)))
	}
	if q.Offset != 0 {
		out.put("offset", jsontext.Value(fmt.Sprint(q.Offset)))
	}
	if q.Cursor != "" {
		out.put("cursor", quote(q.Cursor))
	}
	if err := q.reduce(&out); err != nil {
		return nil, err
	}
	dsl := out.close()
	return dsl, q.check(dsl)
}

// order is orderBy. A colon may stand in the field only inside of quotes, as
// in payload["a:b"], or where it makes a group key, timestamp:1h.
func (q *queryFlags) order() ([]jsontext.Value, error) {
	var order []jsontext.Value
	fields := q.Order
	if q.Latest {
		fields = append(fields, "position:desc")
	}
	for _, spec := range fields {
		key := object{}
		field, desc := strings.CutSuffix(spec, ":desc")
		field = strings.TrimSuffix(field, ":asc")
		if at := strings.LastIndexByte(field, ':'); at >= 0 && !strings.Contains(field[at:], "]") && !slices.Contains(q.By, field) && !q.reduces(field) {
			return nil, usagef("--order %s: %q is no direction; it is FIELD, FIELD:asc or FIELD:desc", spec, field[at+1:])
		}
		key.put("field", quote(field))
		if desc {
			key.put("direction", quote("desc"))
		}
		order = append(order, key.close())
	}
	return order, nil
}

// reduces reports whether a reduction is called so.
func (q *queryFlags) reduces(name string) bool {
	return slices.Contains(q.Reduce, name)
}

func (q *queryFlags) reduce(out *object) error {
	specs := q.Reduce
	if q.Count || len(q.By) > 0 && len(specs) == 0 {
		specs = append([]string{"count"}, specs...)
	}
	if len(specs) == 0 {
		if q.Timezone != "" {
			return usagef("--timezone is for time buckets: give --by timestamp:1d or the like with it")
		}
		return nil
	}
	var all []jsontext.Value
	for _, spec := range specs {
		one := object{}
		kind, field, hasField := strings.Cut(spec, ":")
		if len(specs) > 1 {
			one.put("as", quote(spec))
		}
		one.put("type", quote(kind))
		if hasField {
			one.put("field", quote(field))
		}
		all = append(all, one.close())
	}
	if len(all) == 1 {
		out.put("reduce", all[0])
	} else {
		out.put("reduce", jsonList(all))
	}
	if len(q.By) > 0 {
		out.put("groupBy", quotedList(q.By))
	}
	if q.Timezone != "" {
		out.put("timezone", quote(q.Timezone))
	}
	return nil
}
