package main

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/firnlog/firn/bench/gen"
)

// engine is a store under measurement.
type engine interface {
	// Version names the engine's version and settings.
	Version() string
	// Load stores the batches one after the other, each durable before the
	// next where the engine can, and returns how long that took.
	Load(ctx context.Context, batches [][]byte) (time.Duration, error)
	// Settle waits until background work (sealing, checkpoints) is done.
	Settle(ctx context.Context) error
	// Ask answers a question as text that is the same for every engine.
	Ask(ctx context.Context, q question) (string, error)
	// Bytes is what the engine holds on disk.
	Bytes() (int64, error)
	Close() error
}

func openEngine(ctx context.Context, c config, name string) (engine, error) {
	switch name {
	case "firn":
		return openFirn(ctx, c, filepath.Join(c.dir, "firn"))
	case "sqlite":
		return openSQLite(filepath.Join(c.dir, "sqlite.db"))
	case "duckdb":
		return openDuckDB(filepath.Join(c.dir, "duck.db"))
	case "postgres":
		return openPostgres(ctx, filepath.Join(c.dir, "postgres"))
	}
	return nil, fmt.Errorf("%q is no engine; one of firn, sqlite, duckdb, postgres", name)
}

// row is a generated event as the SQL engines take it.
type row struct {
	Stream    string         `json:"stream_id"`
	Type      string         `json:"event_type"`
	Timestamp time.Time      `json:"timestamp"`
	Severity  string         `json:"severity"`
	Actor     *string        `json:"actor"`
	Payload   jsontext.Value `json:"payload"`
	Metadata  jsontext.Value `json:"metadata"`
}

// rows parses one batch. SQL engines are given parsed rows: their clocks run
// only while they store.
func rows(batch []byte) ([]row, error) {
	var out []row
	for line := range strings.Lines(string(batch)) {
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// dirBytes is the size of every file below dir.
func dirBytes(dir string) (int64, error) {
	var n int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a file that has been replaced meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		} else if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return n, err
}

// question is one query, in each engine's language. The SQL ones share a text
// in which {path} stands for the engine's way to reach a payload field.
type question struct {
	name string
	goal time.Duration // DESIGN, per million events
	dsl  string
	sql  string
	// shape says how rows become an answer: "pairs" (key, number), "number",
	// "rows" (only how many rows came).
	shape string
}

func questions(c config) []question {
	needle := gen.RareSession(int64(c.events) * 2 / 3)
	stream := gen.StreamName(40)
	return []question{
		{"count by type", 2 * time.Millisecond,
			`{"from":{"instance":"bench"},"reduce":{"type":"count","groupBy":["event_type"]}}`,
			`select event_type, count(*) from events group by event_type`, "pairs"},
		{"avg of a payload field by type", 6 * time.Millisecond,
			`{"from":{"instance":"bench"},"reduce":{"type":"avg","field":"payload.duration_ms","groupBy":["event_type"]}}`,
			`select event_type, avg({num:duration_ms}) from events group by event_type`, "pairs"},
		{"count where payload =", 4 * time.Millisecond,
			`{"from":{"instance":"bench"},"where":[{"field":"payload.status","operator":"eq","value":404}],"reduce":{"type":"count"}}`,
			`select count(*) from events where {num:status} = 404`, "number"},
		{"substring in a payload field", 35 * time.Millisecond,
			`{"from":{"instance":"bench"},"where":[{"field":"payload.message","operator":"contains","value":"` + gen.Needle + `"}],"reduce":{"type":"count"}}`,
			`select count(*) from events where {text:message} like '%` + gen.Needle + `%'`, "number"},
		{"rare value", 1500 * time.Microsecond,
			`{"from":{"instance":"bench"},"where":[{"field":"payload.session","operator":"eq","value":"` + needle + `"}],"reduce":{"type":"count"}}`,
			`select count(*) from events where {text:session} = '` + needle + `'`, "number"},
		{"latest 100 of a stream", 2 * time.Millisecond,
			`{"from":{"instance":"bench","stream":"` + stream + `"},"orderBy":{"field":"sequence_number","direction":"desc"},"limit":100,"total":false}`,
			`select * from events where stream = '` + stream + `' order by position desc limit 100`, "rows"},
	}
}
