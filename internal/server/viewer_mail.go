package server

import (
	"encoding/json/v2"
	"net/http"
	"regexp"
	"strconv"

	"github.com/firnlog/firn/event"
)

// A mail of an event is the work of whoever sent it. Its preview is a document
// of its own, which the browser gives an origin of its own, no script, no forms,
// and nothing to load: whoever frames it or opens it in a tab, its policy goes
// with it.
const (
	mailPath = "/e/{instance}/{id}/mail"

	mailPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
	// mailRemotePolicy is that of one view for which somebody has asked to see
	// the pictures: their servers learn that the mail was looked at.
	mailRemotePolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; font-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

func mailRoutes() []route {
	return []route{{method: "GET", path: mailPath, name: "viewerMail", permission: eventsRead,
		about: "The body of the mail that an event tells of, as a page that can neither run nor load anything.",
		params: []param{
			{name: "images", kind: enum, oneOf: []string{"remote"}, about: "remote lets this one view load pictures over https."},
		},
		answers: []answer{{status: 200, about: "The body: HTML, or text/plain where it has no markup.", media: []media{htmlMedia, textMedia}},
			{status: 404, about: "No such instance or event, or it has no text in payload.body."}},
		serve: (*Server).viewerMail}}
}

// markup finds what makes a text HTML: a tag, a comment or a declaration.
var markup = regexp.MustCompile(`<[A-Za-z!/?]`)

// reaching finds the tags for which a browser may open a connection before it
// asks the policy (measured: Chromium, for a frame in a mail). A tag begins with
// these very bytes wherever it is one, so renaming them leaves none.
var reaching = regexp.MustCompile(`(?i)<(/?)(iframe|frame|object|embed|link|portal|fencedframe)`)

// viewerMail answers with payload.body as a page under mailPolicy.
func (s *Server) viewerMail(w http.ResponseWriter, r *request) error {
	e, err := s.log.Get(r.Context(), r.PathValue("instance"), r.PathValue("id"))
	if err != nil {
		return err
	}
	value, ok := event.Member(e.Payload, "body")
	var body string
	if !ok || json.Unmarshal(value, &body) != nil {
		return newProblem(http.StatusNotFound, codeNotFound, "Not found", "the event has no mail: its payload has no text under body")
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if markup.MatchString(body) {
		h.Set("Content-Type", "text/html; charset=utf-8")
		body = reaching.ReplaceAllString(body, "<${1}x-$2")
	}
	h.Set("Content-Security-Policy", mailPolicy)
	if r.params["images"] == "remote" {
		h.Set("Content-Security-Policy", mailRemotePolicy)
	}
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-DNS-Prefetch-Control", "off")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // the browser is gone: nobody to tell
	}
	return nil
}
