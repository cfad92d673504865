package server

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
)

// benchLog is a server before a log of n sealed events.
func benchLog(b *testing.B, n int, seal bool) *Server {
	b.Helper()
	log, err := firn.Open(b.TempDir(), firn.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	s := New(log, Options{Listen: []string{"127.0.0.1:0"}})
	if err := s.Listen(b.Context()); err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Run(b.Context()) }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	lines := benchEvents(10_000, true)
	for range n / 10_000 {
		response, err := client.Post(s.URL()+"/v1/instances/bench/events?auto_create=true", ndjsonMedia, strings.NewReader(lines))
		if err != nil || response.StatusCode != 200 {
			b.Fatal(response, err)
		}
		_ = response.Body.Close()
	}
	if seal {
		if err := log.Seal(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkRead is what it costs to read 200,000 events over loopback, from
// segments and from memory.
func BenchmarkRead(b *testing.B) {
	const events = 200_000
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, seal := range []bool{true, false} {
		s := benchLog(b, events, seal)
		name := map[bool]string{true: "sealed/", false: "head/"}[seal]
		for path, ends := range map[string]string{
			"tail?after=0":          "id: 200000",
			"export?format=ndjson":  "",
			"export?format=csv":     "",
			"export?format=parquet": "",
			"events?limit=10000":    "",
		} {
			b.Run(name+path, func(b *testing.B) {
				for b.Loop() {
					response, err := client.Get(s.URL() + "/v1/instances/bench/" + path)
					if err != nil {
						b.Fatal(err)
					}
					if ends == "" {
						n, _ := io.Copy(io.Discard, response.Body)
						b.SetBytes(n)
					}
					for in := bufio.NewScanner(response.Body); ends != "" && in.Scan() && in.Text() != ends; {
					}
					_ = response.Body.Close()
				}
				if !strings.HasPrefix(path, "events") {
					b.ReportMetric(float64(b.N)*events/b.Elapsed().Seconds(), "events/s")
				}
			})
		}
	}
}
