package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/logtest"
)

type shownKey struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Key         string    `json:"key"`
	Prefix      string    `json:"key_prefix"`
	Permissions []string  `json:"permissions"`
	Instances   []string  `json:"instances"`
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   *string   `json:"expires_at"`
	LastUsedAt  *string   `json:"last_used_at"`
	RevokedAt   *string   `json:"revoked_at"`
}

func TestKeysAreMadeListedAndRevoked(t *testing.T) {
	r := start(t, Options{})
	r.instance("shop")
	admin, secret := r.key(auth.NewKey{Name: "admin"})
	made := r.must(201, "POST", "/v1/keys", `{"name":"shop reader","permissions":["events:read"],"instances":["shop"],"expires_at":"2999-01-01T00:00:00Z"}`, bearer(secret)...)
	var k shownKey
	made.decode(t, &k)
	if !regexp.MustCompile(`^firn_[0-9A-Za-z]{40}$`).MatchString(k.Key) || k.Prefix != k.Key[:11] || made.header.Get("Location") != "/v1/keys/"+k.ID ||
		len(k.Instances) != 1 || k.Instances[0] != "shop" || *k.ExpiresAt != "2999-01-01T00:00:00.000Z" || made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("made %s", made)
	}
	r.must(200, "GET", "/v1/instances/shop/events", "", bearer(k.Key)...)
	p := r.must(403, "POST", "/v1/keys", `{"name":"more","permissions":["events:purge"]}`, bearer(k.Key)...).problem(t)
	if p.RequiredPermission != "keys:manage" {
		t.Errorf("%+v", p)
	}
	list := r.must(200, "GET", "/v1/keys", "", bearer(secret)...)
	if bytes.Contains(list.body, []byte(k.Key)) || !bytes.Contains(list.body, []byte(k.Prefix)) {
		t.Errorf("listed %s", list)
	}
	for range 2 {
		r.must(204, "DELETE", "/v1/keys/"+k.ID, "", bearer(secret)...)
	}
	r.must(401, "GET", "/v1/instances/shop/events", "", bearer(k.Key)...)
	var after struct {
		Keys []shownKey `json:"keys"`
	}
	r.must(200, "GET", "/v1/keys", "", bearer(secret)...).decode(t, &after)
	if len(after.Keys) != 2 || after.Keys[0].ID != k.ID || after.Keys[0].RevokedAt == nil || after.Keys[0].LastUsedAt == nil || after.Keys[1].RevokedAt != nil {
		t.Errorf("listed %+v", after.Keys)
	}
	created, revoked := systemEvents(r, auth.TypeCreated), systemEvents(r, auth.TypeRevoked)
	if len(created) != 2 || *created[1].Actor != admin.ID || *created[1].Subject != k.ID || created[0].Actor != nil {
		t.Errorf("recorded %+v", created)
	}
	if len(revoked) != 1 || *revoked[0].Actor != admin.ID || *revoked[0].Subject != k.ID || string(revoked[0].Payload) != `{"name":"shop reader"}` {
		t.Errorf("recorded %+v", revoked)
	}
}

