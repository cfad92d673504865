package query

import (
	"encoding/json/jsontext"
	"strconv"
	"strings"

	"github.com/firnlog/firn/event"
)

var reduceNames = [...]string{
	Count: "count", Sum: "sum", Avg: "avg", Min: "min", Max: "max", Collect: "collect", CountDistinct: "count_distinct",
	P50: "p50", P90: "p90", P95: "p95", P99: "p99", First: "first", Last: "last",
}

// String is the reduction's name in the DSL.
func (t ReduceType) String() string {
	if t < Count || t > Last {
		return "unknown"
	}
	return reduceNames[t]
}

// Percentile is the percentile of P50 to P99, 0 for other reductions.
func (t ReduceType) Percentile() int {
	switch t {
	case P50:
		return 50
	case P90:
		return 90
	case P95:
		return 95
	case P99:
		return 99
	}
	return 0
}

func parseReduce(q *Query, keys map[string]jsontext.Value) *Error {
	v, given := keys["reduce"]
	beside, grouped := keys["groupBy"]
	if !given {
		if grouped {
			return errorAt("groupBy", "needs a reduce beside it")
		}
		return nil
	}
	if event.KindOf(v) == '[' {
		if err := parseReductions(q, v); err != nil {
			return err
		}
	} else {
		r, inner, err := readReduction("reduce", v, "type", "field", "as", "groupBy")
		if err != nil {
			return err
		}
		q.Single = r.As == ""
		if q.Single {
			r.As = r.Type.String()
		}
		q.Reduce = []Reduction{r}
		if inner != nil {
			if grouped {
				return errorAt("groupBy", "stands inside reduce already; give it once")
			}
			return parseGroupBy(q, "reduce.groupBy", inner)
		}
	}
	if grouped {
		return parseGroupBy(q, "groupBy", beside)
	}
	return nil
}

func parseReductions(q *Query, v jsontext.Value) *Error {
	list, err := readArray("reduce", v)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errorAt("reduce", "is empty; name a reduction: %s", reduceList)
	}
	if len(list) > maxFields {
		return errorAt("reduce", "has %d reductions, at most %d are allowed", len(list), maxFields)
	}
	taken := make(map[string]bool)
	for i, element := range list {
		path := indexPath("reduce", i)
		if _, inside := event.Member(element, "groupBy"); inside {
			return errorAt(keyPath(path, "groupBy"), "stands beside a list of reductions, not inside it")
		}
		r, _, err := readReduction(path, element, "type", "field", "as")
		if err != nil {
			return err
		}
		if r.As == "" {
			r.As = r.Type.String()
		}
		if taken[r.As] {
			return errorAt(keyPath(path, "as"), "the name %q is taken; give each reduction a name of its own", quoted(r.As))
		}
		taken[r.As] = true
		q.Reduce = append(q.Reduce, r)
	}
	return nil
}

var reduceList = strings.Join(reduceNames[Count:], ", ")

// readReduction reads one reduction; groupBy is what stands inside it.
func readReduction(path string, v jsontext.Value, known ...string) (r Reduction, groupBy jsontext.Value, err *Error) {
	keys, err := readObject(path, v, known...)
	if err != nil {
		return r, nil, err
	}
	if r.Type, err = readReduceType(keyPath(path, "type"), keys); err != nil {
		return r, nil, err
	}
	if as, given := keys["as"]; given {
		if r.As, err = readName(keyPath(path, "as"), as); err != nil {
			return r, nil, err
		}
	}
	field, given := keys["field"]
	switch {
	case given:
		if r.Field, err = readField(keyPath(path, "field"), field); err != nil {
			return r, nil, err
		}
	case r.Type != Count:
		return r, nil, errorAt(keyPath(path, "field"), "is missing; %s needs a field", r.Type)
	}
	return r, keys["groupBy"], nil
}

func readReduceType(path string, keys map[string]jsontext.Value) (ReduceType, *Error) {
	v, given := keys["type"]
	if !given {
		return 0, errorAt(path, "is missing; one of %s", reduceList)
	}
	text, err := readString(path, v)
	if err != nil {
		return 0, err
	}
	for t := Count; t <= Last; t++ {
		if reduceNames[t] == text {
			return t, nil
		}
	}
	return 0, errorAt(path, "%q is not a reduction; one of %s", quoted(text), reduceList)
}

func parseGroupBy(q *Query, path string, v jsontext.Value) *Error {
	list := []jsontext.Value{v}
	inList := event.KindOf(v) == '['
	if inList {
		var err *Error
		if list, err = readArray(path, v); err != nil {
			return err
		}
	}
	if len(list) > maxFields {
		return errorAt(path, "has %d keys, at most %d are allowed", len(list), maxFields)
	}
	for i, element := range list {
		path := path
		if inList {
			path = indexPath(path, i)
		}
		text, err := readString(path, element)
		if err != nil {
			return err
		}
		key, err := parseGroupKey(path, text)
		if err != nil {
			return err
		}
		for _, other := range q.GroupBy {
			if other.Name == key.Name {
				return errorAt(path, "%q is a group key already", quoted(text))
			}
		}
		for i, r := range q.Reduce {
			if r.As == key.Name && !q.Single {
				return errorAt(path, "%q is the name of reduce[%d] too; name that one otherwise", quoted(text), i)
			}
		}
		q.GroupBy = append(q.GroupBy, key)
	}
	return nil
}

// parseGroupKey reads a field, a field that ends in [], or a time bucket.
func parseGroupKey(path, text string) (GroupKey, *Error) {
	name, width, bucketed := strings.Cut(text, ":")
	if root, ok := rootOf(name); !bucketed || !ok || !root.Time() {
		f, err := parseField(path, text)
		if err == nil || !bucketed || !ok {
			return GroupKey{Field: f, Name: text}, err
		}
		return GroupKey{}, errorAt(path, "%q: only timestamp and recorded_at have time buckets", quoted(text))
	}
	f, err := parseField(path, name)
	if err != nil {
		return GroupKey{}, err
	}
	bucket, ok := parseBucket(width)
	if !ok {
		return GroupKey{}, errorAt(path, "%q is not a width of time; seconds that divide a minute (1s, 5s, 30s…), minutes that divide an hour (1m, 5m, 15m…), hours that divide a day (1h, 6h…), 1d or 1w", quoted(width))
	}
	return GroupKey{Field: f, Bucket: bucket, Name: text}, nil
}

func parseBucket(text string) (Bucket, bool) {
	if len(text) < 2 || text[0] == '0' || endOfDigits(text, 0) != len(text)-1 {
		return Bucket{}, false
	}
	count, err := strconv.Atoi(text[:len(text)-1])
	if err != nil {
		return Bucket{}, false
	}
	b := Bucket{Count: count, Unit: text[len(text)-1]}
	switch b.Unit {
	case 's':
		return b, count < 60 && 60%count == 0
	case 'm':
		return b, count < 60 && 60%count == 0
	case 'h':
		return b, count < 24 && 24%count == 0
	case 'd', 'w':
		return b, count == 1
	}
	return Bucket{}, false
}

// String is the bucket's width as in groupBy: 15m.
func (b Bucket) String() string { return strconv.Itoa(b.Count) + string(rune(b.Unit)) }
