package main

import (
	"context"
	"database/sql"
	"encoding/json/v2"
	"path/filepath"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/bench/gen"
	"github.com/firnlog/firn/event"
)

// A data directory is an open format: DuckDB reads it as it stands, and finds
// in it what Firn was given.
func TestDuckDBReadsADataDirectory(t *testing.T) {
	dir := t.TempDir()
	const events = 3_000
	instance, statusSum := writeLog(t, dir, events)

	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	from := `from read_parquet('` + filepath.Join(dir, "log", "instances", instance, "segments", "*.parquet") + `', union_by_name=true)`
	for _, c := range []struct {
		query string
		want  int64
	}{
		{`select count(*) ` + from, events},
		{`select count(distinct position) ` + from, events},
		{`select min(position) ` + from, 1},
		{`select sum("payload.status")::bigint ` + from, statusSum},
		{`select count(*) ` + from + ` where "payload.geo.city" is not null and event_type not in ('page.viewed','query.executed','message.sent','file.uploaded','payment.captured')`, 0},
		{`select count(*) ` + from + ` where timestamp < timestamptz '2026-01-01 00:00:00Z' or timestamp > timestamptz '2026-01-02 00:00:00Z'`, 0},
		{`select count(*) from (select stream_id, max(sequence_number) m, count(*) n ` + from + ` group by 1) where m <> n`, 0},
		{`select count(*) ` + from + ` where recorded_at is null or severity is null or event_type is null`, 0},
	} {
		var got int64
		if err := db.QueryRow(c.query).Scan(&got); err != nil {
			t.Errorf("%s: %v", c.query, err)
		} else if got != c.want {
			t.Errorf("%s: %d, want %d", c.query, got, c.want)
		}
	}
}

// writeLog makes a log of sealed events and returns the instance's id and the
// sum of payload.status.
func writeLog(t *testing.T, dir string, events int) (instance string, sum int64) {
	t.Helper()
	ctx := context.Background()
	log, err := firn.Open(dir, firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for i, batch := range gen.Batches(3, 50, events, 500, false) {
		rs, err := rows(batch)
		if err != nil {
			t.Fatal(err)
		}
		drafts := make([]event.Draft, len(rs))
		for j, r := range rs {
			severity, ok := event.ParseSeverity(r.Severity)
			if !ok {
				t.Fatalf("severity %q", r.Severity)
			}
			drafts[j] = event.Draft{StreamID: r.Stream, EventType: r.Type, Timestamp: r.Timestamp, Severity: severity, Actor: r.Actor, Payload: r.Payload, Metadata: r.Metadata}
			sum += statusOf(t, r)
		}
		if _, err := log.Append(ctx, firn.AppendRequest{Instance: "bench", Events: drafts, AutoCreate: true}); err != nil {
			t.Fatal(err)
		}
		if i%3 == 2 { // several segments
			if err := log.Seal(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	in, err := log.Instance("bench")
	if err != nil {
		t.Fatal(err)
	}
	return in.ID, sum
}
func statusOf(t *testing.T, r row) int64 {
	t.Helper()
	var p struct {
		Status int64 `json:"status"`
	}
	if err := json.Unmarshal(r.Payload, &p); err != nil {
		t.Fatal(err)
	}
	return p.Status
}
