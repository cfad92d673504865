package webdebug_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/firnlog/firn/internal/cputest"
	"github.com/firnlog/firn/webdebug"
)

// accepting is a server that takes every scheme.
type accepting struct{}

func (accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: http.StatusCreated, Body: http.NoBody, Request: r}, nil
}

// blank is a ResponseWriter that costs nothing.
type blank struct{ header http.Header }

func (w *blank) Header() http.Header         { return w.header }
func (w *blank) Write(p []byte) (int, error) { return len(p), nil }
func (w *blank) WriteHeader(int)             {}

func request() *http.Request {
	r := httptest.NewRequest("GET", "/articles/12?page=2&sort=date", nil)
	for name, value := range map[string]string{
		"Accept":          "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Accept-Encoding": "gzip, deflate, br", "Accept-Language": "en-GB,en;q=0.5", "Connection": "keep-alive",
		"Cookie": "session=0123456789abcdef; theme=dark", "Referer": "http://localhost:8080/articles",
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	} {
		r.Header.Set(name, value)
	}
	return r
}

func collector(b testing.TB, server string) *webdebug.Collector {
	c := webdebug.New(webdebug.Options{Server: server, App: "bench", HTTP: &http.Client{Transport: accepting{}}})
	b.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func serve(b *testing.B, server string, per float64, inside func(ctx context.Context)) {
	h := collector(b, server).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside(r.Context())
		w.WriteHeader(http.StatusOK)
	}))
	r := request()
	b.ReportAllocs()
	cputest.Report(b, per, func() {
		for b.Loop() {
			h.ServeHTTP(&blank{header: http.Header{}}, r)
		}
	})
}

func BenchmarkRequestOff(b *testing.B) { serve(b, "", 1, func(context.Context) {}) }
func BenchmarkRequestOn(b *testing.B) {
	serve(b, "http://firn.test", 1, func(context.Context) {})
}

const events = 100

func tenQueries(ctx context.Context) {
	for range events {
		webdebug.Add(ctx, webdebug.Query{Target: "mysql", Query: "SELECT id, title FROM articles WHERE id = ?", Syntax: "sql"})
	}
}

func BenchmarkEvents(b *testing.B) {
	logger := slog.New(webdebug.WrapLog(slog.DiscardHandler, slog.LevelDebug))
	for _, c := range []struct {
		name   string
		inside func(context.Context)
	}{
		{"Add", tenQueries},
		{"Start", func(ctx context.Context) {
			for range events {
				_, s := webdebug.Start(ctx, webdebug.Template{Name: "/templates/index.html"})
				s.End(nil)
			}
		}},
		{"Log", func(ctx context.Context) {
			for i := range events {
				logger.InfoContext(ctx, "an article was read", "id", i, "user", "ada")
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) { serve(b, "http://firn.test", events, c.inside) })
	}
}