// TestKeysOfOneName: whoever replaces a key has two of a name for a while, so a
// second one is made, and the answer tells of the first for as long as that is good.
func TestKeysOfOneName(t *testing.T) {
	var later atomic.Int64 // minutes
	begin := time.Now()
	r := start(t, Options{Now: func() time.Time { return begin.Add(time.Duration(later.Load()) * time.Minute) }})
	shop := r.instance("shop")
	_, all := r.key(auth.NewKey{Name: "admin"})
	_, some := r.key(auth.NewKey{Name: "some", Permissions: auth.SetOf(auth.KeysManage, auth.EventsRead), Instances: []string{shop}})
	create := func(secret, body string) (k struct {
		shownKey
		Warnings []fieldError `json:"warnings"`
	}) {
		t.Helper()
		r.must(201, "POST", "/v1/keys", body, bearer(secret)...).decode(t, &k)
		return k
	}
	first := create(all, `{"name":"ci","permissions":["events:read"],"expires_at":"`+begin.Add(time.Hour).UTC().Format(time.RFC3339)+`"}`)
	if first.Warnings != nil {
		t.Errorf("the first of its name is answered with %+v", first.Warnings)
	}
	if k := create(some, `{"name":"ci","permissions":["events:read"],"instances":["shop"]}`); k.Warnings != nil {
		t.Errorf("a key for one instance is told of another's: %+v", k.Warnings)
	} else {
		r.must(204, "DELETE", "/v1/keys/"+k.ID, "", bearer(some)...)
	}
	second := create(all, `{"name":"ci","permissions":["events:read"]}`)
	if len(second.Warnings) != 1 || second.Warnings[0].Field != "name" || !strings.HasSuffix(second.Warnings[0].Message, ": "+first.Prefix+"…") {
		t.Errorf("the second of its name is answered with %+v", second.Warnings)
	}
	r.must(200, "GET", "/v1/instances/shop/events", "", bearer(first.Key)...) // it is as good as before
	later.Store(120)                                                          // and now it has expired
	r.must(204, "DELETE", "/v1/keys/"+second.ID, "", bearer(all)...)
	if third := create(all, `{"name":"ci","permissions":["events:read"]}`); third.Warnings != nil {
		t.Errorf("told of keys that are no good any more: %+v", third.Warnings)
	}
	// HappyView's answer has its documented members and no other.
	got := r.must(201, "POST", "/admin/api-keys", `{"name":"ci","permissions":["events:read"]}`, bearer(all)...)
	if strings.Contains(string(got.body), "warnings") {
		t.Errorf("HappyView's clients are answered with %s", got)
	}
}

func TestKeysGrantNoMoreThanTheirMaker(t *testing.T) {
	r := start(t, Options{})
	r.instance("shop")
	r.instance("audit")
	shop, err := r.log.Instance("shop")
	if err != nil {
		t.Fatal(err)
	}
	_, some := r.key(auth.NewKey{Permissions: auth.SetOf(auth.KeysManage, auth.EventsRead), Instances: []string{shop.ID}})
	for body, status := range map[string]int{
		`{"name":"a","permissions":["events:read"],"instances":["shop"]}`:                 201,
		`{"name":"a","permissions":["events:read","events:append"],"instances":["shop"]}`: 403,
		`{"name":"a","permissions":["events:read"]}`:                                      403,
		`{"name":"a","permissions":["events:read"],"instances":["audit"]}`:                400, // as if it were not there
		`{"name":"a","permissions":["events:read"],"instances":["none"]}`:                 400,
	} {
		if got := r.ask("POST", "/v1/keys", body, bearer(some)...); got.status != status {
			t.Errorf("%s: %s, want %d", body, got, status)
		}
	}
}

func TestNobodyRevokesWhatTheyCouldNotGrant(t *testing.T) {
	r := start(t, Options{})
	admin, all := r.key(auth.NewKey{Name: "admin"})
	_, some := r.key(auth.NewKey{Permissions: auth.SetOf(auth.KeysManage, auth.EventsRead)})
	const lacks = "events:append, events:purge"
	if got := r.must(403, "DELETE", "/v1/keys/"+admin.ID, "", bearer(some)...).problem(t); !strings.Contains(got.Detail, lacks) {
		t.Errorf("refused with %+v", got)
	}
	if got := r.must(403, "DELETE", "/admin/api-keys/"+admin.ID, "", bearer(some)...); !bytes.HasPrefix(got.body, []byte(`{"error":"nobody revokes`)) || !bytes.Contains(got.body, []byte(lacks)) {
		t.Errorf("refused with %s", got)
	}
	r.must(200, "GET", "/v1/keys", "", bearer(all)...)
	less, _ := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsRead)})
	r.must(204, "DELETE", "/v1/keys/"+less.ID, "", bearer(some)...)
}

// openTail opens a tail and reads until it follows.
func openTail(r *running, instance string, headers ...string) (*http.Response, *bufio.Reader) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "GET", r.url+"/v1/instances/"+instance+"/tail?after=0", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	in := bufio.NewReader(resp.Body)
	if line, err := in.ReadString('\n'); err != nil || line != ": following\n" {
		r.t.Fatalf("the tail begins with %q, %v", line, err)
	}
	return resp, in
}

