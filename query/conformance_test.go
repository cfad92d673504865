package query_test

import (
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/conformance"
)

// evaluator is the row evaluator as an engine of the conformance suite.
type evaluator struct {
	now    time.Time
	events []event.Event
}

func (e *evaluator) Append(_ *testing.T, events []event.Event) {
	e.events = append(e.events, events...)
}

func (e *evaluator) Ask(_ *testing.T, text []byte) (conformance.Answer, error) {
	q, err := query.Parse(text, e.now)
	if err != nil {
		return conformance.Answer{}, err
	}
	a, err := query.Evaluate(q, e.events)
	if err != nil {
		return conformance.Answer{}, err
	}
	answer := conformance.Answer{Selected: a.Selected, Aggregation: a.Aggregation, Total: a.Total, NextCursor: a.NextCursor}
	for _, e := range a.Events {
		answer.Positions = append(answer.Positions, e.Position)
	}
	return answer, nil
}

func TestConformance(t *testing.T) {
	conformance.Run(t, func(_ *testing.T, now time.Time) conformance.Engine { return &evaluator{now: now} })
}
