package app

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
)

func TestMapping(t *testing.T) {
	goTest := mapping{TimeField: "Time", TypeField: "Action", StreamField: "Package"}
	tests := []struct {
		name, line string
		mapping    mapping
		want       string
	}{
		{"go test", `{"Time":"2026-11-21T08:57:24Z","Action":"pass","Package":"errors","Test":"TestNew","Elapsed":0.50}`, goTest,
			`{"timestamp":"2026-11-21T08:57:24Z","event_type":"pass","stream_id":"errors","payload":{"Test":"TestNew","Elapsed":0.50}}`},
		{"missing fields take defaults", `{"Action":"build-output","Output":"x"}`, goTest,
			`{"event_type":"build-output","payload":{"Output":"x"}}`},
		{"one type for all", `{"n":1}`, mapping{Type: "row", Stream: "s"}, `{"event_type":"row","stream_id":"s","payload":{"n":1}}`},
		{"an empty type takes the default", `{"a":"","n":1}`, mapping{TypeField: "a", Type: "row"}, `{"payload":{"n":1},"event_type":"row"}`},
		{"numbers as text", `{"a":7,"who":12.0,"b":true}`, mapping{TypeField: "a", ActorField: "who", SubjectField: "b"},
			`{"event_type":"7","actor":"12.0","subject":"true","payload":{}}`},
		{"null is nothing", `{"a":"x","who":null}`, mapping{TypeField: "a", ActorField: "who"}, `{"event_type":"x","payload":{}}`},
		{"severities of others", `{"a":"x","l":"WARN"}`, mapping{TypeField: "a", SeverityField: "l"}, `{"event_type":"x","severity":"warning","payload":{}}`},
		{"fatal", `{"a":"x","l":"Fatal"}`, mapping{TypeField: "a", SeverityField: "l"}, `{"event_type":"x","severity":"critical","payload":{}}`},
		{"importance", `{"a":"x","l":8}`, mapping{TypeField: "a", SeverityField: "l"}, `{"event_type":"x","severity":"emergency","payload":{}}`},
		{"epoch milliseconds", `{"a":"x","t":1700000000123}`, mapping{TypeField: "a", TimeField: "t"}, `{"event_type":"x","timestamp":1700000000123,"payload":{}}`},
		{"epoch seconds with a fraction", `{"a":"x","t":1700000000.25}`, mapping{TypeField: "a", TimeField: "t", TimeFormat: "unix"},
			`{"event_type":"x","timestamp":"2023-11-14T22:13:20.25Z","payload":{}}`},
		{"epoch microseconds", `{"a":"x","t":"1700000000123456"}`, mapping{TypeField: "a", TimeField: "t", TimeFormat: "unixmicro"},
			`{"event_type":"x","timestamp":"2023-11-14T22:13:20.123456Z","payload":{}}`},
		{"before 1970", `{"a":"x","t":-1}`, mapping{TypeField: "a", TimeField: "t", TimeFormat: "unixmilli"},
			`{"event_type":"x","timestamp":"1969-12-31T23:59:59.999Z","payload":{}}`},
		{"a layout", `{"a":"x","t":"02.01.2006 03:04"}`, mapping{TypeField: "a", TimeField: "t", TimeFormat: "02.01.2006 15:04"},
			`{"event_type":"x","timestamp":"2006-01-02T03:04:00Z","payload":{}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all, err := members([]byte(tt.line))
			if err != nil {
				t.Fatal(err)
			}
			got, err := tt.mapping.event(all)
			if err != nil {
				t.Fatal(err)
			}
			want, got2 := draft(t, tt.want), draft(t, string(got))
			if diff := cmp.Diff(want, got2); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", got, diff)
			}
		})
	}
}

func draft(t *testing.T, text string) event.Draft {
	t.Helper()
	d, err := event.ParseLine([]byte(text), event.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

func TestMappingRefuses(t *testing.T) {
	tests := []struct {
		line    string
		mapping mapping
		want    string
	}{
		{`{"n":1,"m":2}`, mapping{TimeField: "t"}, "say with --type-field which field holds it, or give all one type with --type; its fields: n, m"},
		{`{"n":1}`, mapping{TypeField: "kind"}, `no field "kind"`},
		{`{"kind":{"a":1}}`, mapping{TypeField: "kind"}, `field "kind": is an object or an array`},
		{`{"k":"a","l":9}`, mapping{TypeField: "k", SeverityField: "l"}, "must be 1 (debug) to 8 (emergency)"},
		{`{"k":"a","t":"soon"}`, mapping{TypeField: "k", TimeField: "t", TimeFormat: "unix"}, `"soon" is not a number (unix)`},
		{`{"k":"a","t":"soon"}`, mapping{TypeField: "k", TimeField: "t", TimeFormat: "2006-01-02"}, `is not a time of the form "2006-01-02"`},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			all, err := members([]byte(tt.line))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = tt.mapping.event(all); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q in it", err, tt.want)
			}
		})
	}
}

// drain reads a source to its end and returns ids by line and lines with
// faults.
func drain(t testing.TB, s source) (ids map[int]string, bad []int) {
	t.Helper()
	ids = map[int]string{}
	for {
		r, err := s.next()
		var b *badRecord
		switch {
		case errors.Is(err, io.EOF):
			return ids, bad
		case errors.As(err, &b):
			bad = append(bad, b.line)
		case err != nil:
			t.Fatal(err)
		default:
			ids[r.line] = r.id
		}
	}
}

func TestNDJSONLines(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 600<<10) + `"}`
	text := "\ufeff{\"a\":1}\r\n\n  \n{\"a\":\n" + long + "\n[]\n{\"a\":1}\n{\"a\":2} {}\n{\"a\":1}"
	ids, bad := drain(t, newNDJSON(strings.NewReader(text), true))
	if diff := cmp.Diff([]int{4, 6, 8}, bad); diff != "" {
		t.Errorf("bad lines (-want +got):\n%s", diff)
	}
	if len(ids) != 4 || ids[1] == "" || ids[5] == "" || ids[7] == ids[9] {
		t.Errorf("ids = %v, want those of lines 1, 5, 7 and 9, all different", ids)
	}
	again, _ := drain(t, newNDJSON(strings.NewReader(text+"\n{\"a\":3}\n"), true))
	for line, id := range ids {
		if again[line] != id {
			t.Errorf("line %d: id %s, and %s once the file has grown", line, id, again[line])
		}
	}
	other, _ := drain(t, newNDJSON(strings.NewReader("{\"b\":1}\n\n\n\n"+long), true))
	if other[5] == ids[5] {
		t.Error("the same line of two files has one id")
	}
}

func TestLinesBeyondTheLimit(t *testing.T) {
	text := `{"a":1}` + "\n" + strings.Repeat(" ", maxLine+10) + "\n" + `{"a":2}`
	ids, bad := drain(t, newNDJSON(strings.NewReader(text), true))
	if diff := cmp.Diff([]int{2}, bad); diff != "" {
		t.Errorf("bad lines (-want +got):\n%s", diff)
	}
	if len(ids) != 2 {
		t.Errorf("ids = %v, want those of lines 1 and 3", ids)
	}
}

func TestCSVCells(t *testing.T) {
	text := "\ufeffa,b\n1,x\n007,true\n\"say \"\"hi\"\"\",1e3\n,\n 1,null\n"
	tests := []struct {
		text bool
		want []string
	}{
		{false, []string{`{"a":1,"b":"x"}`, `{"a":"007","b":true}`, `{"a":"say \"hi\"","b":1e3}`, `{}`, `{"a":" 1","b":"null"}`}},
		{true, []string{`{"a":"1","b":"x"}`, `{"a":"007","b":"true"}`, `{"a":"say \"hi\"","b":"1e3"}`, `{}`, `{"a":" 1","b":"null"}`}},
	}
	for _, tt := range tests {
		s, err := newCSV(strings.NewReader(text), false, tt.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			r, err := s.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(r.text))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("text %v (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestCSVRefuses(t *testing.T) {
	for in, want := range map[string]string{"": "the file is empty", "a,b,a\n": `"a" stands there twice`, "a,\"b\n": "not closed"} {
		if _, err := newCSV(strings.NewReader(in), false, false, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("newCSV(%q) = %v, want %q in it", in, err, want)
		}
	}
	s, err := newCSV(strings.NewReader("a,b\n1\n1,2\n1,x\"y\n3,4\n"), false, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, bad := drain(t, s)
	if diff := cmp.Diff([]int{2, 4}, bad); diff != "" {
		t.Errorf("bad lines (-want +got):\n%s", diff)
	}
}

func TestFormulasAreTakenBack(t *testing.T) {
	for _, cell := range []string{"", "a", "=1+1", "-3", "@x", "'quoted", "\tx"} {
		if got := unguard(formulaSafe(cell)); got != cell {
			t.Errorf("unguard(formulaSafe(%q)) = %q", cell, got)
		}
	}
}

// FuzzImport reads any bytes as NDJSON and as CSV, mapped and as they are: no
// panic, no endless loop, and the same ids every time.
func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"Time":"2026-11-21T08:57:24Z","Action":"pass","Package":"errors"}` + "\n{\n\n"))
	f.Add([]byte("a,b\n1,\"x\"\n\"\n"))
	f.Add([]byte("\ufeff\n"))
	m := mapping{TypeField: "Action", TimeField: "Time", SeverityField: "a", TimeFormat: "unix"}
	f.Fuzz(func(t *testing.T, data []byte) {
		var first map[int]string
		for range 2 {
			ids, _ := drain(t, newNDJSON(bytes.NewReader(data), true))
			if diff := cmp.Diff(first, ids); first != nil && diff != "" {
				t.Fatalf("other ids the second time:\n%s", diff)
			}
			first = ids
		}
		for _, text := range []bool{true, false} {
			if s, err := newCSV(bytes.NewReader(data), !text, text, 0); err == nil {
				drain(t, s)
			}
		}
		if all, err := members(bytes.TrimSpace(data)); err == nil {
			if v, err := m.event(all); err == nil && !v.IsValid() {
				t.Fatalf("%s is not JSON", v)
			}
		}
	})
}
