package server

import (
	"strings"
	"testing"
)

// mailExchanges asks for mails, for the table of exchanges.
var mailExchanges = []exchange{
	{method: "POST", path: "/v1/instances/shop/events", status: 201, body: `{"id":"m1","event_type":"email","payload":{"subject":"Hello","body":"<h1>Hello John</h1>"}}`},
	{method: "GET", path: "/e/shop/m1/mail", status: 200, says: "<h1>Hello John</h1>", route: "GET /e/{instance}/{id}/mail"},
	{method: "GET", path: "/e/shop/m1/mail?images=remote", status: 200, says: "<h1>Hello John</h1>", route: "GET /e/{instance}/{id}/mail"},
	{method: "GET", path: "/e/shop/m1/mail?images=all", status: 400, code: "malformed", field: "images", route: "GET /e/{instance}/{id}/mail"},
	{method: "GET", path: "/e/shop/e1/mail", status: 404, code: "not_found", route: "GET /e/{instance}/{id}/mail"},
	{method: "GET", path: "/e/shop/none/mail", status: 404, code: "not_found", route: "GET /e/{instance}/{id}/mail"},
	{method: "GET", path: "/e/none/m1/mail", status: 404, code: "not_found", route: "GET /e/{instance}/{id}/mail"},
}

func TestMailsAreConfined(t *testing.T) {
	r := start(t, Options{})
	r.must(201, "POST", "/v1/instances/shop/events?auto_create=true", `[{"id":"html","event_type":"email","payload":{"body":"<p onclick=alert(1)>ü</p>"}},
		{"id":"plain","event_type":"email","payload":{"body":"1 < 2 & 3 > 2"}},{"id":"comment","event_type":"email","payload":{"body":"<!-- x -->"}},
		{"id":"reaching","event_type":"email","payload":{"body":"<iFrame src=x></IFRAME><frameset><frame/><a><LINK rel=preconnect></a><object><embed>"}}]`)
	for _, c := range []struct{ path, kind, images, body string }{
		{"/e/shop/html/mail", "text/html", "img-src data:;", "<p onclick=alert(1)>ü</p>"},
		{"/e/shop/html/mail?images=remote", "text/html", "img-src data: https:;", "<p onclick=alert(1)>ü</p>"},
		{"/e/shop/plain/mail", "text/plain", "img-src data:;", "1 < 2 & 3 > 2"},
		{"/e/shop/reaching/mail", "text/html", "img-src data:;", "<x-iFrame src=x></x-IFRAME><x-frameset><x-frame/><a><x-LINK rel=preconnect></a><x-object><x-embed>"},
		{"/e/shop/comment/mail", "text/html", "img-src data:;", "<!-- x -->"},
	} {
		answer := r.must(200, "GET", c.path, "")
		if string(answer.body) != c.body {
			t.Errorf("%s: %s, want %s", c.path, answer.body, c.body)
		}
		policy := answer.header.Get("Content-Security-Policy")
		for _, want := range []string{"sandbox;", "default-src 'none';", "style-src 'unsafe-inline';", c.images, "font-src data:;", "base-uri 'none';", "form-action 'none';", "frame-ancestors 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: Content-Security-Policy %q has no %s", c.path, policy, want)
			}
		}
		if strings.Contains(policy, "allow-") || strings.Contains(policy, "script") {
			t.Errorf("%s: Content-Security-Policy %q allows more than it should", c.path, policy)
		}
		for name, want := range map[string]string{
			"Content-Type": c.kind + "; charset=utf-8", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"X-DNS-Prefetch-Control": "off", "Cache-Control": "no-store",
		} {
			if got := answer.header.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", c.path, name, got, want)
			}
		}
	}
}
