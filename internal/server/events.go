package server

import (
	"fmt"
	"net/http"

	"github.com/firnlog/firn/event"
)

const eventsPath = instancePath + "/events"

func eventRoutes() []route {
	return []route{
		{method: "GET", path: eventsPath, name: "listEvents", permission: eventsRead,
			about: "Lists events in append order, filtered; next_cursor continues the list exactly.",
			params: filterParams(
				param{name: "order", kind: enum, oneOf: []string{"asc", "desc"}, about: "asc (append order, the default) or desc (latest first)."},
				param{name: "limit", kind: integer, min: 0, max: 10_000, about: "Events in one answer; 1,000 if not given."},
				param{name: "cursor", about: "next_cursor of the page before."},
			),
			answers: []answer{{status: 200, about: "A page of events.", media: []media{jsonMedia}, schema: "Events"},
				{status: 404, about: "No such instance."}},
			serve: (*Server).listEvents},
		{method: "GET", path: eventsPath + "/{id}", name: "getEvent", permission: eventsRead,
			about: "One event by its id.",
			answers: []answer{{status: 200, about: "The event.", media: []media{jsonMedia}, schema: "Event"},
				{status: 404, about: "No such instance or event."}},
			serve: (*Server).getEvent},
	}
}

func (s *Server) listEvents(w http.ResponseWriter, r *request) error {
	more := fmt.Sprintf(`,"total":false,"limit":%d`, r.params.integer("limit", 1_000))
	if r.params["order"] == "desc" {
		more += `,"orderBy":{"field":"position","direction":"desc"}`
	}
	if r.params.has("cursor") {
		more += `,"cursor":` + string(event.AppendQuoted(nil, r.params["cursor"]))
	}
	q, err := s.filterQuery(r, more)
	if err != nil {
		return err
	}
	result, err := s.log.Query(r.Context(), q)
	if err != nil {
		return err
	}
	held, err := s.holdAnswer(result.Bytes)
	if err != nil {
		return err
	}
	defer held.end()
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(`{`)
	if err := out.events(result.Events); err != nil {
		return err
	}
	if result.NextCursor != "" {
		out.member("next_cursor")
		out.text(result.NextCursor)
	}
	out.lost(result.Lost)
	out.raw("}\n")
	return out.finish(http.StatusOK)
}

// events writes the member "events".
func (w *writer) events(events []event.Event) error {
	w.member("events")
	w.raw("[")
	for i := range events {
		if err := w.room(); err != nil {
			return err
		}
		if i > 0 {
			w.raw(",")
		}
		w.buf = events[i].AppendJSON(w.buf)
	}
	w.raw("]")
	return nil
}

func (s *Server) getEvent(w http.ResponseWriter, r *request) error {
	found, err := s.log.Get(r.Context(), r.PathValue("instance"), r.PathValue("id"))
	if err != nil {
		return err
	}
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.buf = found.AppendJSON(out.buf)
	out.raw("\n")
	return out.finish(http.StatusOK)
}
