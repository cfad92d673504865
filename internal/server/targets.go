package server

import (
	"encoding/json/jsontext"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/target"
)

const (
	targetsPath = "/v1/targets"
	targetPath  = targetsPath + "/{name}"

	targetsManage = permission(auth.TargetsManage)

	// letters is how many dead letters a page has.
	letters, mostLetters = 100, 1000
)

func targetRoutes() []route {
	missing := answer{status: 404, about: "No such target."}
	one := answer{status: 202, about: "How the target is doing; what was asked for goes on behind it.", media: []media{jsonMedia}, schema: "Target"}
	idle := answer{status: 409, about: "No server delivers to the target: its directory is open, and not its configuration."}
	return []route{
		{method: "GET", path: targetsPath, name: "listTargets", permission: targetsManage,
			about:   "Lists where events also go, by name, and how each is doing.",
			answers: []answer{{status: 200, about: "The targets.", media: []media{jsonMedia}, schema: "Targets"}},
			serve:   (*Server).listTargets},
		{method: "POST", path: targetPath + "/retry", name: "retryTarget", permission: targetsManage,
			about: "Has a target tried at once, whatever it waits for, and its dead letters again.",
			params: []param{
				{name: "dead_letters", kind: boolean, about: "false leaves the dead letters alone. Default: true."},
				{name: "dead_letter", kind: integer, min: 1, max: math.MaxInt64, about: "Tries this dead letter again and no other."},
			},
			answers: []answer{one, missing, idle}, serve: (*Server).retryTarget},
		{method: "POST", path: targetPath + "/replay", name: "replayTarget", permission: targetsManage,
			about: "Has a target go on elsewhere in the log: events that it has had come again, and what is skipped is skipped for good.",
			body:  []media{jsonMedia}, bodySchema: "Replay",
			answers: []answer{one, missing}, serve: (*Server).replayTarget},
		{method: "GET", path: targetPath + "/dead-letters", name: "listDeadLetters", permission: targetsManage,
			about: "Lists the events that a target has refused for good, by id.",
			params: []param{
				{name: "limit", kind: integer, min: 1, max: mostLetters, about: "How many, 100 by default; fewer where they are large."},
				{name: "cursor", kind: integer, min: 0, max: math.MaxInt64, about: "next_cursor of the page before."},
			},
			answers: []answer{{status: 200, about: "A page.", media: []media{jsonMedia}, schema: "DeadLetters"}, missing},
			serve:   (*Server).listDeadLetters},
		{method: "DELETE", path: targetPath + "/dead-letters", name: "discardDeadLetters", permission: targetsManage,
			about: "Discards dead letters: the target gets their events only if it is replayed. In the log they stay.",
			params: []param{
				{name: "dead_letter", kind: integer, min: 1, max: math.MaxInt64, about: "Discards this one and no other. Default: all that the target has now."},
			},
			answers: []answer{{status: 200, about: "How many were discarded.", media: []media{jsonMedia}, schema: "Discarded"}, missing},
			serve:   (*Server).discardDeadLetters},
	}
}

func (s *Server) listTargets(w http.ResponseWriter, r *request) error {
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(`{"targets":[`)
	for i, status := range s.opts.Targets.Status() {
		if i > 0 {
			out.raw(",")
		}
		out.target(&status)
	}
	out.raw("]}\n")
	return out.finish(http.StatusOK)
}

// target writes how a target is doing.
func (w *writer) target(t *target.Status) {
	w.raw("{")
	w.member("name")
	w.text(t.Name)
	w.member("type")
	w.text(t.Type)
	w.member("state")
	w.text(string(t.State))
	w.member("lag_events")
	w.integer(t.LagEvents)
	w.member("lag_seconds")
	w.buf = strconv.AppendFloat(w.buf, t.LagSeconds, 'f', 3, 64)
	w.member("delivered")
	w.integer(t.Delivered)
	w.member("dead_letters")
	w.integer(t.DeadLetters)
	w.member("last_error")
	if t.LastError == "" {
		w.raw("null")
	} else {
		w.text(t.LastError)
	}
	w.member("last_error_at")
	w.instantOrNull(t.LastErrorAt)
	w.raw("}")
}

func (s *Server) retryTarget(w http.ResponseWriter, r *request) error {
	if err := r.mayChange("a target"); err != nil {
		return err
	}
	again := !r.params.has("dead_letters") || r.params.boolean("dead_letters")
	var ids []int64
	if r.params.has("dead_letter") {
		if !again {
			return malformed("dead_letter", "names one to try again, and dead_letters=false says none")
		}
		ids = []int64{r.params.integer("dead_letter", 0)}
	}
	status, err := s.opts.Targets.Retry(r.PathValue("name"), again, ids)
	if err != nil {
		return err
	}
	count := int64(0)
	if again {
		count = status.DeadLetters
	}
	if len(ids) > 0 {
		count = 1
	}
	payload := event.AppendQuoted([]byte(`{"target":`), status.Name)
	payload = append(strconv.AppendInt(append(payload, `,"dead_letters":`...), count, 10), '}')
	return s.answerTarget(w, r, status, event.Draft{EventType: "target.retried", Severity: event.Notice, Payload: payload})
}

