package webdebug

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/door"
	"github.com/firnlog/firn/query"
)

// serve tells a scheme.
func (p *profiler) serve(w http.ResponseWriter, r *door.Request, id string) error {
	if p.disabled {
		return errDisabled
	}
	text, err := p.scheme(r.Context(), instanceOf(r.Request), id)
	if errors.Is(err, firn.ErrNotFound) {
		return &door.Fault{Status: http.StatusNotFound, Code: "not_found", Message: "there is no scheme " + shown(id)}
	}
	if err != nil {
		return err
	}
	sendText(w, http.StatusOK, text)
	return nil
}

// scheme finds a scheme and rebuilds it.
func (p *profiler) scheme(ctx context.Context, instance, id string) ([]byte, error) {
	if id == "" || len(id) > maxSchemeID {
		return nil, firn.ErrNotFound
	}
	first, err := p.log.Get(ctx, instance, id)
	if err != nil {
		return nil, err
	}
	n, ok := eventsOf(&first, id)
	if !ok {
		return nil, firn.ErrNotFound
	}
	t := &tree{id: id, events: make([]event.Event, n), there: make([]bool, n), children: make([][]int, n+1)}
	if err := p.collect(ctx, instance, t, first.Position); err != nil {
		return nil, err
	}
	t.link()
	k := keptOf(&first)
	k.scheme = true
	return k.append(nil, func(dst []byte) []byte { return t.appendEvents(dst, 0) }), nil
}

// eventsOf is how many events a scheme has, by its own event; ok is false for
// any other event.
func eventsOf(e *event.Event, id string) (n int, ok bool) {
	of, _ := event.Member(e.Metadata, "scheme_id")
	count, _ := event.Member(e.Payload, "events")
	n, err := strconv.Atoi(string(count))
	const most = 1_000_000 // events of a batch, and then some
	if e.EventType != typeScheme || event.KindOf(of) != '"' || event.Unquoted(of) != id || err != nil || n < 0 || n > most {
		return 0, false
	}
	return n, true
}

// collect reads the events of a scheme. They are one batch, so they follow the
// scheme's own event; what does not, because it was purged and sent again, is
// looked for by its id.
func (p *profiler) collect(ctx context.Context, instance string, t *tree, position int64) error {
	if len(t.events) == 0 {
		return nil
	}
	last := query.Is(query.Field{Root: query.Position, Name: "position"}, query.Lte, query.IntValue(position+int64(len(t.events))))
	err := p.log.Scan(ctx, instance, last, position, func(events []event.Event) error {
		for i := range events {
			t.put(&events[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range t.events {
		if t.there[i] {
			continue
		}
		e, err := p.log.Get(ctx, instance, eventID(t.id, i))
		if errors.Is(err, firn.ErrNotFound) {
			continue // purged
		}
		if err != nil {
			return err
		}
		t.put(&e)
	}
	return nil
}

// tree is the events of a scheme by their index.
type tree struct {
	id     string
	events []event.Event
	there  []bool
	// children are the indexes of the events nested in an event, by its index +
	// 1; at 0 are those of the scheme itself.
	children [][]int
}

// put takes an event that belongs to the scheme.
func (t *tree) put(e *event.Event) {
	of, _ := event.Member(e.Metadata, "scheme_id")
	text, _ := event.Member(e.Metadata, "index")
	i, err := strconv.Atoi(string(text))
	if event.KindOf(of) != '"' || event.Unquoted(of) != t.id || err != nil || i < 0 || i >= len(t.events) || t.there[i] {
		return
	}
	t.events[i], t.there[i] = *e, true
}

// link finds the parent of each event. An event whose parent was purged is told
// as one of the scheme's own.
func (t *tree) link() {
	index := make(map[string]int, len(t.events))
	for i := range t.events {
		if !t.there[i] {
			continue
		}
		parent := -1
		if id, ok := event.Member(t.events[i].Metadata, "parent_id"); ok && event.KindOf(id) == '"' {
			if at, known := index[event.Unquoted(id)]; known { // it comes before: no circles
				parent = at
			}
		}
		t.children[parent+1] = append(t.children[parent+1], i)
		index[t.events[i].ID] = i
	}
}

// appendEvents appends the list of the events in an event, or in the scheme, by
// the index in children.
func (t *tree) appendEvents(dst []byte, in int) []byte {
	dst = append(dst, '[')
	for _, i := range t.children[in] {
		k := keptOf(&t.events[i])
		k.children = len(t.children[i+1]) > 0
		dst = k.append(appendComma(dst), func(dst []byte) []byte { return t.appendEvents(dst, i+1) })
	}
	return append(dst, ']')
}

func keptOf(e *event.Event) kept {
	return kept{eventType: e.EventType, timestamp: e.Timestamp, severity: e.Severity, payload: e.Payload, metadata: e.Metadata}
}
