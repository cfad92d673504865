package target

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"log/slog"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// The events of targets in the instance system.
const (
	typeConnected    = "target.connected"
	typeDisconnected = "target.disconnected"
	typeDeadLettered = "target.dead_lettered"
	typeGap          = "target.gap"
)

// announcer records in the instance system how a target is doing. What comes in
// floods is gathered: an event of a kind at once, then at most one a minute with
// what has come meanwhile. Gaps are told each, with their ranges.
type announcer struct {
	log    *firn.Log
	logger *slog.Logger
	name   string
	kind   string
	gather time.Duration

	// up is what was told last; nil = nothing yet.
	up      *bool
	pending *announcement      // connected or disconnected, the latest
	changes int                // that pending stands for
	told    map[bool]time.Time // when the last of these was recorded, by up

	buried burial
	burned time.Time // when the last of these was recorded
}

type announcement struct {
	up    bool
	state State
	text  string
}

// burial are dead letters that are not told yet.
type burial struct {
	Target    string `json:"target"`
	Type      string `json:"type"`
	Count     int    `json:"count"`
	Instance  string `json:"instance"` // of the first
	First     int64  `json:"first_position"`
	EventType string `json:"event_type"`
	Message   string `json:"error"` // why the first was refused
}

// gapRange is a range in an event.
type gapRange struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// gapsTold is how many ranges one event names.
const gapsTold = 1000

// connected tells that the target takes events again.
func (a *announcer) connected(ctx context.Context) {
	a.change(ctx, announcement{up: true, state: Running})
}

// disconnected tells that it does not.
func (a *announcer) disconnected(ctx context.Context, state State, text string) {
	a.change(ctx, announcement{state: state, text: text})
}

func (a *announcer) change(ctx context.Context, n announcement) {
	if a.pending == nil && a.up != nil && *a.up == n.up {
		return
	}
	if a.pending == nil || a.pending.up != n.up {
		a.changes++
	}
	a.pending = &n
	a.flush(ctx, time.Now())
}

// due is when something that was gathered is to be recorded, zero if nothing is.
func (a *announcer) due() (at time.Time) {
	if a.pending != nil {
		at = a.told[a.pending.up].Add(a.gather)
	}
	if a.buried.Count > 0 && (at.IsZero() || a.burned.Add(a.gather).Before(at)) {
		at = a.burned.Add(a.gather)
	}
	return at
}

// flush records what was gathered for long enough. What cannot be recorded now is
// tried again.
func (a *announcer) flush(ctx context.Context, now time.Time) {
	if n := a.pending; n != nil && now.Sub(a.told[n.up]) >= a.gather {
		a.told[n.up] = now
		switch {
		case a.up != nil && *a.up == n.up && a.changes < 2:
			a.pending, a.changes = nil, 0
		case a.recordChange(ctx, n) == nil:
			a.up, a.pending, a.changes = &n.up, nil, 0
		}
	}
	if a.buried.Count > 0 && now.Sub(a.burned) >= a.gather {
		a.burned = now
		if a.record(ctx, typeDeadLettered, event.Error, a.buried) == nil {
			a.buried = burial{}
		}
	}
}

func (a *announcer) recordChange(ctx context.Context, n *announcement) error {
	told := struct {
		Target  string `json:"target"`
		Type    string `json:"type"`
		State   State  `json:"state"`
		Error   string `json:"error,omitzero"`
		Changes int    `json:"changes,omitzero"` // where it went back and forth
	}{a.name, a.kind, n.state, n.text, 0}
	if a.changes > 1 {
		told.Changes = a.changes
	}
	if n.up {
		return a.record(ctx, typeConnected, event.Info, told)
	}
	return a.record(ctx, typeDisconnected, event.Warning, told)
}

// deadLettered tells of a dead letter. That an event of targets was refused is
// not told: telling it would make the next one.
func (a *announcer) deadLettered(ctx context.Context, in Instance, e *event.Event, message string) {
	if in.Name == firn.SystemInstance && strings.HasPrefix(e.EventType, "target.") {
		return
	}
	if a.buried.Count == 0 {
		a.buried = burial{Target: a.name, Type: a.kind, Instance: in.Name, First: e.Position, EventType: e.EventType, Message: message}
	}
	a.buried.Count++
	a.flush(ctx, time.Now())
}

// lost tells that events are missing which the target has not had, because they
// were removed, damaged, or their instance deleted. When it returns without error
// that is durable.
func (a *announcer) lost(ctx context.Context, in Instance, gaps []firn.Gap, why string) error {
	for len(gaps) > 0 {
		some := gaps[:min(gapsTold, len(gaps))]
		gaps = gaps[len(some):]
		told := struct {
			Target     string     `json:"target"`
			Type       string     `json:"type"`
			Instance   string     `json:"instance"`
			InstanceID string     `json:"instance_id"`
			First      int64      `json:"first_position"`
			Last       int64      `json:"last_position"`
			Ranges     []gapRange `json:"ranges,omitzero"`
			Reason     string     `json:"reason"`
		}{a.name, a.kind, in.Name, in.ID, some[0].First, some[len(some)-1].Last, nil, why}
		if len(some) > 1 {
			for _, g := range some {
				told.Ranges = append(told.Ranges, gapRange(g))
			}
		}
		if err := a.record(ctx, typeGap, event.Error, told); err != nil {
			return err
		}
		a.logger.Warn("events are missing that a target has not had", "target", a.name, "instance", in.Name, "first", told.First, "last", told.Last, "reason", why)
	}
	return nil
}

func (a *announcer) record(ctx context.Context, eventType string, severity event.Severity, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("%s: %w", eventType, err)
	}
	_, err = a.log.Record(ctx, event.Draft{EventType: eventType, Severity: severity, Subject: &a.name, Payload: jsontext.Value(text)})
	if err != nil && ctx.Err() == nil {
		a.logger.Warn("what a target does is not recorded", "target", a.name, "event_type", eventType, "error", err)
	}
	return err
}
