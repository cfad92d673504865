package server

import (
	"bytes"
	"encoding/csv"
	"encoding/json/v2"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/firnlog/firn/internal/inert"
)

// TestExportsHoldTheSameEvents compares the three formats, and what NDJSON
// holds with a list.
func TestExportsHoldTheSameEvents(t *testing.T) {
	r := start(t, Options{})
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lines, `{"id":"e%d","event_type":"a.b","stream_id":"s%d","actor":"a,\"quoted\"\n%d","payload":{"n":%d,"big":9007199254740993,"s":"\u0000"}}`+"\n", i, i%7, i, i)
	}
	r.must(200, "POST", "/v1/instances/x/events?auto_create=true", lines.String(), "Content-Type", ndjsonMedia)

	text := r.must(200, "GET", "/v1/instances/x/export", "")
	exported := slices.Collect(strings.Lines(string(text.body)))
	if len(exported) != 3000 {
		t.Fatalf("%d lines", len(exported))
	}
	listed := r.must(200, "GET", "/v1/instances/x/events?limit=10000", "")
	if !strings.Contains(string(listed.body), strings.TrimSpace(exported[2999])) {
		t.Errorf("the list does not hold %s", exported[2999])
	}

	sheet := r.must(200, "GET", "/v1/instances/x/export?format=csv", "")
	rows, err := csv.NewReader(bytes.NewReader(sheet.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(csvColumns, rows[0]); diff != "" || len(rows) != 3001 {
		t.Errorf("%d rows, columns (-want +got):\n%s", len(rows), diff)
	}

	columns := r.must(200, "GET", "/v1/instances/x/export?format=parquet", "")
	file, err := parquet.Read[parquetRow](bytes.NewReader(columns.body), int64(len(columns.body)))
	if err != nil {
		t.Fatal(err)
	}
	if len(file) != 3000 {
		t.Fatalf("%d rows in Parquet", len(file))
	}
	for i, p := range file {
		row := rows[i+1]
		got := []string{p.ID, p.InstanceID, p.StreamID, fmt.Sprint(p.SequenceNumber), fmt.Sprint(p.Position), p.EventType, row[6], row[7],
			p.Severity, inert.Text(*p.Actor), "", p.Payload, p.Metadata}
		if diff := cmp.Diff(row, got); diff != "" || p.Subject != nil {
			t.Fatalf("row %d, CSV and Parquet differ:\n%s", i, diff)
		}
		if !strings.Contains(exported[i], `"payload":`+p.Payload) {
			t.Fatalf("row %d: NDJSON %s, Parquet %s", i, exported[i], p.Payload)
		}
	}
	for path, kind := range map[string]string{"": ndjsonMedia, "?format=csv": "text/csv; charset=utf-8", "?format=parquet": parquetMedia} {
		answer := r.must(200, "GET", "/v1/instances/x/export"+path, "")
		if got := answer.header.Get("Content-Type"); got != kind {
			t.Errorf("export%s is %s", path, got)
		}
		if got := answer.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; filename=") {
			t.Errorf("export%s: Content-Disposition %q", path, got)
		}
	}
	some := r.must(200, "GET", "/v1/instances/x/export?stream=s3&where="+`%7B%22field%22:%22payload.n%22,%22operator%22:%22lt%22,%22value%22:20%7D`, "")
	if n := strings.Count(string(some.body), "\n"); n != 3 { // 3, 10, 17
		t.Errorf("%d events of stream s3 with n < 20: %s", n, some)
	}
}

// TestCells: a file of others' text does nothing where it is looked at.
func TestCells(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "a=1": "a=1", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@sum": "'@sum", "\t=1": `\t=1`, "\r": `\r`, "é": "é",
		"a\x1b]0;x\a": `a\u001b]0;x\u0007`, "\u202e": `\u202e`, "a\r\nb": `a\r\nb`, "\u009b2J": `\u009b2J`,
	} {
		if got := cell(given); got != want {
			t.Errorf("cell(%q) = %q, want %q", given, got, want)
		}
	}
	r := start(t, Options{})
	const evil = `a\u001b[2J\u0007\r\n\u202eb\u009b2J`
	r.must(201, "POST", "/v1/instances/x/events?auto_create=true", strings.ReplaceAll(`{"id":"E","event_type":"E","stream_id":"E","actor":"E","subject":"E","payload":{"E":"E\u202e"},"metadata":{"m":"E"}}`, "E", evil))
	sheet := r.must(200, "GET", "/v1/instances/x/export?format=csv", "")
	if n := bytes.Count(sheet.body, []byte("\n")); n != 2 || strings.ContainsFunc(strings.ReplaceAll(string(sheet.body), "\n", ""), inert.Hostile) {
		t.Errorf("%d lines: %q", n, sheet.body)
	}
	rows, err := csv.NewReader(bytes.NewReader(sheet.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var payload map[string]string
	if err := json.Unmarshal([]byte(rows[1][11]), &payload); err != nil || payload["a\x1b[2J\a\r\n\u202eb\u009b2J"] != "a\x1b[2J\a\r\n\u202eb\u009b2J\u202e" {
		t.Errorf("the payload %s has another value, %v", rows[1][11], err)
	}
}
