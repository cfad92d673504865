package server

import (
	"net/http/httptest"
	"net/url"
	"strings"
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

func TestAllowedOriginsAreChecked(t *testing.T) {
	for given, says := range map[string]string{
		"https://app.example": "", "https://app.example/": "", "http://10.0.0.1:8080": "", "https://[2001:db8::1]:8443": "",
		"app.example": "must be scheme://host", "ftp://app.example": "must begin with http://", "https://x@app.example": "without a user",
		"https://app.example/x": "must end behind the host", "https://app.example?x": "must end behind the host", "https://bücher.example": "xn--",
		"https://app.example:0": "1 to 65535", "https://app.example:99999": "1 to 65535", "*": "must be scheme://host", "https://*.example": "xn--", "null": "must be scheme://host",
	} {
		err := (Options{AllowedOrigins: []string{given}}).withDefaults().Validate()
		if (err == nil) != (says == "") || (err != nil && !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", given, err, says)
		}
	}
}

// FuzzOrigin: what is taken for an origin is one, and only once spelled.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"http://localhost:7070", "https://x@y", "http://[::1]", "http://a:80", "http://a/..", "http://a:b:80", "http://[::1%25eth0]:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, ok := parseOrigin(text)
		if !ok {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
			t.Errorf("%q is taken for %+v", text, o)
		}
		again, ok := parseOrigin(o.scheme + "://" + o.host + ":" + o.port)
		if !ok || again != o {
			t.Errorf("%q is %+v and then %+v, %v", text, o, again, ok)
		}
	})
}
