// Package conformance is what every answer to a query must be: data files of
// events, queries and expected answers, written from the specification, and a
// runner of them. The row evaluator, the column engine over events in memory and
// in segments, and the HTTP door all run the same files. Another language can:
// the files are JSON and README.md says how they are read.
package conformance

import (
	"bytes"
	"embed"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// Instance is the name of the instance that the queries ask for.
const Instance = "conformance"

// InstanceID is the id that the events bear. An engine that makes ids of its own
// may change it.
const InstanceID = "01890a5d-ac96-774b-bcce-b302099a8057"

// Engine answers queries over the events it was given.
type Engine interface {
	// Append stores events, all in one instance named Instance, which has no
	// others. Positions, from 1, and sequence numbers are those that any log
	// gives; RecordedAt is what its clock is to show.
	Append(t *testing.T, events []event.Event)
	// Ask answers a query in the DSL. A query that is refused is a *query.Error
	// or wraps one.
	Ask(t *testing.T, text []byte) (Answer, error)
}

// Answer is what the runner compares.
type Answer struct {
	Positions   []int64          // of a query without select and reduce
	Selected    []jsontext.Value // of a query with select
	Aggregation jsontext.Value   // of a query with reduce
	Total       *int64
	NextCursor  string
}

//go:embed *.json
var files embed.FS

// Run holds an engine against every case. open makes an engine without events
// whose clock shows now while it answers.
func Run(t *testing.T, open func(t *testing.T, now time.Time) Engine) {
	names, err := fs.Glob(files, "*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no data files: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) {
			suite := load(t, name)
			shared := suite.open(t, open)
			for _, c := range suite.Cases {
				t.Run(c.Name, func(t *testing.T) {
					engine := shared
					if c.appends() {
						engine = suite.open(t, open)
					}
					c.run(t, suite, engine)
				})
			}
		})
	}
}

// suite is one data file.
type suite struct {
	About  string      `json:"about"`
	Now    time.Time   `json:"now"`
	Events []eventData `json:"events"`
	Cases  []testCase  `json:"cases"`
}

type testCase struct {
	Name   string         `json:"name"`
	Query  jsontext.Value `json:"query"`
	Expect expectation    `json:"expect"`
	// Next are the pages that follow.
	Next []struct {
		Append []eventData `json:"append"` // before the page is asked for
		// Query is asked instead of the case's query; the cursor is added.
		Query  jsontext.Value `json:"query"`
		Expect expectation    `json:"expect"`
	} `json:"next"`
}

type expectation struct {
	Positions   []int64          `json:"positions"`
	Events      []jsontext.Value `json:"events"`
	Aggregation jsontext.Value   `json:"aggregation"`
	Total       jsontext.Value   `json:"total"` // null: there must be none; absent: not compared
	More        bool             `json:"more"`  // there is a next page
	Error       *struct {
		Path     string `json:"path"`
		Contains string `json:"contains"`
	} `json:"error"`
}

// eventData is an event of a data file; what it leaves out has the defaults of
// README.md.
type eventData struct {
	ID         string         `json:"id"`
	StreamID   string         `json:"stream_id"`
	EventType  string         `json:"event_type"`
	Timestamp  string         `json:"timestamp"`
	RecordedAt string         `json:"recorded_at"`
	Severity   string         `json:"severity"`
	Actor      *string        `json:"actor"`
	Subject    *string        `json:"subject"`
	Payload    jsontext.Value `json:"payload"`
	Metadata   jsontext.Value `json:"metadata"`
}

func load(t *testing.T, name string) *suite {
	t.Helper()
	text, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := new(suite)
	if err := json.Unmarshal(text, s, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func (s *suite) open(t *testing.T, open func(*testing.T, time.Time) Engine) Engine {
	t.Helper()
	engine := open(t, s.Now)
	engine.Append(t, stamp(t, nil, s.Events))
	return engine
}

func (c *testCase) appends() bool {
	for _, next := range c.Next {
		if len(next.Append) > 0 {
			return true
		}
	}
	return false
}

func (c *testCase) run(t *testing.T, s *suite, engine Engine) {
	answer := c.Expect.ask(t, engine, complete(t, c.Query, ""))
	stored := s.Events
	for _, next := range c.Next {
		if t.Failed() {
			return
		}
		if len(next.Append) > 0 {
			engine.Append(t, stamp(t, stored, next.Append))
			stored = append(stored[:len(stored):len(stored)], next.Append...)
		}
		text := c.Query
		if len(next.Query) > 0 {
			text = next.Query
		}
		answer = next.Expect.ask(t, engine, complete(t, text, answer.NextCursor))
	}
}

// complete is the text of a query: with from where it has none, and the cursor.
func complete(t *testing.T, query jsontext.Value, cursor string) []byte {
	t.Helper()
	if query.Kind() == '"' {
		var text string
		if err := json.Unmarshal(query, &text); err != nil {
			t.Fatal(err)
		}
		return []byte(text)
	}
	query = object(t, query)
	text := []byte("{")
	if _, given := event.Member(query, "from"); !given {
		text = append(text, `"from":{"instance":"`+Instance+`"},`...)
	}
	if cursor != "" {
		text = append(text, `"cursor":"`+cursor+`",`...)
	}
	if len(query) == len("{}") {
		return append(bytes.TrimSuffix(text, []byte(",")), '}')
	}
	return append(text, query[1:]...)
}

// ask asks and compares.
func (x *expectation) ask(t *testing.T, engine Engine, text []byte) Answer {
	t.Helper()
	answer, err := engine.Ask(t, text)
	if x.Error != nil {
		x.compareError(t, text, err)
		return answer
	}
	if err != nil {
		t.Fatalf("%s\nrefused: %v", text, err)
	}
	x.compare(t, text, answer)
	return answer
}

func (x *expectation) compareError(t *testing.T, text []byte, err error) {
	t.Helper()
	var fault *query.Error
	if !errors.As(err, &fault) {
		t.Fatalf("%s\nwant an error at %q, got: %v", text, x.Error.Path, err)
	}
	if fault.Path != x.Error.Path || !strings.Contains(fault.Message, x.Error.Contains) {
		t.Errorf("%s\nwant an error at %q that says %q, got one at %q: %s", text, x.Error.Path, x.Error.Contains, fault.Path, fault.Message)
	}
}

func (x *expectation) compare(t *testing.T, text []byte, answer Answer) {
	t.Helper()
	report := func(what string, want, got any) {
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s\n%s\nwant %v\ngot  %v", text, what, want, got)
		}
	}
	switch {
	case len(x.Aggregation) > 0:
		report("aggregation", compact(t, x.Aggregation), compact(t, answer.Aggregation))
	case x.Events != nil:
		var want, got []string
		for _, e := range x.Events {
			want = append(want, compact(t, e))
		}
		for _, e := range answer.Selected {
			got = append(got, compact(t, e))
		}
		report("events", want, got)
	default:
		report("positions", append([]int64{}, x.Positions...), append([]int64{}, answer.Positions...))
	}
	report("a next page", x.More, answer.NextCursor != "")
	if len(x.Total) > 0 {
		got := "null"
		if answer.Total != nil {
			got = string(query.IntValue(*answer.Total).Raw)
		}
		report("total", string(x.Total), got)
	}
}

// compact is v without white space; numbers and strings keep their spelling.
func compact(t *testing.T, v jsontext.Value) string {
	t.Helper()
	v = v.Clone()
	if err := v.Compact(); err != nil {
		t.Errorf("not JSON: %q: %v", v, err)
	}
	return string(v)
}
