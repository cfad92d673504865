package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/firnlog/firn/webdebug"
)

// TestShop visits every page and looks at what Firn is told.
func TestShop(t *testing.T) {
	slog.SetDefault(slog.New(webdebug.WrapLog(slog.DiscardHandler, slog.LevelDebug)))
	for _, c := range []struct {
		method, path string
		form         url.Values
		status       int
		says, did    string
	}{
		{"GET", "/", nil, 200, "Ice axe", "request middleware[query log template] response"},
		{"GET", "/articles/2", nil, 200, "what this request did", "request middleware[access_check query log template] response"},
		{"GET", "/articles/9", nil, 404, "not found", "request middleware[access_check query log] response"},
		{"POST", "/orders", url.Values{"article": {"2"}, "email": {"ada@example.com"}}, 303, "", "request middleware[event[query query query email]] response"},
		{"GET", "/broken", nil, 500, "problem", "request middleware[query[log] log] response"},
	} {
		t.Run(c.path, func(t *testing.T) {
			status, text, scheme := visit(t, c.method, c.path, c.form)
			if status != c.status || !strings.Contains(text, c.says) {
				t.Errorf("%d %s; want %d and %q", status, text, c.status, c.says)
			}
			if got := outline(scheme.Events); got != c.did {
				t.Errorf("did %s; want %s", got, c.did)
			}
			for _, e := range scheme.Events[1].Nested {
				if e.CalledFrom == nil || e.CalledFrom.File != "/shop.go" {
					t.Errorf("%s was called from %+v", e.Type, e.CalledFrom)
				}
			}
		})
	}
}

// visit serves one request with a Firn that is only a receiver.
func visit(t *testing.T, method, path string, form url.Values) (status int, text string, scheme webdebug.Scheme) {
	t.Helper()
	arrived := make(chan []byte, 1)
	firn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- body
		w.WriteHeader(http.StatusCreated)
	}))
	defer firn.Close()
	s, err := openShop()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.db.Close() }()
	debug := webdebug.New(webdebug.Options{Server: firn.URL})
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	debug.Handler(s.handler()).ServeHTTP(w, r)
	if err := scheme.UnmarshalJSON(<-arrived); err != nil {
		t.Fatal(err)
	}
	if err := debug.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return w.Code, w.Body.String(), scheme
}

// outline is the types of events, nested ones in brackets.
func outline(events []webdebug.Event) string {
	types := make([]string, len(events))
	for i, e := range events {
		if types[i] = e.Type; len(e.Nested) > 0 {
			types[i] += "[" + outline(e.Nested) + "]"
		}
	}
	return strings.Join(types, " ")
}
