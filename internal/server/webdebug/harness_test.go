package webdebug_test

import (
	"encoding/json/v2"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/server"
	"github.com/firnlog/firn/internal/server/webdebug"
	"github.com/firnlog/firn/query"
)

// net/http lingers for half a second on a connection that it cuts off.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// desk is a server that a test asks.
type desk struct {
	t      *testing.T
	log    *firn.Log
	server *server.Server
	url    string
	http   *http.Client
	key    string
}

func open(t *testing.T, opts webdebug.Options) *desk {
	t.Helper()
	types, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	log, err := firn.Open(t.TempDir(), firn.Options{Limits: opts.Limits, Catalog: types})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(log, server.Options{WebDebug: opts, Limits: opts.Limits, Logger: slog.New(slog.DiscardHandler)})
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		web.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return &desk{t: t, log: log, server: s, url: web.URL, http: web.Client()}
}

func (d *desk) ask(method, path, body string) (status int, text string) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if d.key != "" {
		request.Header.Set("Authorization", "Bearer "+d.key)
	}
	response, err := d.http.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if status := response.StatusCode; status >= 400 && !strings.HasPrefix(string(got), `{"error":"`) {
		d.t.Errorf("%s %s: %d %s is not in the shape of errors", method, path, status, got)
	}
	return response.StatusCode, string(got)
}

// told is the answer to a scheme.
type told struct {
	SchemeID string `json:"scheme_id"`
	Events   []struct {
		ID        string `json:"id"`
		StreamID  string `json:"stream_id"`
		Sequence  int64  `json:"sequence_number"`
		Position  int64  `json:"position"`
		Timestamp string `json:"timestamp"`
		Duplicate bool   `json:"duplicate"`
	} `json:"events"`
	Warnings []struct{ Field, Message string } `json:"warnings"`
}

// put sends a scheme, which must be answered by status.
func (d *desk) put(status int, query, scheme string) told {
	d.t.Helper()
	got, text := d.ask("POST", "/debug/schemes"+query, scheme)
	if got != status {
		d.t.Fatalf("%.200s: %d %s; want %d", scheme, got, text, status)
	}
	var out told
	if err := json.Unmarshal([]byte(text), &out, json.RejectUnknownMembers(true), json.MatchCaseInsensitiveNames(true)); err != nil {
		d.t.Fatalf("%s: %v", text, err)
	}
	return out
}

// scheme asks for a scheme in both ways.
func (d *desk) scheme(id string) string {
	d.t.Helper()
	status, text := d.ask("GET", "/debug/schemes/"+id, "")
	if status != 200 {
		d.t.Fatalf("%s: %d %s", id, status, text)
	}
	if status, other := d.ask("GET", "/_profile/?id="+id, ""); status != 200 || other != text {
		d.t.Errorf("/_profile/?id=%s: %d %s, but /debug/schemes/%s: %s", id, status, other, id, text)
	}
	return text
}

// stored is what the log holds of an instance.
func (d *desk) stored(instance string) []event.Event {
	d.t.Helper()
	var all []event.Event
	err := d.log.Scan(d.t.Context(), instance, nil, 0, func(events []event.Event) error {
		for i := range events {
			e := events[i]
			e.Payload, e.Metadata = e.Payload.Clone(), e.Metadata.Clone()
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// append puts events into the instance debug past the door.
func (d *desk) append(drafts ...event.Draft) {
	d.t.Helper()
	if _, err := d.log.Append(d.t.Context(), firn.AppendRequest{Instance: webdebug.Instance, Events: drafts}); err != nil {
		d.t.Fatal(err)
	}
}

func instance(name string) firn.Instance { return firn.Instance{Name: name} }

func condition(t *testing.T, text string) query.Condition {
	t.Helper()
	c, err := query.ParseCondition([]byte(text), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
