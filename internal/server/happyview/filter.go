package happyview

import (
	"errors"
	"strconv"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/door"
	"github.com/firnlog/firn/query"
)

// filter is what list, count and purge choose events by. Texts that are blank
// are unset.
type filter struct {
	EventType *string `json:"event_type"`
	Category  *string `json:"category"`
	Severity  *string `json:"severity"`
	Subject   *string `json:"subject"`
	Before    *string `json:"before"` // exclusive
	After     *string `json:"after"`  // inclusive
}

// given is the trimmed text, "" where there is none.
func given(text *string) string {
	if text == nil {
		return ""
	}
	return strings.TrimSpace(*text)
}

// items are the values of a comma list. A list of nothing but commas has none,
// and chooses nothing.
func items(list string) []string {
	var all []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}

// condition is the filter in the query language: everything that is set holds.
func (f *filter) condition() (query.And, error) {
	var all query.And
	if t := given(f.EventType); t != "" {
		all = append(all, is(query.EventType, query.Eq, query.StringValue(t)))
	}
	if list := given(f.Category); list != "" {
		all = append(all, ofCategories(items(list)))
	}
	if list := given(f.Severity); list != "" {
		all = append(all, ofSeverities(items(list)))
	}
	if s := given(f.Subject); s != "" {
		all = append(all, is(query.Subject, query.Contains, query.StringValue(s)))
	}
	for _, bound := range []struct {
		text     string
		operator query.Operator
	}{{given(f.Before), query.Lt}, {given(f.After), query.Gte}} {
		if bound.text == "" {
			continue
		}
		at, err := parseInstant(bound.text)
		if err != nil {
			return nil, door.Bad("invalid timestamp '" + printable(bound.text) + "': " + err.Error())
		}
		all = append(all, recorded(bound.operator, at))
	}
	return all, nil
}

func is(root query.Root, op query.Operator, values ...query.Value) query.Condition {
	return query.Is(query.Field{Root: root, Name: root.String()}, op, values...)
}

// recorded compares with what HappyView calls created_at.
func recorded(op query.Operator, at time.Time) query.Condition {
	return is(query.RecordedAt, op, query.InstantValue(at))
}

// ofCategories holds for types that begin with a category and a dot, and for
// the type that is the category itself.
func ofCategories(names []string) query.Condition {
	some := query.Or{}
	for _, name := range names {
		some = append(some,
			is(query.EventType, query.Eq, query.StringValue(name)),
			is(query.EventType, query.StartsWith, query.StringValue(name+".")))
	}
	return some
}

// ofSeverities holds for what is shown as one of some severities. A name that
// HappyView does not have chooses nothing.
func ofSeverities(names []string) query.Condition {
	some := query.Or{}
	for s := event.Debug; s <= event.Emergency; s++ {
		for _, name := range names {
			if shown(s) == name {
				some = append(some, is(query.Severity, query.Eq, query.SeverityValue(s)))
				break
			}
		}
	}
	return some
}

// protected refuses a filter that names types which nobody may purge.
func (f *filter) protected() error {
	if t := given(f.EventType); firn.Protected(t) {
		return door.Bad("event type '" + printable(t) + "' is protected and cannot be purged")
	}
	for _, c := range items(given(f.Category)) {
		if firn.Protected(c + ".") {
			return door.Bad("category '" + printable(c) + "' contains protected event types and cannot be purged")
		}
	}
	return nil
}

const (
	defaultLimit = 50
	maxLimit     = 100
)

// parseLimit clamps any whole number to 1…100.
func parseLimit(text string) (int, error) {
	n, err := strconv.Atoi(text) // beyond its range it is the largest or smallest int
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, door.Bad("invalid limit '" + printable(text) + "': must be a whole number")
	}
	return min(max(n, 1), maxLimit), nil
}

// parseInstant reads RFC 3339 in any zone, with a fraction of any length, and
// with the space that a '+' becomes in a URL. An instant between two
// microseconds is the later one: recorded times have whole milliseconds, so no
// comparison with them changes.
func parseInstant(text string) (time.Time, error) {
	if at := len(text) - len(" 00:00"); at > len("2006-01-02T") && text[at] == ' ' {
		text = text[:at] + "+" + text[at+1:]
	}
	between := false
	if dot := strings.IndexByte(text, '.'); dot >= 0 {
		const kept = 6
		end := dot + 1
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		if end > dot+1+kept {
			between = strings.Trim(text[dot+1+kept:end], "0") != ""
			text = text[:dot+1+kept] + text[end:]
		}
	}
	micros, err := event.ParseTime(text)
	if err != nil {
		return time.Time{}, err
	}
	if between {
		micros++
	}
	return time.UnixMicro(micros).UTC(), nil
}
