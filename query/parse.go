package query

import (
	"encoding/json/jsontext"
	"math"
	"time"
	_ "time/tzdata" // the time zones of queries do not depend on the machine
)

// Parse reads a query in the JSON DSL. Relative times such as now-1d are
// resolved against now, or against the first page's now when the query has a
// cursor. The only error is a *Error; nothing is ignored but an orderBy of a
// reduce that names none of its values and keys, and select beside reduce.
func Parse(text []byte, now time.Time) (*Query, error) {
	q, err := parseQuery(text, now)
	if err != nil {
		return nil, err
	}
	return q, nil
}

// ParseCondition reads a condition of the DSL, or a list of conditions that
// must all hold: what stands at where. It is nil where every event matches. The
// only error is a *Error with a path inside the text.
func ParseCondition(text []byte, now time.Time) (Condition, error) {
	v, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	p := &parser{now: now}
	c, err := p.where("", v)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// parser holds what one query's parts share.
type parser struct {
	now        time.Time
	conditions int // counted so far
}

var queryKeys = []string{
	"from", "where", "select", "orderBy", "limit", "offset", "cursor", "total", "reduce", "groupBy", "timezone",
}

func parseQuery(text []byte, now time.Time) (*Query, *Error) {
	v, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	keys, err := readObject("", v, queryKeys...)
	if err != nil {
		return nil, err
	}
	q := &Query{Now: now, Limit: DefaultLimit}
	for _, part := range []func(*Query, map[string]jsontext.Value) *Error{
		parseFrom, parseCursor, parseWhere, parseSelect, parseTimezone, parseReduce, parseOrder, parsePage,
	} {
		if err := part(q, keys); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func parseFrom(q *Query, keys map[string]jsontext.Value) *Error {
	v, given := keys["from"]
	if !given {
		return errorAt("from", `is missing; say which instance: {"from": {"instance": "…"}}`)
	}
	from, err := readObject("from", v, "instance", "stream")
	if err != nil {
		return err
	}
	instance, given := from["instance"]
	if !given {
		return errorAt("from.instance", "is missing; give the id or the name of an instance")
	}
	if q.Instance, err = readName("from.instance", instance); err != nil {
		return err
	}
	if stream, given := from["stream"]; given {
		name, err := readName("from.stream", stream)
		if err != nil {
			return err
		}
		q.Stream = &name
	}
	return nil
}

func parseCursor(q *Query, keys map[string]jsontext.Value) *Error {
	v, given := keys["cursor"]
	if !given {
		return nil
	}
	text, err := readString("cursor", v)
	if err != nil || text == "" {
		return err
	}
	if _, given := keys["reduce"]; given {
		return errorAt("cursor", "does not go with reduce, whose groups have no pages; use limit and offset")
	}
	cursor, decodeErr := DecodeCursor(text)
	if decodeErr != nil {
		return errCursor
	}
	q.Cursor = text
	q.Now = time.UnixMicro(cursor.Now)
	return nil
}

func parseWhere(q *Query, keys map[string]jsontext.Value) (err *Error) {
	v, given := keys["where"]
	if !given {
		return nil
	}
	p := &parser{now: q.Now}
	q.Where, err = p.where("where", v)
	return err
}

func parseSelect(q *Query, keys map[string]jsontext.Value) *Error {
	v, given := keys["select"]
	if !given {
		return nil
	}
	list, err := readArray("select", v)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errorAt("select", "is empty; name a field, or leave select out for whole events")
	}
	if len(list) > maxFields {
		return errorAt("select", "has %d fields, at most %d are allowed", len(list), maxFields)
	}
	for i, element := range list {
		f, err := readField(indexPath("select", i), element)
		if err != nil {
			return err
		}
		q.Select = append(q.Select, f)
	}
	return nil
}

// maxFields bounds select, orderBy, reduce and groupBy.
const maxFields = 100

// readField reads a field that does not end in [].
func readField(path string, v jsontext.Value) (Field, *Error) {
	text, err := readString(path, v)
	if err != nil {
		return Field{}, err
	}
	f, err := parseField(path, text)
	if err == nil && f.each() {
		err = eachError(path, text)
	}
	return f, err
}

func parseTimezone(q *Query, keys map[string]jsontext.Value) *Error {
	v, given := keys["timezone"]
	if !given {
		return nil
	}
	name, err := readName("timezone", v)
	if err != nil {
		return err
	}
	zone, loadErr := time.LoadLocation(name)
	if loadErr != nil || name == "Local" {
		return errorAt("timezone", "%q is not a time zone; give a name such as Europe/Berlin or UTC", quoted(name))
	}
	if name != "UTC" {
		q.Timezone = zone
	}
	return nil
}

func parsePage(q *Query, keys map[string]jsontext.Value) (err *Error) {
	if v, given := keys["limit"]; given {
		q.Limit, err = readCount("limit", v, MaxLimit)
	} else if len(q.Reduce) > 0 {
		q.Limit = NoLimit
	}
	if v, given := keys["offset"]; given && err == nil {
		q.Offset, err = readCount("offset", v, math.MaxInt32)
	}
	if v, given := keys["total"]; given && err == nil {
		var total bool
		total, err = readBool("total", v)
		q.NoTotal = !total
	}
	return err
}

func parseOrder(q *Query, keys map[string]jsontext.Value) *Error {
	v, given := keys["orderBy"]
	if !given {
		return nil
	}
	list := []jsontext.Value{v}
	paths := []string{"orderBy"}
	if kindName(v) == "an array" {
		var err *Error
		if list, err = readArray("orderBy", v); err != nil {
			return err
		}
		paths = nil
		for i := range list {
			paths = append(paths, indexPath("orderBy", i))
		}
	}
	if len(list) > maxFields {
		return errorAt("orderBy", "has %d fields, at most %d are allowed", len(list), maxFields)
	}
	for i, element := range list {
		order, named, err := readOrder(q, paths[i], element)
		if err != nil {
			return err
		}
		if named {
			q.OrderBy = append(q.OrderBy, order)
		}
	}
	return nil
}

// readOrder reads one key of orderBy; named is false where it is to be ignored.
func readOrder(q *Query, path string, v jsontext.Value) (o Order, named bool, err *Error) {
	keys, err := readObject(path, v, "field", "direction")
	if err != nil {
		return Order{}, false, err
	}
	if direction, given := keys["direction"]; given {
		path := keyPath(path, "direction")
		text, err := readString(path, direction)
		if err != nil {
			return Order{}, false, err
		}
		if text != "asc" && text != "desc" {
			return Order{}, false, errorAt(path, "%q is not a direction; one of asc, desc", quoted(text))
		}
		o.Desc = text == "desc"
	}
	path = keyPath(path, "field")
	field, given := keys["field"]
	if !given {
		return Order{}, false, errorAt(path, "is missing; name the field to sort by")
	}
	if len(q.Reduce) > 0 {
		text, err := readString(path, field)
		if err != nil {
			return Order{}, false, err
		}
		return orderOfGroups(q, text, o.Desc)
	}
	o.Field, err = readField(path, field)
	return o, true, err
}

// ReductionOf is the index in Reduce of what o sorts by; ok is false where o
// sorts by a field or a group key.
func (q *Query) ReductionOf(o Order) (index int, ok bool) {
	if o.Name == "" {
		return 0, false
	}
	for i, r := range q.Reduce {
		if r.As == o.Name && !q.Single {
			return i, true
		}
	}
	return 0, true // "value" is the first one's
}

// orderOfGroups finds what text names of a reduce: "value", an "as" name, or a
// group key as it is spelled in groupBy or by its field.
func orderOfGroups(q *Query, text string, desc bool) (o Order, named bool, err *Error) {
	o.Desc = desc
	for _, r := range q.Reduce {
		if r.As == text && !q.Single {
			o.Name = text
			return o, true, nil
		}
	}
	for i, key := range q.GroupBy {
		if key.Name == text {
			o.Field, o.Group = key.Field, i+1
			return o, true, nil
		}
	}
	if text == "value" {
		o.Name = text
		return o, true, nil
	}
	field, err := parseField("", text)
	if err != nil {
		return o, false, nil //nolint:nilerr // what is no field names nothing: it is ignored
	}
	for i, key := range q.GroupBy {
		if key.Field.Same(field) {
			o.Field, o.Group = key.Field, i+1
			return o, true, nil
		}
	}
	return o, false, nil
}
