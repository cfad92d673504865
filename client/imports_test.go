package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
)

// TestRecordImport: what is said is recorded once, also where the answer got
// lost, and no job ends twice.
func TestRecordImport(t *testing.T) {
	lose := true
	web, log := open(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if lose {
				lose = false
				next.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	})
	c := connect(t, web.URL, client.Options{})
	record := func(said client.Import, create bool) error {
		return c.RecordImport(t.Context(), "a/b", said, create)
	}
	for i, err := range []error{
		record(client.Import{Job: "1", State: client.ImportStarted, Source: "x.csv"}, true),
		record(client.Import{Job: "1", State: client.ImportCompleted, Source: "x.csv", Records: 7}, false),
		record(client.Import{Job: "2", State: client.ImportFailed, Error: "no"}, false),
	} {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	var answered *client.Error
	if err := record(client.Import{Job: "1", State: client.ImportFailed, Error: "no"}, false); !errors.As(err, &answered) || answered.Code != "id_conflict" {
		t.Errorf("a second end: %v", err)
	}
	if err := c.RecordImport(t.Context(), "none", client.Import{Job: "1", State: client.ImportStarted}, false); !errors.As(err, &answered) || answered.Code != "not_found" {
		t.Errorf("no instance: %v", err)
	}
	if err := record(client.Import{State: client.ImportStarted}, false); !errors.As(err, &answered) || answered.Code != "malformed" {
		t.Errorf("no job: %v", err)
	}
	var got []string
	err := log.Scan(t.Context(), firn.SystemInstance, nil, 0, func(events []event.Event) error {
		for _, e := range events {
			if e.EventType != "instance.created" {
				got = append(got, e.EventType+" "+string(e.Payload))
			}
		}
		return nil
	})
	want := []string{`backfill.started {"job_id":"1","source":"x.csv","instance":"a/b"}`,
		`backfill.completed {"job_id":"1","total_repos":1,"total_records":7,"duplicates":0,"source":"x.csv","instance":"a/b"}`,
		`backfill.failed {"job_id":"2","error":"no","instance":"a/b"}`}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, in system (-want +got):\n%s", err, diff)
	}
}
