// Package happyview is the door for the users of HappyView's event logs: their
// curl commands and dashboards ask /admin/… of Firn as they did of HappyView
// (docs/happyview.md).
package happyview

import (
	"encoding/json/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/server/door"
)

// Options configures the door. The zero value is the default.
type Options struct {
	// Instance is what is shown where a request names no other. Default: system,
	// Firn's own activity.
	Instance string
	// Keys are the API keys. Required.
	Keys *auth.Keys
	// Now is the clock of the log. Default time.Now.
	Now func() time.Time
}

type view struct {
	log  *firn.Log
	opts Options
}

// New makes the door before a log.
func New(log *firn.Log, opts Options) *door.Door {
	if opts.Instance == "" {
		opts.Instance = firn.SystemInstance
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	v := &view{log: log, opts: opts}
	return &door.Door{Paths: []string{"/admin/"}, Routes: append(v.routes(), v.keyRoutes()...), Fail: fail}
}

func (v *view) routes() []door.Route {
	filters := []door.Param{
		{Name: "event_type", About: "Only this event type."},
		{Name: "category", About: "Only these categories, separated by commas."},
		{Name: "severity", About: "Only these severities, separated by commas: info (debug, info, notice), warn, error (error and above)."},
		{Name: "subject", About: "Only subjects with this text in them, case-sensitive."},
		{Name: "before", About: "Only what was recorded before this time."},
		{Name: "after", About: "Only what was recorded at this time or later."},
		{Name: "instance", About: "Another instance than the door's own."},
	}
	pages := []door.Param{
		{Name: "limit", About: "Events of a page, 1 to 100; 50 if not given.", Integer: true},
		{Name: "cursor", About: "The cursor of the page before, or a time: what was recorded before it."},
	}
	return []door.Route{
		{Method: "GET", Path: "/admin/events", Name: "happyviewListEvents", Permission: "events:read", Instance: v.instance,
			About:  "HappyView: lists events, newest first.",
			Params: append(pages, filters...),
			Answers: []door.Answer{{Status: 200, About: "A page of events.", Schema: "HappyViewEvents"},
				{Status: 404, About: "No such instance."}},
			Serve: v.list},
		{Method: "GET", Path: "/admin/events/count", Name: "happyviewCountEvents", Permission: "events:read", Instance: v.instance,
			About: "HappyView: counts the events that a purge with the same filters would delete.", Params: filters,
			Answers: []door.Answer{{Status: 200, About: "How many.", Schema: "HappyViewCount"},
				{Status: 404, About: "No such instance."}},
			Serve: v.count},
		{Method: "POST", Path: "/admin/events/purge", Name: "happyviewPurgeEvents", Permission: "events:purge", Instance: v.instance,
			About:  "HappyView: deletes the events that match, in the background. Protected ones stay.",
			Params: filters[len(filters)-1:], Body: true, Schema: "HappyViewFilter",
			Answers: []door.Answer{{Status: 202, About: "It is decided and recorded; a restart does not undo it.", Schema: "HappyViewJob"},
				{Status: 404, About: "No such instance."}},
			Serve: v.purge},
	}
}

// instance is the instance that a request is about.
func (v *view) instance(r *http.Request) string {
	if id := r.PathValue("instance"); id != "" {
		return id // what the server has looked up for the caller
	}
	if name := strings.TrimSpace(r.URL.Query().Get("instance")); name != "" {
		return name
	}
	return v.opts.Instance
}

// fail answers as HappyView does: {"error": text}, but for two with a code of
// their own.
func fail(w http.ResponseWriter, r *http.Request, f *door.Fault) {
	answer := struct {
		Error   string `json:"error"`
		Message string `json:"message,omitempty"`
	}{Error: f.Message}
	switch {
	case f.Permission != "":
		answer.Error, answer.Message = "InsufficientPermissions", "Missing permission: "+f.Permission
	case f.Status == http.StatusUnauthorized:
		answer.Error = unauthorized(r)
	case f.Status == http.StatusTooManyRequests:
		answer.Error, answer.Message = "RateLimited", f.Message
	}
	text, err := json.Marshal(answer)
	if err != nil { // nothing in it can fail but a text that is not UTF-8
		text = []byte(`{"error":"malformed"}`)
	}
	send(w, f.Status, text)
}

func unauthorized(r *http.Request) string {
	given := r.Header.Get("Authorization")
	scheme, _, _ := strings.Cut(given, " ")
	switch {
	case given == "":
		return "missing Authorization header or session cookie"
	case !strings.EqualFold(scheme, "Bearer"):
		return "invalid Authorization scheme"
	default:
		return "invalid or revoked API key"
	}
}

func send(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client is gone: nobody to tell
}

// single reads the query string. What is given twice is refused.
func single(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, door.Bad("the query string is not well formed")
	}
	for name, all := range values {
		if len(all) > 1 {
			return nil, door.Bad("the parameter '" + printable(name) + "' is given more than once")
		}
	}
	return values, nil
}

// printable is a text of the caller in a message: short, and valid UTF-8.
func printable(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "\ufffd")
}

// shown is a severity as HappyView has it.
func shown(s event.Severity) string {
	switch {
	case s >= event.Error:
		return "error"
	case s == event.Warning:
		return "warn"
	default:
		return "info"
	}
}
