package server

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/firnlog/firn/internal/auth"
)

// The viewer, a page in a browser, signs in with a key once and has a cookie
// from then on that no script can read. It stands for the key and ends with it.

const (
	sessionPath = "/v1/session"
	sessionLife = 7 * 24 * time.Hour
	maxSessions = 10_000
	cookieName  = "firn_session"
)

func sessionRoutes() []route {
	who := answer{status: 200, about: "Who is asking, and what they may do.", media: []media{jsonMedia}, schema: "Session"}
	return []route{
		{method: "POST", path: sessionPath, name: "signIn", permission: open,
			about: "Signs a browser in with an API key: sets a cookie (HttpOnly, SameSite=Strict) that stands for the key for a week, and ends with it.",
			body:  []media{jsonMedia}, bodySchema: "SignIn",
			answers: []answer{who, {status: 401, about: "The key is wrong, revoked or has expired."},
				{status: 429, about: "Too many wrong keys from this address."}},
			serve: (*Server).signIn},
		{method: "GET", path: sessionPath, name: "getSession", permission: anyKey,
			about: "Says who is asking.", answers: []answer{who}, serve: (*Server).getSession},
		{method: "DELETE", path: sessionPath, name: "signOut", permission: open,
			about: "Ends the session of the cookie.", answers: []answer{{status: 204, about: "It is over."}}, serve: (*Server).signOut},
	}
}

// sessions are the viewers that have signed in; they end with the process.
type sessions struct {
	mu      sync.Mutex
	byToken map[[sha256.Size]byte]session
}

type session struct {
	key  string // its id
	ends time.Time
}

// begin makes a session of a key and returns its token.
func (s *sessions) begin(key string, now time.Time) string {
	token := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byToken) >= maxSessions {
		s.makeRoom(now)
	}
	s.byToken[sha256.Sum256([]byte(token))] = session{key: key, ends: now.Add(sessionLife)}
	return token
}

// makeRoom drops what is over, or else the session that ends first.
func (s *sessions) makeRoom(now time.Time) {
	var first [sha256.Size]byte
	var ends time.Time
	for token, one := range s.byToken {
		if !now.Before(one.ends) {
			delete(s.byToken, token)
		} else if ends.IsZero() || one.ends.Before(ends) {
			first, ends = token, one.ends
		}
	}
	if len(s.byToken) >= maxSessions {
		delete(s.byToken, first)
	}
}

// resume is the caller of a request's cookie. A cookie that stands for nothing
// any more is as good as none.
func (s *sessions) resume(r *http.Request, gate *auth.Gate, now time.Time) (auth.Caller, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return auth.Caller{}, false
	}
	token := sha256.Sum256([]byte(cookie.Value))
	s.mu.Lock()
	one, ok := s.byToken[token]
	s.mu.Unlock()
	if !ok || !now.Before(one.ends) {
		return auth.Caller{}, false
	}
	caller, err := gate.Resume(one.key)
	if err != nil {
		s.end(cookie.Value)
		return auth.Caller{}, false
	}
	return caller, true
}

func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byToken, sha256.Sum256([]byte(token)))
}

func (s *Server) signIn(w http.ResponseWriter, r *request) error {
	var given struct {
		Key string `json:"key"`
	}
	if err := s.receiveJSON(r, &given); err != nil {
		return err
	}
	caller, err := s.gate.Authenticate(given.Key, remote(r.Request))
	if err != nil {
		return err
	}
	http.SetCookie(w, sessionCookie(r.Request, s.sessions.begin(caller.Actor(), s.opts.Now()), int(sessionLife.Seconds())))
	return s.answerSession(w, r, caller)
}

func (s *Server) signOut(w http.ResponseWriter, r *request) error {
	if cookie, err := r.Cookie(cookieName); err == nil {
		s.sessions.end(cookie.Value)
	}
	http.SetCookie(w, sessionCookie(r.Request, "", -1))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sessionCookie is sent over TLS only where it was made so; a proxy that speaks
// TLS for us shows in the page's origin.
func sessionCookie(r *http.Request, token string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever the page came over TLS: elsewhere browsers would not send it
		Name: cookieName, Value: token, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://"),
	}
}

func (s *Server) getSession(w http.ResponseWriter, r *request) error {
	return s.answerSession(w, r, r.caller)
}

func (s *Server) answerSession(w http.ResponseWriter, r *request, caller auth.Caller) error {
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw("{")
	out.member("open")
	key := caller.Key()
	if key == nil {
		out.raw("true,")
		out.raw(`"permissions":`)
		out.texts(auth.All().Names())
		out.raw(`,"instances":null}` + "\n")
		return out.finish(http.StatusOK)
	}
	out.raw("false")
	out.member("key_id")
	out.text(key.ID)
	out.member("name")
	out.text(key.Name)
	out.member("permissions")
	out.texts(key.Permissions.Names())
	out.member("instances")
	s.writeInstances(out, key)
	out.raw("}\n")
	return out.finish(http.StatusOK)
}
