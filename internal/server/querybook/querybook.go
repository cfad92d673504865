// Package querybook is the door for what Querybook's pages send about what
// their users see and click (docs/querybook.md). What Querybook's server logs
// comes by the plugin in integrations/querybook, through /v1.
package querybook

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/door"
)

// Instance is where the events go; Firn makes it with the first one.
const Instance = "querybook"

// Options configures the door. The zero value is the default.
type Options struct {
	// Limits bounds events and batches; give what the log was opened with.
	Limits event.Limits
	// Host is what answers name as the host. Default: this machine's name.
	Host string
}

type contextLog struct {
	log    *firn.Log
	limits event.Limits
	host   string
}

// New makes the door before a log.
func New(log *firn.Log, opts Options) *door.Door {
	if opts.Host == "" {
		opts.Host, _ = os.Hostname() // "" where there is none
	}
	c := &contextLog{log: log, limits: opts.Limits.WithDefaults(), host: opts.Host}
	return &door.Door{Paths: []string{"/ds/"}, Routes: []door.Route{{
		Method: "POST", Path: "/ds/context_log/{$}", Name: "querybookContextLog", Permission: "events:append",
		Instance: func(*http.Request) string { return Instance },
		About:    "Querybook: stores what a page tells about its user. Good events are stored, bad ones are named.",
		Params:   []door.Param{{Name: "uid", About: "The user's number; 0, nobody, if not given.", Integer: true}},
		Body:     true, AnyMedia: true, Schema: "QuerybookEvents",
		Answers: []door.Answer{{Status: 200, About: "What is not in rejected is stored.", Schema: "QuerybookAnswer"}},
		Serve:   c.serve,
	}}, Fail: c.fail}
}

func (c *contextLog) serve(w http.ResponseWriter, r *door.Request) error {
	uid, err := userOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	body, release, err := r.Receive(int64(c.limits.BatchBytes))
	if err != nil {
		return err
	}
	defer release() // the drafts are parts of it
	drafts, rejected, err := parse(body, c.limits)
	if err != nil {
		return err
	}
	for i := range drafts {
		drafts[i].StreamID, drafts[i].Actor = uid, &uid
	}
	rejected, warned, err := c.store(r.Context(), drafts, rejected)
	if err != nil {
		return err
	}
	c.answer(w, rejected, warned)
	return nil
}

// maxRounds is how often what the catalog refuses is taken out of a list: each
// round names up to firn.MaxFaults faults.
const maxRounds = 100

// store stores the good events of a list together. Where the instance enforces
// the catalog's schemas, events that break them are among the bad ones; elsewhere
// they are stored and warned of.
func (c *contextLog) store(ctx context.Context, drafts []event.Draft, rejected []rejection) (all, warned []rejection, err error) {
	at := placesOf(len(drafts), rejected)
	warn := func(faults []firn.Fault) {
		for _, f := range faults {
			warned = append(warned, rejection{at[f.Index], inData(f)})
		}
	}
	for round := 1; len(drafts) > 0; round++ {
		_, err := c.log.Append(ctx, firn.AppendRequest{Instance: Instance, Events: drafts, AutoCreate: true, Checked: true, Warn: warn})
		refused, ok := errors.AsType[*firn.PayloadError](err)
		if err == nil {
			break
		}
		if !ok || round == maxRounds {
			return nil, nil, err
		}
		bad := map[int]bool{}
		for _, f := range refused.Faults[:min(len(refused.Faults), firn.MaxFaults)] { // one beyond says that there may be more
			if !bad[f.Index] {
				bad[f.Index] = true
				rejected = append(rejected, rejection{at[f.Index], inData(f)})
			}
		}
		kept := 0
		for i := range drafts {
			if !bad[i] {
				drafts[kept], at[kept] = drafts[i], at[i]
				kept++
			}
		}
		drafts, at = drafts[:kept], at[:kept]
	}
	slices.SortFunc(rejected, func(a, b rejection) int { return a.index - b.index })
	return rejected, warned, nil
}

// inData is a fault of a payload, which is called data here.
func inData(f firn.Fault) string {
	return strings.Replace(f.Path, "payload", "data", 1) + ": " + f.Message
}

// placesOf is where in the list each of the good events is.
func placesOf(good int, rejected []rejection) []int {
	at := make([]int, 0, good)
	for i, next := 0, 0; len(at) < good; i++ {
		if next < len(rejected) && rejected[next].index == i {
			next++
			continue
		}
		at = append(at, i)
	}
	return at
}

// userOf is the number of the user whose page sends, in decimal. It comes from
// the session, by the proxy in front of Querybook, and never from the page: one
// that is given twice is refused.
func userOf(rawQuery string) (string, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", door.Bad("the query string is not well formed")
	}
	given := values["uid"]
	if len(given) > 1 {
		return "", door.Bad("uid: is given twice")
	}
	if len(given) == 0 || given[0] == "" {
		return "0", nil
	}
	uid, err := strconv.ParseInt(given[0], 10, 64)
	if err != nil || uid < 0 {
		return "", door.Bad("uid: must be a whole number, 0 or more")
	}
	return strconv.FormatInt(uid, 10), nil
}

func (c *contextLog) answer(w http.ResponseWriter, rejected, warned []rejection) {
	text := event.AppendQuoted([]byte(`{"data":null,"host":`), c.host)
	text = appendList(text, `,"rejected":[`, `,"error":`, rejected)
	text = appendList(text, `,"warnings":[`, `,"warning":`, warned)
	send(w, http.StatusOK, append(text, '}'))
}

// appendList appends what is to be said of some events, unless it is nothing.
func appendList(text []byte, begin, why string, some []rejection) []byte {
	for i, one := range some {
		if i == 0 {
			text = append(text, begin...)
		} else {
			text = append(text, ',')
		}
		text = strconv.AppendInt(append(text, `{"index":`...), int64(one.index), 10)
		text = append(event.AppendQuoted(append(text, why...), one.why), '}')
	}
	if len(some) > 0 {
		text = append(text, ']')
	}
	return text
}

// fail answers in Querybook's shape, without the traceback that it has there.
func (c *contextLog) fail(w http.ResponseWriter, _ *http.Request, f *door.Fault) {
	message := f.Message
	if f.Permission != "" {
		message = "missing permission: " + f.Permission
	}
	text := event.AppendQuoted([]byte(`{"host":`), c.host)
	text = event.AppendQuoted(append(text, `,"error":`...), message)
	send(w, f.Status, append(text, '}'))
}

func send(w http.ResponseWriter, status int, text []byte) {
	text = append(text, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the page does not wait for it
}

// reason is what is wrong with an event, in one line.
func reason(err error) string {
	if bad, ok := errors.AsType[*event.InvalidError](err); ok {
		bad.Index = -1 // the rejection has the one of the list
	}
	return err.Error()
}
