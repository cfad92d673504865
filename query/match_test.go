package query_test

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// TestLookup holds the walk over text against decoded values.
func TestLookup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := jsontext.Value(querytest.Object(t, 3))
		steps := rapid.SliceOfN(rapid.SampledFrom([]query.Step{
			{Key: "a"}, {Key: "n"}, {Key: "items"}, {Key: "dotted.key"}, {Key: ""}, {Key: "ключ"}, {Key: `q"uote`}, {IsIndex: true}, {IsIndex: true, Index: 2},
		}), 0, 3).Draw(t, "steps")
		decoded := decode(t, text)
		want, exists := decoded, true
		for _, s := range steps {
			switch v := want.(type) {
			case map[string]any:
				want, exists = v[s.Key]
				exists = exists && !s.IsIndex
			case []any:
				exists = s.IsIndex && s.Index < len(v)
				if exists {
					want = v[s.Index]
				}
			default:
				exists = false
			}
			if !exists {
				break
			}
		}
		found, ok := query.Lookup(text, steps)
		if ok != exists {
			t.Fatalf("%s at %v: found is %v", text, steps, ok)
		}
		if !ok {
			return
		}
		if diff := cmp.Diff(want, decode(t, found)); diff != "" {
			t.Fatalf("%s at %v (-want +got):\n%s", text, steps, diff)
		}
	})
}

// decode decodes JSON; numbers become their text.
func decode(t *rapid.T, text jsontext.Value) (v any) {
	numbers := json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
		if d.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		text, err := d.ReadValue()
		*v = "number " + string(text)
		return err
	})
	if err := json.Unmarshal(text, &v, json.WithUnmarshalers(numbers)); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMatchOfHandMade holds comparisons that were put together by hand against
// those that were parsed.
func TestMatchOfHandMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 8)
		c := querytest.Condition(t)
		bare := strip(c)
		for i := range events {
			if got, want := query.Match(bare, &events[i]), query.Match(c, &events[i]); got != want {
				t.Fatalf("%s by hand: got %v, want %v for %s", c, got, want, events[i].Payload)
			}
		}
	})
}

// strip rebuilds a condition without anything that is prepared.
func strip(c query.Condition) query.Condition {
	list := func(from []query.Condition) (to []query.Condition) {
		for _, c := range from {
			to = append(to, strip(c))
		}
		return to
	}
	switch c := c.(type) {
	case query.And:
		return query.And(list(c))
	case query.Or:
		return query.Or(list(c))
	case query.Not:
		return query.Not{Of: strip(c.Of)}
	case query.Search:
		return query.Search{Text: c.Text}
	case *query.Compare:
		return &query.Compare{Field: c.Field, Operator: c.Operator, Values: c.Values}
	}
	return c
}

func TestMatchPagesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 30)
		q := querytest.Query(t)
		if len(q.Reduce) > 0 || q.Limit == 0 || len(events) == 0 {
			return
		}
		whole := *q
		whole.Limit = query.MaxLimit
		all, err := query.Evaluate(&whole, events)
		if err != nil {
			t.Fatal(err)
		}
		var paged query.Answer
		for range events {
			page, err := query.Evaluate(q, events)
			if err != nil {
				t.Fatal(err)
			}
			paged.Events = append(paged.Events, page.Events...)
			paged.Selected = append(paged.Selected, page.Selected...)
			if page.NextCursor == "" {
				break
			}
			next := *q
			next.Cursor = page.NextCursor
			q = &next
		}
		if diff := cmp.Diff(all.Events, paged.Events); diff != "" {
			t.Fatalf("%s: pages are not the whole (-whole +pages):\n%s", q, diff)
		}
		if diff := cmp.Diff(all.Selected, paged.Selected); diff != "" {
			t.Fatalf("%s: pages are not the whole (-whole +pages):\n%s", q, diff)
		}
	})
}

