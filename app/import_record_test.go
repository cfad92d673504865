package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/server"
)

// importer imports into the instance shop of a log of its own.
type importer struct {
	t    *testing.T
	log  *firn.Log
	env  *environment
	said bytes.Buffer
	sess *session
}

func newImporter(t *testing.T, wrap func(http.Handler) http.Handler) *importer {
	t.Helper()
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	web := httptest.NewServer(wrap(server.New(log, server.Options{Logger: slog.New(slog.DiscardHandler)}).Handler()))
	t.Cleanup(web.Close)
	cl, err := client.New(web.URL, client.Options{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	x := &importer{t: t, log: log}
	x.env = &environment{err: &x.said, ctx: t.Context()}
	x.sess = &session{client: cl, where: web.URL, env: x.env}
	return x
}

// run imports NDJSON as `firn import` does, and returns what it would explain.
func (x *importer) run(ctx context.Context, in io.Reader) error {
	c := &importCommand{Instance: "shop", Create: true, Batch: 1}
	im := &importing{importCommand: c, env: x.env, session: x.sess, name: "some/where/file.ndjson", src: newNDJSON(in, false), watch: c.watch(), bar: &progress{}}
	err := im.record(ctx)
	im.report(err)
	if err != nil {
		return im.explain(err)
	}
	return nil
}

// told is what system says of imports, without the names of the jobs, which
// are checked to be one for each beginning, and against the catalog.
func (x *importer) told() []string {
	x.t.Helper()
	types, err := catalog.Load()
	if err != nil {
		x.t.Fatal(err)
	}
	var told []string
	job := ""
	err = x.log.Scan(x.t.Context(), firn.SystemInstance, nil, 0, func(events []event.Event) error {
		for _, e := range events {
			if !strings.HasPrefix(e.EventType, "backfill.") {
				continue
			}
			if faults := types.Validate(e.EventType, e.Payload); len(faults) > 0 {
				x.t.Errorf("%s %s: %v", e.EventType, e.Payload, faults)
			}
			id, rest, _ := strings.Cut(strings.TrimPrefix(string(e.Payload), `{"job_id":"`), `",`)
			if (e.EventType == "backfill.started") == (id == job) {
				x.t.Errorf("%s of job %s after job %s", e.EventType, id, job)
			}
			job = id
			told = append(told, strings.TrimPrefix(e.EventType, "backfill.")+" {"+rest)
		}
		return nil
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return told
}

func same(h http.Handler) http.Handler { return h }

// TestInterruptedImportLeavesItsBeginning: the import that goes on is one of its
// own.
func TestInterruptedImportLeavesItsBeginning(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	posted := 0
	x := newImporter(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if strings.HasSuffix(r.URL.Path, "/events") {
				if posted++; posted == 1 {
					interrupt()
				}
			}
		})
	})
	lines := "{\"event_type\":\"a\"}\n{\"event_type\":\"b\"}\n"
	first, rest, _ := strings.Cut(lines, "\n")
	in, out := io.Pipe()
	go io.WriteString(out, first+"\n")
	err := x.run(ctx, in)
	out.Close()
	if err == nil || err.Error() != "interrupted" {
		t.Fatalf("run = %v, want interrupted", err)
	}
	const began = `started {"source":"file.ndjson","instance":"shop"}`
	if diff := cmp.Diff([]string{began}, x.told()); diff != "" {
		t.Errorf("after the interruption (-want +got):\n%s", diff)
	}
	if err := x.run(t.Context(), strings.NewReader(first+"\n"+rest)); err != nil {
		t.Fatal(err)
	}
	want := []string{began, began, `completed {"total_repos":1,"total_records":1,"duplicates":1,"source":"file.ndjson","instance":"shop"}`}
	if diff := cmp.Diff(want, x.told()); diff != "" {
		t.Errorf("after it went on (-want +got):\n%s", diff)
	}
}

func TestFailedImportSaysWhy(t *testing.T) {
	x := newImporter(t, same)
	if err := x.run(t.Context(), strings.NewReader("{\n")); err == nil {
		t.Fatal("no error")
	}
	if got := x.told(); len(got) != 0 {
		t.Errorf("nothing was begun, and there is no instance: recorded %q", got)
	}
	err := x.run(t.Context(), strings.NewReader("{\"event_type\":\"a\"}\n{\"event_type\":7}\n"))
	var f *failure
	if !errors.As(err, &f) || !strings.HasPrefix(err.Error(), "some/where/file.ndjson:2: ") {
		t.Fatalf("run = %v", err)
	}
	got := x.told()
	if len(got) != 2 || !strings.HasPrefix(got[1], `failed {"error":"file.ndjson:2: `) || !strings.HasSuffix(got[1], `,"source":"file.ndjson","instance":"shop"}`) {
		t.Errorf("recorded %q", got)
	}
	if err := x.run(t.Context(), strings.NewReader("{\n")); err == nil {
		t.Fatal("no error")
	}
	if got := x.told(); len(got) != 4 || !strings.HasPrefix(got[3], `failed {"error":"file.ndjson:1: `) {
		t.Errorf("of the first line, in an instance that is there: recorded %q", got)
	}
}

// TestImportIntoAnOlderServer: one that has no place for it takes the events,
// and the user hears of it.
func TestImportIntoAnOlderServer(t *testing.T) {
	asked := 0
	x := newImporter(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/imports") {
				asked++
				r.URL.Path = "/v1/nothing/of/that/kind"
			}
			next.ServeHTTP(w, r)
		})
	})
	if err := x.run(t.Context(), strings.NewReader("{\"event_type\":\"a\"}\n{\"event_type\":\"b\"}\n")); err != nil {
		t.Fatal(err)
	}
	if said := x.said.String(); asked != 2 || !strings.Contains(said, "imported 2 events into shop") || strings.Count(said, "older version") != 1 {
		t.Errorf("asked %d times, said:\n%s", asked, said)
	}
	if got := x.told(); len(got) != 0 {
		t.Errorf("recorded %q", got)
	}
}

// TestEndOfImportThatIsNotRecorded: the events are there, and that is said.
func TestEndOfImportThatIsNotRecorded(t *testing.T) {
	x := newImporter(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil && strings.Contains(string(body), `"state":"completed"`) {
				http.Error(w, "full", http.StatusInsufficientStorage)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	})
	err := x.run(t.Context(), strings.NewReader("{\"event_type\":\"a\"}\n"))
	if err == nil || !strings.Contains(err.Error(), "all is stored, but system could not be told that the import is done") {
		t.Errorf("run = %v", err)
	}
	if n, err := x.log.InstanceStats(t.Context(), "shop"); err != nil || n.Events != 1 {
		t.Errorf("%d events, %v", n.Events, err)
	}
}

func TestTextIsCutBetweenCharacters(t *testing.T) {
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aäb", 2, "a"}, {"aäb", 3, "aä"}, {"\xff", 3, "\ufffd"}, {"", 3, ""}} {
		if got := atMost(tt.in, tt.most); got != tt.want {
			t.Errorf("atMost(%q, %d) = %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
}
