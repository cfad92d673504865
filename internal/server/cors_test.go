package server

import (
	"strings"
	"testing"

	"github.com/firnlog/firn/internal/auth"
)

func TestAllowedOriginsMayRead(t *testing.T) {
	r := start(t, Options{AllowedOrigins: []string{"https://app.example"}})
	r.instance("shop")
	const path = "/v1/instances/shop/events"
	for origin, shared := range map[string]bool{"": false, "https://app.example": true, r.url: false} {
		var headers []string
		if origin != "" {
			headers = []string{"Origin", origin}
		}
		got := r.must(200, "GET", path, "", headers...).header
		if allowed := got.Get("Access-Control-Allow-Origin"); (allowed != "") != shared || (shared && (allowed != origin || got.Get("Vary") != "Origin")) || got.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("from %q: %v", origin, got)
		}
	}
	asked := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"}
	got := r.must(204, "OPTIONS", path, "", append([]string{"Origin", "https://app.example"}, asked...)...)
	if !strings.Contains(got.header.Get("Access-Control-Allow-Methods"), "POST") || !strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("a browser that asks first is told %v", got.header)
	}
	for _, headers := range [][]string{asked, append([]string{"Origin", r.url}, asked...), {"Origin", "https://app.example"}} {
		r.must(405, "OPTIONS", path, "", headers...)
	}
	if got := r.must(403, "OPTIONS", path, "", append([]string{"Origin", "https://evil.example"}, asked...)...); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another site is told %v", got.header)
	}
	// With keys the answer is still there to be read: a refusal too.
	r.key(auth.NewKey{})
	if got := r.must(401, "GET", path, "", "Origin", "https://app.example"); got.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("a refusal is told with %v", got.header)
	}
}