func TestFilter(t *testing.T) {
	events := []event.Event{
		{EventType: "page.view", StreamID: "a", Severity: event.Info, Timestamp: querytest.Now, Payload: jsontext.Value(`{"q":"Hello"}`), Metadata: jsontext.Value("{}")},
		{EventType: "page.error", StreamID: "b", Severity: event.Error, Timestamp: querytest.Now.Add(time.Second), Payload: jsontext.Value("{}"), Metadata: jsontext.Value("{}")},
	}
	for name, c := range map[string]struct {
		filter query.Filter
		want   [2]bool
	}{
		"nothing":      {query.Filter{}, [2]bool{true, true}},
		"streams":      {query.Filter{Streams: []string{"b", "c"}}, [2]bool{false, true}},
		"types":        {query.Filter{Types: []string{"page.view"}}, [2]bool{true, false}},
		"categories":   {query.Filter{Categories: []string{"page"}}, [2]bool{true, true}},
		"severities":   {query.Filter{Severities: []event.Severity{event.Error}}, [2]bool{false, true}},
		"min severity": {query.Filter{MinSeverity: event.Notice}, [2]bool{false, true}},
		"actors":       {query.Filter{Actors: []string{"x"}}, [2]bool{false, false}},
		"since":        {query.Filter{Since: querytest.Now.Add(time.Second)}, [2]bool{false, true}},
		"until":        {query.Filter{Until: querytest.Now.Add(time.Second)}, [2]bool{true, false}},
		"search":       {query.Filter{Search: "HELLO"}, [2]bool{true, false}},
		"two of them":  {query.Filter{Categories: []string{"page"}, Search: "ERROR"}, [2]bool{false, true}},
	} {
		condition := c.filter.Condition()
		for i := range events {
			if got := query.Match(condition, &events[i]); got != c.want[i] {
				t.Errorf("%s, event %d: got %v", name, i, got)
			}
		}
	}
}

func TestCollectHasACap(t *testing.T) {
	events := make([]event.Event, query.MaxCollect+1)
	for i := range events {
		events[i] = event.Event{Position: int64(i + 1), EventType: "t", Payload: jsontext.Value("{}"), Metadata: jsontext.Value("{}")}
	}
	q, err := query.Parse([]byte(`{"from":{"instance":"i"},"reduce":{"type":"collect","field":"event_type"}}`), querytest.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := query.Evaluate(q, events); err != query.ErrTooManyValues {
		t.Errorf("beyond the cap: got %v", err)
	}
	if _, err := query.Evaluate(q, events[1:]); err != nil {
		t.Errorf("at the cap: got %v", err)
	}
}

func BenchmarkMatch(b *testing.B) {
	actor := "user-17"
	e := &event.Event{
		ID: "x", StreamID: "user-123", EventType: "page.view", Severity: event.Info, Actor: &actor, Timestamp: querytest.Now, RecordedAt: querytest.Now,
		Payload:  jsontext.Value(`{"page":"/dashboard/overview","referrer":"/home","duration":5000,"geo":{"city":"Oslo","lat":59.91,"lon":10.75},"agent":"Mozilla/5.0 (X11; Linux x86_64)","ok":true}`),
		Metadata: jsontext.Value(`{"source":"web","version":"1.4.2"}`),
	}
	for name, text := range map[string]string{
		"type":    `{"field":"event_type","operator":"eq","value":"page.view"}`,
		"time":    `{"field":"timestamp","operator":"gte","value":"now-1d"}`,
		"number":  `{"field":"payload.duration","operator":"gt","value":100}`,
		"nested":  `{"field":"payload.geo.city","operator":"eq","value":"Oslo"}`,
		"in":      `{"field":"event_type","operator":"in","value":["a","b","page.view"]}`,
		"search":  `{"search":"linux"}`,
		"matches": `{"field":"payload.agent","operator":"matches","value":"Linux.*64"}`,
		"meta":    `{"field":"metadata.version","operator":"starts_with","value":"1."}`,
	} {
		c, err := query.ParseCondition([]byte(text), querytest.Now)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !query.Match(c, e) {
					b.Fatal("does not match")
				}
			}
		})
	}
}
