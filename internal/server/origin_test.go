package server

import (
	"net/http/httptest"
	"testing"
)

func TestOriginsAreComparedExactly(t *testing.T) {
	for _, x := range []struct {
		origin, host, forwarded string
		allowed                 bool
	}{
		{"http://localhost:7070", "localhost:7070", "", true},
		{"HTTP://LocalHost:7070", "localhost:7070", "", true},
		{"http://localhost:7070", "LOCALHOST:7070", "", true},
		{"https://firn.example", "firn.example", "", true},
		{"https://firn.example", "firn.example", "https", true},
		{"http://firn.example", "firn.example", "https", false},
		{"https://firn.example", "firn.example:443", "", true},
		{"https://firn.example:443", "firn.example", "", true},
		{"http://firn.example:80", "firn.example", "", true},
		{"http://firn.example", "firn.example:80", "", true},
		{"http://firn.example", "firn.example:443", "", false},
		{"https://firn.example", "firn.example:80", "", false},
		{"http://firn.example:7070", "firn.example", "", false},
		{"http://[::1]:7070", "[::1]:7070", "", true},
		{"http://[0:0:0:0:0:0:0:1]:7070", "[::1]:7070", "", true},
		{"http://127.0.0.1:7070", "localhost:7070", "", false},
		{"http://localhost:3000", "localhost:7070", "", false},
		{"http://user@localhost:7070", "localhost:7070", "", false},
		{"http://user:pw@localhost:7070", "localhost:7070", "", false},
		{"http://localhost:7070@evil.example", "localhost:7070", "", false},
		{"http://localhost:7070/", "localhost:7070", "", false},
		{"http://localhost:7070/path", "localhost:7070", "", false},
		{"http://localhost:7070?x", "localhost:7070", "", false},
		{"http://localhost:7070#x", "localhost:7070", "", false},
		{"http://localhost:07070", "localhost:7070", "", false},
		{"http://localhost:", "localhost", "", false},
		{"http://localhost.:7070", "localhost:7070", "", false},
		{"http://localho\u017ft:7070", "localhost:7070", "", false},
		{"http://localhost:7070 http://evil.example", "localhost:7070", "", false},
		{"ftp://localhost:7070", "localhost:7070", "", false},
		{"//localhost:7070", "localhost:7070", "", false},
		{"http:localhost:7070", "localhost:7070", "", false},
		{"null", "localhost:7070", "", false},
		{"https://app.example", "localhost:7070", "", true},
		{"https://app.example:443", "localhost:7070", "", true},
		{"https://APP.example", "localhost:7070", "", true},
		{"http://app.example", "localhost:7070", "", false},
		{"https://app.example:8443", "localhost:7070", "", false},
		{"https://app.example.evil.example", "localhost:7070", "", false},
		{"https://evil.app.example", "localhost:7070", "", false},
		{"https://x@app.example", "localhost:7070", "", false},
		{"https://other.example:8443", "localhost:7070", "", true},
		{"https://other.example", "localhost:7070", "", false},
	} {
		s := &Server{opts: Options{AllowedOrigins: []string{"https://app.example/", "https://Other.example:8443"}}}
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = x.host
		r.Header.Set("Origin", x.origin)
		if x.forwarded != "" {
			r.Header.Set("X-Forwarded-Proto", x.forwarded)
		}
		if got := s.originsAllowed(r); got != x.allowed {
			t.Errorf("Origin %s at %s: %v", x.origin, x.host, got)
		}
		r.Header.Add("Origin", "https://evil.example")
		if s.originsAllowed(r) {
			t.Errorf("Origin %s and another are allowed", x.origin)
		}
	}
}