// ends waits until the answer ends and returns what was left of it. It must end
// by itself, and not when the next sign of life finds out.
func ends(t *testing.T, what string, body *bufio.Reader) string {
	t.Helper()
	rest, _ := io.ReadAll(body)
	if bytes.Contains(rest, []byte("still here")) {
		t.Errorf("%s goes on: %s", what, rest)
	}
	return string(rest)
}

func TestRevocationEndsOpenTails(t *testing.T) {
	var later atomic.Int64 // minutes
	begin := time.Now()
	r := start(t, Options{
		Now:    func() time.Time { return begin.Add(time.Duration(later.Load()) * time.Minute) },
		timing: timing{heartbeat: 2 * time.Minute},
	})
	r.instance("shop")
	resp, anonymous := openTail(r, "shop")
	defer resp.Body.Close()
	_, admin := r.key(auth.NewKey{})
	ends(t, "a tail without a key, after the first was made,", anonymous)

	k, secret := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsRead)})
	resp, revoked := openTail(r, "shop", bearer(secret)...)
	defer resp.Body.Close()
	other, still := openTail(r, "shop", bearer(admin)...)
	defer other.Body.Close()
	r.must(204, "DELETE", "/v1/keys/"+k.ID, "", bearer(admin)...)
	r.must(201, "POST", "/v1/instances/shop/events", `{"event_type":"too.late"}`, bearer(admin)...)
	if rest := ends(t, "the tail of a revoked key", revoked); strings.Contains(rest, "too.late") {
		t.Errorf("the tail of a revoked key delivers %s", rest)
	}
	for {
		line, err := still.ReadString('\n')
		if err != nil {
			t.Fatalf("another key's tail: %v", err)
		}
		if strings.Contains(line, "too.late") {
			break
		}
	}

	_, brief := r.key(auth.NewKey{ExpiresAt: begin.Add(200 * time.Millisecond)})
	resp, expiring := openTail(r, "shop", bearer(brief)...)
	defer resp.Body.Close()
	later.Store(1)
	ends(t, "the tail of a key that has expired", expiring)
}

func TestRevocationEndsUploads(t *testing.T) {
	r := start(t, Options{})
	r.instance("shop")
	_, admin := r.key(auth.NewKey{})
	k, secret := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsAppend)})
	body, write := io.Pipe()
	defer write.Close()
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.url+"/v1/instances/shop/events", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", ndjsonMedia)
	req.Header.Set("Authorization", "Bearer "+secret)
	go func() { _, _ = write.Write([]byte(`{"event_type":"in.time"}` + "\n")) }()
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, `"count":1`) {
		t.Fatalf("%q, %v", line, err)
	}
	r.must(204, "DELETE", "/v1/keys/"+k.ID, "", bearer(admin)...)
	rest, _ := io.ReadAll(in)
	if !bytes.Contains(rest, []byte(codeUnauthorized)) || !bytes.Contains(rest, []byte(`"first_line_not_stored":2`)) {
		t.Errorf("the upload of a revoked key ends with %s", rest)
	}
}

