package happyview

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/door"
	"github.com/firnlog/firn/query"
)

// filterOf is the filter in a query string.
func filterOf(values url.Values) *filter {
	text := func(name string) *string { return new(values.Get(name)) }
	return &filter{
		EventType: text("event_type"), Category: text("category"), Severity: text("severity"),
		Subject: text("subject"), Before: text("before"), After: text("after"),
	}
}

// list answers with a page, newest first.
func (v *view) list(w http.ResponseWriter, r *door.Request) error {
	values, err := single(r.Request)
	if err != nil {
		return err
	}
	where, err := filterOf(values).condition()
	if err != nil {
		return err
	}
	q := &query.Query{
		Instance: v.instance(r.Request), Limit: defaultLimit, NoTotal: true, Now: v.opts.Now(),
		// recorded_at never goes backwards, so positions are in its order, and
		// no two are the same.
		OrderBy: []query.Order{{Field: query.Field{Root: query.Position, Name: "position"}, Desc: true}},
	}
	if values.Has("limit") {
		if q.Limit, err = parseLimit(values.Get("limit")); err != nil {
			return err
		}
	}
	if where, q.Cursor, err = goOn(where, strings.TrimSpace(values.Get("cursor"))); err != nil {
		return err
	}
	if len(where) > 0 {
		q.Where = where
	}
	page, err := v.log.Query(r.Context(), q)
	if err != nil {
		return said(q.Instance, values.Get("cursor"), err)
	}
	send(w, http.StatusOK, appendPage(nil, page))
	return nil
}

// goOn adds what a cursor means. A time, which HappyView's own cursors are, is
// an exclusive upper bound; Firn's have no colon and go to the query.
func goOn(where query.And, cursor string) (query.And, string, error) {
	if !strings.Contains(cursor, ":") {
		return where, cursor, nil
	}
	at, err := parseInstant(cursor)
	if err != nil {
		return nil, "", badCursor(cursor)
	}
	return append(where, recorded(query.Lt, at)), "", nil
}

func badCursor(cursor string) error {
	return door.Bad("invalid cursor '" + printable(cursor) + "': must be the cursor of the page before, with the same filters, or a timestamp such as 2026-03-01T11:59:00Z")
}

// said is an error of the log in the words of this door.
func said(instance, cursor string, err error) error {
	var bad *query.Error
	switch {
	case errors.As(err, &bad) && bad.Path == "cursor":
		return badCursor(cursor)
	case errors.Is(err, firn.ErrNotFound):
		return &door.Fault{Status: http.StatusNotFound, Message: "instance '" + printable(instance) + "' not found"}
	}
	return err
}

// appendPage writes a page in HappyView's field names and order.
func appendPage(dst []byte, page *firn.Result) []byte {
	dst = append(dst, `{"events":[`...)
	for i := range page.Events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendEvent(dst, &page.Events[i])
	}
	dst = append(dst, ']')
	if page.NextCursor != "" {
		dst = event.AppendQuoted(append(dst, `,"cursor":`...), page.NextCursor)
	}
	return append(dst, '}')
}

func appendEvent(dst []byte, e *event.Event) []byte {
	dst = event.AppendQuoted(append(dst, `{"id":`...), e.ID)
	dst = event.AppendQuoted(append(dst, `,"event_type":`...), e.EventType)
	dst = event.AppendQuoted(append(dst, `,"severity":`...), shown(e.Severity))
	dst = appendText(append(dst, `,"actor_did":`...), e.Actor)
	dst = appendText(append(dst, `,"subject":`...), e.Subject)
	dst = append(append(dst, `,"detail":`...), e.Payload...)
	dst = event.AppendMillis(append(dst, `,"created_at":"`...), e.RecordedAt.UnixMilli())
	return append(dst, `"}`...)
}

// appendText writes a string, or null: never nothing.
func appendText(dst []byte, text *string) []byte {
	if text == nil {
		return append(dst, "null"...)
	}
	return event.AppendQuoted(dst, *text)
}

// count answers how many events a purge with the same filters would delete.
func (v *view) count(w http.ResponseWriter, r *door.Request) error {
	values, err := single(r.Request)
	if err != nil {
		return err
	}
	where, err := filterOf(values).condition()
	if err != nil {
		return err
	}
	instance := v.instance(r.Request)
	n, err := v.log.Purge(r.Context(), instance, where, true)
	if err != nil {
		return said(instance, "", err)
	}
	send(w, http.StatusOK, append(strconv.AppendInt([]byte(`{"count":`), n, 10), '}'))
	return nil
}
