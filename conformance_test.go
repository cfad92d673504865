package firn_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/conformance"
)

// TestConformance asks a log the whole suite of the query language: with its
// events in memory, in one segment, in many, and in both.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, sealEvery := range map[string]int{"head": 0, "sealed": 1_000_000, "many segments": 3, "segments and head": -4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, func(t *testing.T, now time.Time) conformance.Engine { return newSuiteLog(t, now, sealEvery) })
		})
	}
}

// suiteLog is a log as the suite sees it.
type suiteLog struct {
	*firn.Log
	clock atomic.Pointer[time.Time]
	now   time.Time
	// sealEvery says after how many events to seal: 0 = never; below 0: never
	// after the last ones.
	sealEvery int
	appended  int
}

func newSuiteLog(t *testing.T, now time.Time, sealEvery int) *suiteLog {
	t.Helper()
	s := &suiteLog{now: now, sealEvery: sealEvery}
	s.at(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	var err error
	s.Log, err = firn.Open(t.TempDir(), firn.Options{Now: func() time.Time { return *s.clock.Load() }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.CreateInstance(t.Context(), firn.Instance{Name: conformance.Instance}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *suiteLog) at(clock time.Time) { s.clock.Store(&clock) }

func (s *suiteLog) Append(t *testing.T, events []event.Event) {
	t.Helper()
	for i := range events {
		e := &events[i]
		s.at(e.RecordedAt)
		r, err := s.Log.Append(t.Context(), firn.AppendRequest{Instance: conformance.Instance, Events: []event.Draft{{
			ID: e.ID, StreamID: e.StreamID, EventType: e.EventType, Timestamp: e.Timestamp, Severity: e.Severity,
			Actor: e.Actor, Subject: e.Subject, Payload: e.Payload, Metadata: e.Metadata,
		}}})
		if err != nil {
			t.Fatal(err)
		}
		if r[0].Position != e.Position || r[0].SequenceNumber != e.SequenceNumber {
			t.Fatalf("stored at %+v, want position %d, number %d", r[0], e.Position, e.SequenceNumber)
		}
		s.appended++
		if s.sealEvery != 0 && s.appended%max(s.sealEvery, -s.sealEvery) == 0 || s.sealEvery > 0 && i == len(events)-1 {
			if err := s.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.at(s.now)
}

func (s *suiteLog) Ask(t *testing.T, text []byte) (conformance.Answer, error) {
	t.Helper()
	q, err := query.Parse(text, s.now)
	if err != nil {
		return conformance.Answer{}, err
	}
	r, err := s.Query(t.Context(), q)
	if err != nil {
		return conformance.Answer{}, err
	}
	a := conformance.Answer{Selected: r.Selected, Aggregation: r.Aggregation, Total: r.Total, NextCursor: r.NextCursor}
	for i := range r.Events {
		a.Positions = append(a.Positions, r.Events[i].Position)
	}
	return a, nil
}
