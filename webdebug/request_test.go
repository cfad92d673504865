package webdebug_test

import (
	"encoding/json/v2"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/webdebug"
)

type params = []webdebug.Param

type requestPayload struct {
	Method, URI                            string `json:",case:ignore"`
	Headers, Query, Body, Cookies, Session params
}

// payloadOf serves r with a handler that reads the whole body, and returns the
// request event's payload.
func payloadOf(t *testing.T, o webdebug.Options, r *http.Request) (p requestPayload) {
	t.Helper()
	_, scheme := newApp(t, o).run(r, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	if err := json.Unmarshal(scheme.Events[0].Payload, &p, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%v: %s", err, scheme.Events[0].Payload)
	}
	return p
}

func TestRequestRedacts(t *testing.T) {
	r := get("/a%20b?x=1&x=2&TOKEN=s3cret&empty&api%5Fkey=s3cret&bad=%zz&&=")
	for name, value := range map[string]string{
		"Authorization": "Bearer s3cret", "Cookie": "id=s3cret; theme=s3cret", "X-Api-Key": "s3cret",
		"Referer": "http://x/?a=b&password=s3cret", "Accept": "*/*",
	} {
		r.Header.Set(name, value)
	}
	r.Header.Add("Accept", "text/html")
	want := requestPayload{
		Method: "GET", URI: "/a%20b?x=1&x=2&TOKEN=[redacted]&empty&api%5Fkey=[redacted]&bad=%zz&&=",
		Headers: params{
			{Key: "Host", Value: "example.com"}, {Key: "Accept", Value: "*/*"}, {Key: "Accept", Value: "text/html"},
			{Key: "Authorization", Value: "[redacted]"}, {Key: "Cookie", Value: "[redacted]"},
			{Key: "Referer", Value: "http://x/?a=b&password=[redacted]"}, {Key: "X-Api-Key", Value: "[redacted]"},
		},
		Query: params{
			{Key: "x", Value: "1"}, {Key: "x", Value: "2"}, {Key: "TOKEN", Value: "[redacted]"}, {Key: "empty"},
			{Key: "api_key", Value: "[redacted]"}, {Key: "bad", Value: "%zz"}, {},
		},
		Cookies: params{{Key: "id", Value: "[redacted]"}, {Key: "theme", Value: "[redacted]"}},
	}
	if diff := cmp.Diff(want, payloadOf(t, webdebug.Options{}, r)); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	open := payloadOf(t, webdebug.Options{Redact: []string{}}, r)
	if diff := cmp.Diff(params{{Key: "id", Value: "s3cret"}, {Key: "theme", Value: "s3cret"}}, open.Cookies); diff != "" {
		t.Errorf("cookies, nothing redacted (-want +got):\n%s", diff)
	}
	own := payloadOf(t, webdebug.Options{Redact: []string{"THEME", "X"}}, r)
	if own.Cookies[0].Value != "s3cret" || own.Cookies[1].Value != "[redacted]" || own.Query[0].Value != "[redacted]" {
		t.Errorf("an own list: %+v", own)
	}
}

func TestRequestBody(t *testing.T) {
	const form, object = "application/x-www-form-urlencoded; charset=utf-8", "application/json"
	for name, c := range map[string]struct {
		media, body string
		limit       int
		want        params
	}{
		"form": {form, "a=1&a=2&password=x&b=%C3%A9", 0, params{{"a", "1"}, {"a", "2"}, {"password", "[redacted]"}, {"b", "é"}}},
		"nested form": {form, "user%5Bpassword%5D=x&a[Token][]=y&user.secret=z&a[b]=1&tokens[x]=2", 0, params{
			{"user[password]", "[redacted]"}, {"a[Token][]", "[redacted]"}, {"user.secret", "[redacted]"}, {"a[b]", "1"}, {"tokens[x]", "2"}}},
		"cut form": {form, "first=1&second=22222", 10, params{{"first", "1"}}},
		"nothing":  {form, "", 0, nil},
		"never":    {form, "a=1", -1, nil},
		"JSON": {object, `{"a":1.50,"user":{"name":"é","password":"x"},"token":[{"deep":1}],"list":[null,true,[2]],"e":{}}`, 0, params{
			{"a", "1.50"}, {"user.name", "é"}, {"user.password", "[redacted]"}, {"token[0].deep", "[redacted]"},
			{"list[0]", "null"}, {"list[1]", "true"}, {"list[2][0]", "2"},
		}},
		"cut JSON":    {object, `{"a":1,"b":"long text"}`, 12, params{{"a", "1"}}},
		"no JSON":     {object, `{a}`, 0, nil},
		"a scalar":    {object, `12`, 0, params{{"", "12"}}},
		"broken text": {object, "{\"a\":\"\xff\"}", 0, params{{"a", "\ufffd"}}},
		"very deep":   {object, strings.Repeat(`{"a":`, 5000), 0, nil},
		"an upload":   {"multipart/form-data; boundary=x", "--x--", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.media)
			if diff := cmp.Diff(c.want, payloadOf(t, webdebug.Options{BodyBytes: c.limit}, r).Body, equateEmpty); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

var equateEmpty = cmp.FilterValues(func(a, b params) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())

// TestBodyIsTheApplications: it is not read when the application does not, and
// unchanged when it does.
func TestBodyIsTheApplications(t *testing.T) {
	const text = `{"a":1}`
	r := httptest.NewRequest("POST", "/", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	_, scheme := newApp(t, webdebug.Options{BodyBytes: 2}).run(r, func(_ http.ResponseWriter, r *http.Request) {
		if got, _ := io.ReadAll(r.Body); string(got) != text {
			t.Errorf("the application reads %q", got)
		}
	})
	_ = scheme
	unread := strings.NewReader(text)
	r = httptest.NewRequest("POST", "/", unread)
	r.Header.Set("Content-Type", "application/json")
	newApp(t, webdebug.Options{}).run(r, func(http.ResponseWriter, *http.Request) {})
	if unread.Len() != len(text) {
		t.Error("the body was read")
	}
}

func TestManyParameters(t *testing.T) {
	r := get("/?" + strings.Repeat("a=1&", 10_000))
	for i := range 2_000 {
		r.Header.Add("X-Many", strings.Repeat("x", i%10))
		r.AddCookie(&http.Cookie{Name: "a", Value: "b"})
	}
	p := payloadOf(t, webdebug.Options{}, r)
	if len(p.Query) > 500 || len(p.Headers) > 510 || len(p.Cookies) > 500 {
		t.Errorf("%d parameters, %d headers, %d cookies", len(p.Query), len(p.Headers), len(p.Cookies))
	}
}
