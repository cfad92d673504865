package server

import (
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	r := start(t, Options{AllowedHosts: []string{"firn.example", "proxy.example:8443"}, AllowedOrigins: []string{"https://app.example"}})
	own := strings.TrimPrefix(r.url, "http://")
	for _, x := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"own name", nil, 200},
		{"localhost", []string{"Host", "localhost:7070"}, 200},
		{"localhost without a port", []string{"Host", "LOCALHOST"}, 200},
		{"IPv6 loopback", []string{"Host", "[::1]:7070"}, 200},
		{"another loopback address", []string{"Host", "127.9.9.9"}, 200},
		{"allowed host", []string{"Host", "firn.example"}, 200},
		{"allowed host, any port", []string{"Host", "firn.example:80"}, 200},
		{"allowed host and port", []string{"Host", "proxy.example:8443"}, 200},
		{"other port of it", []string{"Host", "proxy.example:80"}, 403},
		{"rebound name", []string{"Host", "evil.example:7070"}, 403},
		{"name that begins like ours", []string{"Host", "localhost.evil.example"}, 403},
		{"name that ends like ours", []string{"Host", "evil.localhost"}, 403},
		{"address of another machine", []string{"Host", "10.0.0.1"}, 403},
		{"all addresses", []string{"Host", "0.0.0.0"}, 403},
		{"own page", []string{"Origin", r.url, "Sec-Fetch-Site", "same-origin"}, 200},
		{"allowed site", []string{"Origin", "https://app.example", "Sec-Fetch-Site", "cross-site"}, 200},
		{"other site", []string{"Origin", "https://evil.example"}, 403},
		{"other port of this machine", []string{"Origin", "http://localhost:3000"}, 403},
		{"opaque origin", []string{"Origin", "null"}, 403},
		{"file", []string{"Origin", "file://"}, 403},
		{"other scheme", []string{"Origin", "ftp://" + own}, 403},
		{"cross-site without origin", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"same-site without origin", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"followed link", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200},
		{"typed address", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200},
	} {
		for _, path := range []string{"/healthz", "/v1/instances", "/metrics"} {
			answer := r.ask("GET", path, "", x.headers...)
			if answer.status != x.status {
				t.Errorf("%s, GET %s: %d, want %d", x.name, path, answer.status, x.status)
			}
			if x.status == 403 {
				answer.problem(t)
			}
		}
	}
	r.must(403, "POST", "/v1/instances", `{"name":"x"}`, "Origin", "https://evil.example")
	r.must(403, "GET", "/nothing", "", "Host", "evil.example")
}

func TestRequestID(t *testing.T) {
	r := start(t, Options{})
	for given, kept := range map[string]bool{
		"abc-1.2:3_X": true, "": false, "a b": false, "ä": false, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false,
	} {
		answer := r.must(200, "GET", "/healthz", "", "X-Request-Id", given)
		got := answer.header.Get("X-Request-Id")
		if (got == given) != kept || !saneID(got) {
			t.Errorf("X-Request-Id %q is answered by %q", given, got)
		}
	}
}