func TestSessionOfAViewer(t *testing.T) {
	r := start(t, Options{})
	r.instance("shop")
	_, admin := r.key(auth.NewKey{})
	k, secret := r.key(auth.NewKey{Name: "viewer", Permissions: auth.SetOf(auth.EventsRead)})
	signIn := func(headers ...string) string {
		t.Helper()
		answer := r.must(200, "POST", "/v1/session", `{"key":"`+secret+`"}`, headers...)
		set := answer.header.Get("Set-Cookie")
		for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"} {
			if !strings.Contains(set, want) {
				t.Errorf("Set-Cookie %q has no %s", set, want)
			}
		}
		if strings.Contains(set, secret) || !strings.Contains(string(answer.body), `"open":false,"key_id":"`+k.ID+`","name":"viewer","permissions":["events:read"]`) {
			t.Errorf("%s, %s", set, answer)
		}
		if secure := strings.Contains(set, "Secure"); secure != (len(headers) > 0) {
			t.Errorf("%s with %v", set, headers)
		}
		cookie, _, _ := strings.Cut(set, ";")
		return cookie
	}
	cookie := signIn()
	r.must(200, "GET", "/v1/instances/shop/events", "", "Cookie", cookie)
	r.must(403, "DELETE", "/v1/instances/shop", "", "Cookie", cookie)
	r.must(403, "GET", "/v1/instances/shop/events", "", "Cookie", cookie, "Origin", "http://localhost:3000")
	r.must(403, "GET", "/v1/instances/shop/events", "", "Cookie", cookie, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors")
	r.must(401, "GET", "/v1/session", "", "Cookie", cookie[:len(cookie)-1])
	r.must(401, "GET", "/v1/session", "", "Cookie", cookie, "Authorization", "Bearer firn_wrong")
	out := r.must(204, "DELETE", "/v1/session", "", "Cookie", cookie)
	if !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signed out with %s", out.header.Get("Set-Cookie"))
	}
	r.must(401, "GET", "/v1/instances/shop/events", "", "Cookie", cookie)

	cookie = signIn("Origin", strings.Replace(r.url, "http:", "https:", 1))
	resp, tail := openTail(r, "shop", "Cookie", cookie)
	defer resp.Body.Close()
	r.must(204, "DELETE", "/v1/keys/"+k.ID, "", bearer(admin)...)
	ends(t, "a viewer's tail, after its key was revoked,", tail)
	r.must(401, "GET", "/v1/session", "", "Cookie", cookie)
	if len(r.sessions.byToken) != 0 {
		t.Error("the session of a revoked key is kept")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s := sessions{byToken: map[[32]byte]session{}}
	now := time.Now()
	for i := range maxSessions + 50 {
		s.begin("key", now.Add(time.Duration(i)*time.Second))
	}
	if len(s.byToken) != maxSessions {
		t.Errorf("%d sessions", len(s.byToken))
	}
	s.begin("key", now.Add(2*sessionLife))
	if len(s.byToken) != 1 {
		t.Errorf("%d sessions after all but one are over", len(s.byToken))
	}
}

