package server

import (
	"bytes"
	"encoding/json/v2"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// fuzzServer is a server whose handler is called without a network.
func fuzzServer(f *testing.F) *Server {
	f.Helper()
	log, err := firn.Open(f.TempDir(), firn.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = log.Close() })
	s := New(log, Options{Limits: event.Limits{BatchBytes: 1 << 20}, BodyMemory: 4 << 20, Logger: slog.New(slog.DiscardHandler)})
	if _, err := log.CreateInstance(f.Context(), firn.Instance{Name: "fuzz"}); err != nil {
		f.Fatal(err)
	}
	return s
}

// call answers a request; an answer must be a success or a problem, never a
// fault of the server.
func (s *Server) call(t *testing.T, request *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	request.Host = "localhost"
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if cause := recover(); cause != nil && cause != http.ErrAbortHandler { //nolint:errorlint // a panic value
				panic(cause)
			}
		}()
		s.handler.ServeHTTP(w, request)
	}()
	if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
		t.Fatalf("%s %s: %d %s", request.Method, request.URL, w.Code, w.Body)
	}
	if w.Code >= 400 {
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code {
			t.Fatalf("%d %s is no problem: %v", w.Code, w.Body, err)
		}
	}
	return w
}

func FuzzAppendBody(f *testing.F) {
	for _, seed := range []string{
		`{"event_type":"a"}`, `[{"event_type":"a","id":"x"},{"event_type":"b"}]`, "{\"event_type\":\"a\"}\n{\"event_type\":\"b\"}\n", "\n\n", "[]", "{",
		`{"event_type":"a","payload":{"a":1,"a":2}}`, "\x1f\x8b\x08", "\x28\xb5\x2f\xfd\x04\x00",
	} {
		for mode := range byte(6) {
			f.Add([]byte(seed), mode)
		}
	}
	s := fuzzServer(f)
	f.Fuzz(func(t *testing.T, body []byte, mode byte) {
		request := httptest.NewRequest("POST", "/v1/instances/fuzz/events", bytes.NewReader(body))
		request.Header.Set("Content-Type", []string{jsonMedia, ndjsonMedia}[mode%2])
		request.Header.Set("Content-Encoding", []string{"identity", "gzip", "zstd"}[mode/2%3])
		if mode/6%2 == 1 { // of unknown length
			request.ContentLength, request.Body = -1, io.NopCloser(io.MultiReader(bytes.NewReader(body)))
		}
		w := s.call(t, request)
		if w.Code < 300 && mode%2 == 0 && mode/2%3 == 0 {
			if drafts, err := event.ParseBatch(bytes.Clone(body), s.opts.Limits); err != nil {
				t.Fatalf("%q was stored as %d events, but %v", body, len(drafts), err)
			}
		}
	})
}

func FuzzParameters(f *testing.F) {
	for _, x := range exchanges {
		if _, query, ok := strings.Cut(x.path, "?"); ok {
			f.Add(query)
		}
	}
	f.Add(`where=[{"field":"payload.a[0]","operator":"matches","value":"(a*)*"}]&since=now-1d`)
	s := fuzzServer(f)
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/events", "/streams", "/export", "/stats"} {
			request := httptest.NewRequest("GET", "/v1/instances/fuzz"+path, nil)
			request.URL.RawQuery = query
			s.call(t, request)
		}
	})
}

func FuzzQueryBody(f *testing.F) {
	for _, x := range exchanges {
		if x.path == "/v1/query" && len(x.body) < 1000 {
			f.Add([]byte(x.body))
		}
	}
	s := fuzzServer(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		request := httptest.NewRequest("POST", "/v1/query", bytes.NewReader(body))
		request.Header.Set("Content-Type", jsonMedia)
		s.call(t, request)
	})
}

func FuzzInstanceBody(f *testing.F) {
	for _, x := range exchanges {
		if x.path == "/v1/instances" && len(x.body) < 1000 {
			f.Add([]byte(x.body))
		}
	}
	s := fuzzServer(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		request := httptest.NewRequest("PATCH", "/v1/instances/none", bytes.NewReader(body))
		request.Header.Set("Content-Type", jsonMedia)
		s.call(t, request)
	})
}
