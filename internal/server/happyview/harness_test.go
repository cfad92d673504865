package happyview_test

import (
	"encoding/json/v2"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server"
	"github.com/firnlog/firn/internal/server/happyview"
)

// net/http lingers for half a second on a connection that it cuts off.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(text string) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

// desk is a server that a test asks.
type desk struct {
	t      *testing.T
	log    *firn.Log
	server *server.Server
	clock  *clock
	url    string
	http   *http.Client
	key    string // what Authorization bears, if anything
}

func open(t *testing.T, opts happyview.Options) *desk {
	t.Helper()
	c := &clock{}
	c.set("2026-03-01T11:00:00Z")
	log, err := firn.Open(t.TempDir(), firn.Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(log, server.Options{HappyView: opts, Now: c.Now, Logger: slog.New(slog.DiscardHandler)})
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		web.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return &desk{t: t, log: log, server: s, clock: c, url: web.URL, http: web.Client()}
}

type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; headers are given as name, value, name, value…
func (d *desk) ask(method, path, body string, headers ...string) reply {
	d.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, content)
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if d.key != "" {
		request.Header.Set("Authorization", "Bearer "+d.key)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := d.http.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// row is an event as this door shows it.
type row struct {
	ID        string         `json:"id"`
	EventType string         `json:"event_type"`
	Severity  string         `json:"severity"`
	ActorDID  *string        `json:"actor_did"`
	Subject   *string        `json:"subject"`
	Detail    map[string]any `json:"detail"`
	CreatedAt time.Time      `json:"created_at"`
}

type page struct {
	Events []row   `json:"events"`
	Cursor *string `json:"cursor"`
}

// list asks for a page and returns it with the types of its events.
func (d *desk) list(query string) (page, []string) {
	d.t.Helper()
	answer := d.ask("GET", "/admin/events"+query, "")
	if answer.status != 200 {
		d.t.Fatalf("%s: %d %s", query, answer.status, answer.body)
	}
	var p page
	if err := json.Unmarshal([]byte(answer.body), &p, json.RejectUnknownMembers(true)); err != nil {
		d.t.Fatalf("%s: %v", answer.body, err)
	}
	types := []string{}
	for _, e := range p.Events {
		types = append(types, e.EventType)
	}
	return p, types
}

// put appends events to an instance.
func (d *desk) put(instance string, drafts ...event.Draft) {
	d.t.Helper()
	_, err := d.log.Append(d.t.Context(), firn.AppendRequest{Instance: instance, Events: drafts, AutoCreate: true})
	if err != nil {
		d.t.Fatal(err)
	}
}
