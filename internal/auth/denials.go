package auth

import (
	"encoding/json/v2"
	"sync"
	"time"

	"github.com/firnlog/firn/event"
)

// A key that is denied again and again must not fill the log: of each key so
// many denials a window are recorded one by one, the rest as one event with
// their number.
const (
	denialsTold  = 10
	denialWindow = time.Minute
)

// denial is one refusal for want of a permission.
type denial struct {
	key        string // its id
	permission Permission
	endpoint   string
}

// denials turns refusals into events.
type denials struct {
	mu    sync.Mutex
	byKey map[string]*flood
}

// flood is one key's window.
type flood struct {
	since time.Time
	told  int
	count int    // not told
	last  denial // not told
}

// add takes a denial and returns what is to be recorded now.
func (d *denials) add(one denial, now time.Time) []event.Draft {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []event.Draft
	f := d.byKey[one.key]
	if f == nil || f.over(now) {
		if f != nil && f.count > 0 {
			out = append(out, f.last.draft(f.count))
		}
		f = &flood{since: now}
		d.byKey[one.key] = f
	}
	if f.told < denialsTold {
		f.told++
		return append(out, one.draft(1))
	}
	f.count++
	f.last = one
	return out
}

// over holds when the window has passed; a clock that went back ends it too.
func (f *flood) over(now time.Time) bool {
	passed := now.Sub(f.since)
	return passed >= denialWindow || passed < 0
}

// collect returns what windows that have passed, or all, have left to record.
func (d *denials) collect(now time.Time, all bool) []event.Draft {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []event.Draft
	for key, f := range d.byKey {
		if !all && !f.over(now) {
			continue
		}
		if f.count > 0 {
			out = append(out, f.last.draft(f.count))
		}
		delete(d.byKey, key)
	}
	return out
}

const maxEndpoint = 512 // bytes

// draft is the event of count denials, of which this is the last.
func (d denial) draft(count int) event.Draft {
	payload := map[string]any{"required_permission": d.permission, "user_id": d.key}
	if count > 1 {
		payload["count"] = count
	}
	text, err := json.Marshal(payload, json.Deterministic(true))
	if err != nil {
		panic("auth: denial: " + err.Error()) // its types can always be written
	}
	return event.Draft{EventType: TypeDenied, Severity: event.Error, Actor: &d.key, Subject: &d.endpoint, Payload: text}
}
