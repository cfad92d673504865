package client

import (
	"context"
	"net/http"
	"net/url"
)

// ImportState is what has become of an import.
type ImportState string

// The states of an import.
const (
	ImportStarted   ImportState = "started"
	ImportCompleted ImportState = "completed"
	ImportFailed    ImportState = "failed"
)

// Import is what an import says of itself.
type Import struct {
	// Job is a name for this one run: at most 64 of the characters A–Z a–z 0–9 . _ -
	Job   string
	State ImportState
	// Source is what is imported, such as a file's name, at most 512 bytes.
	// Default: not said.
	Source string
	// Records and Duplicates are how many events were stored and how many were
	// there already; of ImportCompleted.
	Records, Duplicates int64
	// Error says why it failed, at most 4096 bytes; of ImportFailed.
	Error string
}

// RecordImport records in the instance system how an import into an instance
// goes: backfill.started, backfill.completed or backfill.failed. autoCreate makes
// the instance if there is none of that name. Sent again, it records nothing
// twice; a job that says something else of its beginning or end than before is
// refused with an id_conflict. A server that is older than this answers not_found.
func (c *Client) RecordImport(ctx context.Context, instance string, said Import, autoCreate bool) error {
	body := struct {
		State      ImportState `json:"state"`
		Job        string      `json:"job_id"`
		Source     string      `json:"source,omitzero"`
		Records    *int64      `json:"total_records,omitzero"`
		Duplicates *int64      `json:"duplicates,omitzero"`
		Error      string      `json:"error,omitzero"`
	}{State: said.State, Job: said.Job, Source: said.Source, Error: said.Error}
	if said.State == ImportCompleted {
		body.Records, body.Duplicates = &said.Records, &said.Duplicates
	}
	query := url.Values{}
	if autoCreate {
		query.Set("auto_create", "true")
	}
	return c.json(ctx, call{method: http.MethodPost, path: []string{"v1", "instances", instance, "imports"}, query: query, repeatable: true}, body, nil)
}
