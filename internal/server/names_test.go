package server

import (
	"bufio"
	"encoding/json/v2"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/internal/auth"
)

// oddNames are names that a path would lose, were they not percent-encoded.
var oddNames = []string{"/", ".", "..", "a/b", "../x", "a/../b", "//", "%", "%2F", "%2e%2e", "?", "#", "a b", "+", "ä", ";", ":", "\\", "*", "{id}", "..."}

// spelled is a name as a segment of a path. Dots are encoded where they are all
// there is to a name: what is sent as it stands is then no step upwards.
func spelled(name string) string {
	if strings.Trim(name, ".") == "" {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

// raw sends a request whose path nobody cleans on the way.
func (r *running) raw(method, path, body string, headers ...string) reply {
	r.t.Helper()
	conn, err := (&net.Dialer{Timeout: time.Minute}).DialContext(r.t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.URL.Opaque = path
	if body != "" {
		req.Header.Set("Content-Type", jsonMedia)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if err := req.Write(conn); err != nil {
		_ = conn.Close()
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		_ = conn.Close()
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	defer conn.Close() // before, so that nothing more is read
	answer := reply{status: resp.StatusCode, header: resp.Header}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), sseMedia) { // which does not end
		if answer.body, err = io.ReadAll(resp.Body); err != nil {
			r.t.Fatal(err)
		}
	}
	return answer
}

// TestOddNamesInPaths reaches instances, events, event types and schemes by names
// that have a meaning in paths, on every route that takes one.
func TestOddNamesInPaths(t *testing.T) {
	r := start(t, Options{})
	quote := func(s string) string { text, _ := json.Marshal(s); return string(text) }
	for _, name := range oddNames {
		in := "/v1/instances/" + spelled(name)
		r.must(201, "POST", "/v1/instances", `{"name":`+quote(name)+`}`)
		for _, id := range oddNames {
			r.must(201, "POST", "/v1/instances/system/events", `{"id":`+quote(name+id)+`,"event_type":"x"}`)
			got := r.raw("POST", in+"/events", `{"id":`+quote(id)+`,"event_type":`+quote(id)+`}`)
			if got.status != 201 {
				t.Fatalf("append to %q: %s", name, got)
			}
			if got = r.raw("GET", in+"/events/"+spelled(id), ""); got.status != 200 || !strings.Contains(string(got.body), `"id":`+quote(id)+`,`) {
				t.Errorf("event %q of %q: %s", id, name, got)
			}
		}
		for i := range r.routes {
			row := &r.routes[i]
			if row.method != "GET" || !strings.HasPrefix(row.path, instancePath) || strings.Contains(row.path, "{id}") {
				continue
			}
			if got := r.raw("GET", strings.Replace(row.path, "{instance}", spelled(name), 1), ""); got.status != 200 {
				t.Errorf("GET %s of %q: %s", row.path, name, got)
			}
		}
		r.must(200, "POST", "/v1/query", `{"from":{"instance":`+quote(name)+`}}`)
		r.must(200, "GET", "/admin/events?instance="+url.QueryEscape(name), "")
		if got := r.raw("PATCH", in, `{"description":"odd"}`); got.status != 200 {
			t.Errorf("PATCH of %q: %s", name, got)
		}
		if got := r.raw("POST", in+"/imports", `{"state":"started","job_id":"j"}`); got.status != 204 {
			t.Errorf("import into %q: %s", name, got)
		}
		if all := systemEvents(r, "backfill.started"); !strings.Contains(string(all[len(all)-1].Payload), `"instance":`+quote(name)+`}`) {
			t.Errorf("import into %q: recorded %s", name, all[len(all)-1].Payload)
		}
		if got := r.raw("PUT", "/v1/catalog/"+spelled(name), `{"description":"odd"}`); got.status != 201 {
			t.Errorf("PUT of type %q: %s", name, got)
		}
		if got := r.raw("GET", "/v1/catalog/"+spelled(name), ""); got.status != 200 || !strings.Contains(string(got.body), `{"type":`+quote(name)+`,`) {
			t.Errorf("GET of type %q: %s", name, got)
		}
		if got := r.raw("DELETE", "/v1/catalog/"+spelled(name), ""); got.status != 204 {
			t.Errorf("DELETE of type %q: %s", name, got)
		}
		scheme := `{"id":` + quote(name) + `,"version":1,"events":[]}`
		r.must(201, "POST", "/debug/schemes", scheme)
		for _, path := range []string{"/debug/schemes/" + spelled(name), "/_profile/?id=" + url.QueryEscape(name)} {
			if got := r.raw("GET", path, ""); got.status != 200 || strings.TrimSpace(string(got.body)) != scheme {
				t.Errorf("GET %s: %s", path, got)
			}
		}
		if got := r.raw("DELETE", in, ""); got.status != 204 {
			t.Errorf("DELETE of %q: %s", name, got)
		}
	}
}

// TestPathsAreNotCleaned: what is not encoded is no way to another path, and a
// key for an instance does not reach another by a crooked one.
func TestPathsAreNotCleaned(t *testing.T) {
	r := start(t, Options{})
	shop, _ := r.instance("shop"), r.instance("audit")
	_, secret := r.key(auth.NewKey{Instances: []string{shop}})
	for _, path := range []string{
		"/v1/instances/shop/../audit/events", "/v1/instances/shop/%2E%2E/audit/events", "/v1/instances/shop%2F..%2Faudit/events", "/v1/instances//audit/events",
		"/v1/instances/./audit/events", "/v1//instances/audit", "/v1/instances/audit%00/events", "/v1/instances/audit%2Fevents",
		"/v1/instances/%61udit/events", "/v1/instances/audit;x/events", "/v1/../v1/instances/audit/events", "/%2e%2e/v1/instances/audit/events",
	} {
		got := r.raw("GET", path, "", bearer(secret)...)
		if got.status != 404 || got.header.Get("Location") != "" {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := r.raw("GET", "/v1/instances/%73hop/events", "", bearer(secret)...); got.status != 200 {
		t.Errorf("a letter that is encoded: %s", got)
	}
}