// TestSecretsAreNowhere uses keys in every way there is and looks for them in
// the directory, the server's log, the metrics and every answer.
func TestSecretsAreNowhere(t *testing.T) {
	var told logtest.Buffer
	dir := t.TempDir()
	log, err := firn.Open(dir, firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, log, Options{Logger: slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	_, admin := r.key(auth.NewKey{})
	gone, revoked := r.key(auth.NewKey{})
	wrong := "firn_" + strings.Repeat("Wq7", 13) + "0"
	made := r.must(201, "POST", "/v1/keys", `{"name":"x","permissions":["events:read"]}`, bearer(admin)...)
	var k shownKey
	made.decode(t, &k)
	r.must(204, "DELETE", "/v1/keys/"+gone.ID, "", bearer(admin)...)
	var answers bytes.Buffer
	for _, secret := range []string{admin, revoked, wrong, k.Key} {
		for _, x := range []struct{ method, path, body string }{
			{"GET", "/v1/keys", ""}, {"GET", "/metrics", ""}, {"GET", "/v1/instances/system/events", ""}, {"GET", "/v1/instances?key=" + secret, ""},
			{"POST", "/v1/session", `{"key":"` + secret + `"}`}, {"POST", "/v1/session", `{"key":["` + secret + `"]}`}, {"GET", "/admin/api-keys", ""},
		} {
			answer := r.ask(x.method, x.path, x.body, bearer(secret)...)
			fmt.Fprintln(&answers, answer, answer.header)
		}
	}
	r.must(200, "GET", "/v1/instances", "", bearer(admin)...)
	if err := r.log.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored := contents(t, dir)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	stored += contents(t, dir)
	for _, secret := range []string{admin, revoked, wrong, k.Key} {
		for what, text := range map[string]string{"an answer": answers.String(), "the server's log": told.String(), "the directory": stored} {
			if strings.Contains(text, secret[11:]) {
				t.Errorf("%s holds a secret", what)
			}
		}
	}
	if !strings.Contains(stored, gone.ID) || !strings.Contains(told.String(), "request") {
		t.Error("nothing was looked at") // a control
	}
}

// contents are all bytes of a directory.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestKeysSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	log, err := firn.Open(dir, firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, log, Options{})
	_, good := r.key(auth.NewKey{})
	gone, revoked := r.key(auth.NewKey{})
	r.must(204, "DELETE", "/v1/keys/"+gone.ID, "", bearer(good)...)
	if err := errors.Join(r.stop(), log.Close()); err != nil {
		t.Fatal(err)
	}
	if log, err = firn.Open(dir, firn.Options{}); err != nil {
		t.Fatal(err)
	}
	r = serve(t, log, Options{})
	r.must(401, "GET", "/v1/instances", "")
	r.must(401, "GET", "/v1/instances", "", bearer(revoked)...)
	r.must(200, "GET", "/v1/instances", "", bearer(good)...)
}

func TestKeysByManyAtOnce(t *testing.T) {
	r := start(t, Options{})
	_, admin := r.key(auth.NewKey{})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 10 {
				answer, err := r.try("POST", "/v1/keys", `{"name":"x","permissions":["events:read"]}`, bearer(admin)...)
				if err != nil || answer.status != 201 {
					t.Errorf("%s, %v", answer, err)
					return
				}
				var k shownKey
				answer.decode(t, &k)
				if got, err := r.try("GET", "/v1/instances", "", bearer(k.Key)...); err != nil || got.status != 200 {
					t.Errorf("a key that was just made: %s, %v", got, err)
				}
				if got, err := r.try("DELETE", "/v1/keys/"+k.ID, "", bearer(admin)...); err != nil || got.status != 204 {
					t.Errorf("revoking: %s, %v", got, err)
				}
				if got, err := r.try("GET", "/healthz", "", bearer(k.Key)...); err != nil || got.status != 200 {
					t.Errorf("an open route with a revoked key: %s, %v", got, err)
				}
				if _, err := r.Keys().Revoke(t.Context(), auth.Owner(), k.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if made, gone := systemEvents(r, auth.TypeCreated), systemEvents(r, auth.TypeRevoked); len(made) != 61 || len(gone) != 60 {
		t.Errorf("%d created and %d revoked are recorded, want 61 and 60", len(made), len(gone))
	}
}

func TestOwnerIsAskedForNoKey(t *testing.T) {
	r := start(t, Options{})
	machine := httptest.NewServer(r.OwnerHandler())
	defer machine.Close()
	r.url = machine.URL
	_, secret := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsRead)})
	r.must(200, "GET", "/v1/keys", "")
	r.must(200, "GET", "/v1/keys", "", bearer(secret)...)
	r.must(201, "POST", "/v1/keys", `{"name":"x","permissions":["events:purge"]}`)
}

func TestListeningElsewhereNeedsKeys(t *testing.T) {
	for _, withKey := range []bool{false, true} {
		log, err := firn.Open(t.TempDir(), firn.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := New(log, Options{Listen: []string{"0.0.0.0:0"}})
		if !s.Open() {
			t.Error("not open before the first key")
		}
		if withKey {
			if _, _, err := s.Keys().Create(t.Context(), auth.Owner(), auth.NewKey{Name: "x", Permissions: auth.All()}); err != nil {
				t.Fatal(err)
			}
		}
		err = s.Listen(t.Context())
		if refused := errors.Is(err, ErrNotLoopback); refused == withKey || (err != nil && !refused) {
			t.Errorf("with a key %v: %v", withKey, err)
		}
		for _, l := range s.listeners {
			_ = l.Close()
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHostIsTheAddressAsked: where the server listens elsewhere, the address of
// the connection is a name of its own; no name can be rebound to look like one.
func TestHostIsTheAddressAsked(t *testing.T) {
	s := &Server{}
	at := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 7070}
	for host, want := range map[string]bool{"10.1.2.3:7070": true, "10.1.2.3": true, "10.1.2.4:7070": false, "evil.example:7070": false, "127.0.0.1:7070": true} {
		if got := s.hostAllowed(host, at); got != want {
			t.Errorf("Host %s at %s: %v", host, at, got)
		}
	}
	if remote(&http.Request{RemoteAddr: "@"}) != (netip.Addr{}) {
		t.Error("an address that is none")
	}
}
