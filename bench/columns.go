package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
)

// columns tells what each column of the loaded log's segments takes on disk, as
// DuckDB reads it from their footers.
func columns(ctx context.Context, c config, r *report) error {
	segments := filepath.Join(c.dir, "firn", "log", "instances", "*", "segments", "*.parquet")
	if found, err := filepath.Glob(segments); err != nil || len(found) == 0 {
		return err // nothing was loaded in this run
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	var events int64
	if err := db.QueryRowContext(ctx, `select sum(num_rows) from parquet_file_metadata('`+segments+`')`).Scan(&events); err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, `select path_in_schema, sum(total_compressed_size)::bigint n from parquet_metadata('`+segments+`') group by 1 order by 2 desc`)
	if err != nil {
		return err
	}
	defer rows.Close()
	files, err := dirBytes(filepath.Join(c.dir, "firn", "log", "instances"))
	if err != nil {
		return err
	}
	var parts []string
	rest := float64(files) / float64(events)
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return err
		}
		each := float64(n) / float64(events)
		rest -= each
		parts = append(parts, fmt.Sprintf("%s %.2f", name, each))
	}
	r.columns = fmt.Sprintf("Bytes an event by column, of %d sealed events: %s. Footers, bloom filters, ids and stream journals: %.2f.",
		events, strings.Join(parts, ", "), rest)
	return rows.Err()
}
