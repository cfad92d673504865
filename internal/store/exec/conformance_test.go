package exec

import (
	"context"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/conformance"
)

// TestConformance runs the suite of the DSL on blocks of every shape.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]layout{
		"one block":     {},
		"small blocks":  {rows: 3, order: column.ByStream},
		"plain columns": {rows: 5, plain: true},
		"no columns":    {rows: 4, vague: 1},
		"head":          {rows: 7, shredded: true},
		"by stream":     {rows: 4, shredded: true, order: column.ByStream},
		"sealed":        {rows: 6, sealed: true},
		"cached":        {rows: 9, sealed: true, cached: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, func(_ *testing.T, now time.Time) conformance.Engine { return &engineUnderTest{layout: l, now: now} })
		})
	}
}

// engineUnderTest is the engine over the events it was given.
type engineUnderTest struct {
	layout layout
	now    time.Time
	events []event.Event
	blocks *Snapshot // of events
}

func (e *engineUnderTest) Append(_ *testing.T, events []event.Event) {
	e.events, e.blocks = append(e.events, events...), nil
}

func (e *engineUnderTest) Ask(_ *testing.T, text []byte) (conformance.Answer, error) {
	q, err := query.Parse(text, e.now)
	if err != nil {
		return conformance.Answer{}, err
	}
	if e.blocks == nil {
		s := snapshotOf(e.events, e.layout)
		s.InstanceID = conformance.InstanceID
		e.blocks = &s
	}
	r, err := Run(context.Background(), q, *e.blocks, nil)
	if err != nil {
		return conformance.Answer{}, err
	}
	a := conformance.Answer{Selected: r.Selected, Aggregation: r.Aggregation, Total: r.Total, NextCursor: r.NextCursor}
	for i := range r.Events {
		a.Positions = append(a.Positions, r.Events[i].Position)
	}
	return a, nil
}