// answerTarget records what was done with a target and answers how it is doing.
func (s *Server) answerTarget(w http.ResponseWriter, r *request, status target.Status, done event.Draft) error {
	done.Subject = &status.Name
	if _, err := s.log.Record(r.Context(), r.by(done)); err != nil {
		return err
	}
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.target(&status)
	out.raw("\n")
	return out.finish(http.StatusAccepted)
}

// replayBody is the body of POST /v1/targets/{name}/replay.
type replayBody struct {
	From     jsontext.Value `json:"from"`
	Instance *string        `json:"instance"`
}

// from reads where a target is to go on.
func (b *replayBody) from() (f target.From, err error) {
	position, notNumber := strconv.ParseInt(string(b.From), 10, 64)
	switch text := string(b.From); {
	case text == `"beginning"`:
		f.Beginning = true
	case text == `"now"`:
		f.Now = true
	case text == "":
		err = malformed("from", `is missing; "beginning", "now" or the position behind which to go on`)
	case notNumber != nil || position < 0:
		err = malformed("from", `must be "beginning", "now" or the position behind which to go on, a whole number`)
	case position == 0:
		f.Beginning = true
	default:
		f.After = position
	}
	return f, err
}

func (s *Server) replayTarget(w http.ResponseWriter, r *request) error {
	if err := r.mayChange("a target"); err != nil {
		return err
	}
	var given replayBody
	if err := s.receiveJSON(r, &given); err != nil {
		return err
	}
	from, err := given.from()
	if err != nil {
		return err
	}
	if given.Instance != nil && *given.Instance == "" {
		return malformed("instance", "is empty; leave it out for every instance")
	}
	name := r.PathValue("name")
	if err := s.opts.Targets.Replay(name, deref(given.Instance), from); err != nil {
		return err
	}
	payload := event.AppendQuoted([]byte(`{"target":`), name)
	payload = append(payload, `,"instance":null`...)
	if given.Instance != nil {
		payload = event.AppendQuoted(payload[:len(payload)-len("null")], *given.Instance)
	}
	payload = append(append(append(payload, `,"from":`...), given.From...), '}')
	for _, status := range s.opts.Targets.Status() {
		if status.Name == name {
			return s.answerTarget(w, r, status, event.Draft{EventType: "target.replayed", Severity: event.Warning, Payload: payload})
		}
	}
	return target.ErrUnknown
}

func (s *Server) listDeadLetters(w http.ResponseWriter, r *request) error {
	found, more, err := s.opts.Targets.DeadLetters(r.PathValue("name"), r.params.integer("cursor", 0), int(r.params.integer("limit", letters)))
	if err != nil {
		return err
	}
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(`{"dead_letters":[`)
	separate := ""
	for i := range found {
		if !r.caller.Everywhere() && !r.caller.Sees(found[i].Instance.ID) {
			continue // unknown to this key
		}
		if err := out.room(); err != nil {
			return err
		}
		out.raw(separate)
		out.deadLetter(&found[i])
		separate = ","
	}
	out.raw("]")
	if more {
		out.raw(`,"next_cursor":"`)
		out.integer(found[len(found)-1].ID)
		out.raw(`"`)
	}
	out.raw("}\n")
	return out.finish(http.StatusOK)
}

func (s *Server) discardDeadLetters(w http.ResponseWriter, r *request) error {
	if err := r.mayChange("a target"); err != nil {
		return err
	}
	var ids []int64
	if r.params.has("dead_letter") {
		ids = []int64{r.params.integer("dead_letter", 0)}
	}
	name := r.PathValue("name")
	n, err := s.opts.Targets.Discard(name, ids)
	if err != nil {
		return err
	}
	payload := event.AppendQuoted([]byte(`{"target":`), name)
	payload = strconv.AppendInt(append(payload, `,"dead_letters":`...), int64(n), 10)
	if len(ids) > 0 {
		payload = strconv.AppendInt(append(payload, `,"dead_letter":`...), ids[0], 10)
	}
	done := event.Draft{EventType: "target.discarded", Severity: event.Warning, Subject: &name, Payload: append(payload, '}')}
	if _, err := s.log.Record(r.Context(), r.by(done)); err != nil {
		return err
	}
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(`{"discarded":`)
	out.integer(int64(n))
	out.raw("}\n")
	return out.finish(http.StatusOK)
}

func (w *writer) deadLetter(l *target.DeadLetter) {
	w.raw("{")
	w.member("id")
	w.integer(l.ID)
	w.member("instance")
	w.text(l.Instance.Name)
	w.member("error")
	w.text(l.Message)
	w.member("at")
	w.instant(l.At)
	w.member("attempts")
	w.integer(int64(l.Attempts))
	w.member("event")
	w.buf = l.Event.AppendJSON(w.buf)
	w.raw("}")
}

// problemOfTarget maps the errors of targets; nil for others.
func problemOfTarget(err error) *problem {
	switch {
	case errors.Is(err, target.ErrUnknown):
		return newProblem(http.StatusNotFound, codeNotFound, "Not found", err.Error())
	case errors.Is(err, target.ErrNotRunning):
		return newProblem(http.StatusConflict, codeNotRunning, "The target is not running", err.Error())
	}
	return nil
}
