package server

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/conformance"
)

// TestConformance asks the whole suite of the query language over HTTP.
func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T, now time.Time) conformance.Engine {
		door := &httpEngine{now: now}
		door.clock.Store(&now)
		door.running = start(t, Options{Now: func() time.Time { return *door.clock.Load() }})
		return door
	})
}

// httpEngine is a server as the suite sees it.
type httpEngine struct {
	*running
	clock atomic.Pointer[time.Time]
	now   time.Time
	made  bool
}

func (d *httpEngine) Append(t *testing.T, events []event.Event) {
	t.Helper()
	d.t = t
	if !d.made {
		d.at(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
		d.must(201, "POST", "/v1/instances", `{"name":"`+conformance.Instance+`"}`)
		d.made = true
	}
	for i := range events {
		e := &events[i]
		d.at(e.RecordedAt)
		draft := event.Draft{ID: e.ID, StreamID: e.StreamID, EventType: e.EventType, Timestamp: e.Timestamp, Severity: e.Severity,
			Actor: e.Actor, Subject: e.Subject, Payload: e.Payload, Metadata: e.Metadata}
		answer := d.must(201, "POST", "/v1/instances/"+conformance.Instance+"/events", string(draft.AppendJSON(nil)))
		if want := fmt.Sprintf(`"sequence_number":%d,"position":%d,`, e.SequenceNumber, e.Position); !strings.Contains(string(answer.body), want) {
			t.Fatalf("%s, want %s", answer, want)
		}
	}
	d.at(d.now)
}

func (d *httpEngine) at(clock time.Time) { d.clock.Store(&clock) }

func (d *httpEngine) Ask(t *testing.T, text []byte) (conformance.Answer, error) {
	t.Helper()
	d.t = t
	answer := d.ask("POST", "/v1/query", string(text))
	if answer.status == http.StatusBadRequest {
		p := answer.problem(t)
		return conformance.Answer{}, &query.Error{Path: p.Errors[0].Field, Message: p.Errors[0].Message}
	}
	if answer.status != http.StatusOK {
		return conformance.Answer{}, fmt.Errorf("%s", answer)
	}
	var body struct {
		Events      []jsontext.Value `json:"events"`
		Aggregation jsontext.Value   `json:"aggregation"`
		Total       *int64           `json:"total"`
		NextCursor  string           `json:"next_cursor"`
		Stats       *jsonObject      `json:"stats"`
	}
	answer.decode(t, &body)
	if body.Stats == nil {
		t.Errorf("%s does not say what it cost", answer)
	}
	result := conformance.Answer{Aggregation: body.Aggregation, Total: body.Total, NextCursor: body.NextCursor}
	for _, e := range body.Events {
		var whole struct {
			Position int64 `json:"position"`
		}
		if err := json.Unmarshal(e, &whole); err == nil {
			result.Positions = append(result.Positions, whole.Position)
		}
		result.Selected = append(result.Selected, e)
	}
	return result, nil
}
