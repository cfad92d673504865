package server

import (
	"github.com/firnlog/firn/event"
)

// What changes of things that are of all instances have in common: the catalog,
// saved views, targets.

// mayChange refuses a key for some instances only; what is of all of them.
func (r *request) mayChange(what string) error {
	if r.caller.Everywhere() {
		return nil
	}
	return forbidden("the API key is for some instances only, and %s is of all of them", what)
}

// by says in an event who did what it records.
func (r *request) by(d event.Draft) event.Draft {
	if actor := r.caller.Actor(); actor != "" {
		d.Actor = &actor
	}
	return d
}

// changed is the event that records a change of a document.
func (r *request) changed(eventType, kind, name string) event.Draft {
	payload := append(event.AppendQuoted([]byte(`{"kind":"`+kind+`","name":`), name), '}')
	return r.by(event.Draft{EventType: eventType, Subject: new(kind + "/" + name), Payload: payload})
}
