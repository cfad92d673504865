package app

import (
	"encoding/json/jsontext"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
)

func TestGroupsAsRows(t *testing.T) {
	rows := []jsontext.Value{
		groupRow(jsontext.Value(`{"group":{"event_type":"login","timestamp:1h":"2026-01-02T03:00:00Z"},"values":{"count":3,"avg:payload.ms":1.5}}`)),
		groupRow(jsontext.Value(`{"group":{"event_type":null,"timestamp:1h":"2026-01-02T04:00:00Z"},"values":{"count":12,"avg:payload.ms":null}}`)),
	}
	var out strings.Builder
	if _, err := flatten(rows).table().print(&out, 200); err != nil {
		t.Fatal(err)
	}
	want := `EVENT_TYPE  timestamp:1h          COUNT  avg:payload.ms
login       2026-01-02T03:00:00Z      3             1.5
–           2026-01-02T04:00:00Z     12               –
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNestedObjectsAsColumns(t *testing.T) {
	f := flatten([]jsontext.Value{
		jsontext.Value(`{"event_type":"a","payload":{"geo":{"city":"Köln"},"a b":[1,2],"empty":{}}}`),
		jsontext.Value(`{"event_type":"b","payload":{"geo":null}}`),
	})
	if diff := cmp.Diff([]string{"event_type", "payload.geo.city", `payload["a b"]`, "payload.empty", "payload.geo"}, f.columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"a", "Köln", "[1,2]", "{}", ""}, {"b", "", "", "", ""}}, f.cells()); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	tb := &table{columns: []column{{title: "A", max: 5}, {title: "B"}}}
	tb.add("日本語テキスト", strings.Repeat("x", 100))
	tb.add("e\u0301e", "short")
	var out strings.Builder
	if _, err := tb.print(&out, 30); err != nil {
		t.Fatal(err)
	}
	want := "A      B\n日本…  xxxxxxxxxxxxxxxxxxxxxx…\ne\u0301e     short\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEventLine(t *testing.T) {
	actor := "al\x1bice"
	e := &event.Event{StreamID: "s\n", SequenceNumber: 7, EventType: "a", Severity: event.Error, Actor: &actor, Payload: jsontext.Value(`{"n":1}`)}
	if got, want := eventLine(e, 0, false), `0001-01-01T00:00:00.000Z  error      s\n#7         a  actor=al\u001bice  {"n":1}`; got != want {
		t.Errorf("line  %q\nwant  %q", got, want)
	}
	if got := eventLine(e, 40, true); !strings.Contains(got, "\x1b[31merror    \x1b[0m") || !strings.HasSuffix(got, "…") {
		t.Errorf("coloured, cut line = %q", got)
	}
}

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		grouped(0): "0", grouped(-1204): "-1,204", grouped(1234567): "1,234,567", counted(1, "event"): "1 event",
		counted(30, "day"): "30 days", counted(2, "entry"): "2 entries", byteSize(1023): "1023 B", byteSize(1536): "1.5 KiB", byteSize(3 << 30): "3.0 GiB",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWideTablesFitTheTerminal(t *testing.T) {
	rows := []jsontext.Value{
		jsontext.Value(`{"id":"0190-aaaa","severity":"info","note":"` + strings.Repeat("long ", 30) + `","actor":null,"empty":"","n":1}`),
		jsontext.Value(`{"id":"0190-bbbb","severity":"info","note":"short","actor":"ann","n":2}`),
	}
	var out strings.Builder
	note, err := flatten(rows).table().print(&out, 50)
	if err != nil {
		t.Fatal(err)
	}
	want := `ID         NOTE                    ACTOR  EMPTY  N
0190-aaaa  long long long long l…  –      ""     1
0190-bbbb  short                   ann           2
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := "the same in every row: SEVERITY info (--wide shows all)"; note != want {
		t.Errorf("note %q, want %q", note, want)
	}
	wide := flatten(rows).table()
	wide.wide = true
	out.Reset()
	if note, err := wide.print(&out, 50); err != nil || note != "" || !strings.Contains(out.String(), strings.Repeat("long ", 30)) {
		t.Errorf("--wide: note %q, error %v\n%s", note, err, &out)
	}
	out.Reset()
	many := jsontext.Value(`{"aaaaaaaa":1,"bbbbbbbb":2,"cccccccc":3}`)
	if note, err := flatten([]jsontext.Value{many}).table().print(&out, 20); err != nil || note != "no room for: CCCCCCCC (--wide shows all)" {
		t.Errorf("note %q, error %v\n%s", note, err, &out)
	}
}

func TestColumnsInTheOrderAskedFor(t *testing.T) {
	rows := []jsontext.Value{jsontext.Value(`{"id":"a","event_type":"x","payload":{"b":1,"a":{"c":2}}}`)}
	f := flatten(rows).arrange([]string{"payload.a", "eventType", "payload.gone", "id", "payload.b"})
	if diff := cmp.Diff([]string{"payload.a.c", "event_type", "payload.gone", "id", "payload.b"}, f.columns); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
