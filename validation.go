package firn

import (
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"

	"github.com/firnlog/firn/event"
)

// MaxFaults is how many faults of a batch are told. Validation stops there, so
// that a batch that is wrong throughout costs no more than its answer is worth.
const MaxFaults = 100

// Fault is one place where an event's payload is not what the schema of its type
// says: the Index of the event in its batch, the Path (payload.total) and a
// Message.
type Fault = event.Fault

// Validator knows what the payloads of event types look like.
type Validator interface {
	// Validate finds the faults of a payload, which is compact, valid JSON, or
	// empty for {}. A type that it does not know has none. It is called by many
	// goroutines at once and keeps nothing of what it is given.
	Validate(eventType string, payload jsontext.Value) []Fault
}

// PayloadError says that an instance with ValidationEnforce refuses a batch:
// nothing of it is stored.
type PayloadError struct {
	// Faults are those found, at least one, by event; at most MaxFaults, and one
	// that says where validation has stopped if there may be more.
	Faults []Fault
}

// Error is one line: the first fault, and how many more there are.
func (e *PayloadError) Error() string {
	text := e.Faults[0].String()
	if more := len(e.Faults) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// validate finds the faults of a batch as far as its instance wants to know:
// those to warn of, or a *PayloadError.
func (l *Log) validate(ctx context.Context, r *AppendRequest) ([]Fault, error) {
	if l.catalog == nil {
		return nil, nil
	}
	mode := l.store.Validation(r.Instance)
	if mode == ValidationOff || (mode == ValidationWarn && r.Warn == nil) {
		return nil, nil
	}
	var faults []Fault
	for i := range r.Events {
		d := &r.Events[i]
		found := l.catalog.Validate(d.EventType, d.Payload)
		if len(found) == 0 || (mode == ValidationEnforce && l.holds(ctx, r.Instance, d.ID)) {
			continue
		}
		for _, f := range found {
			if len(faults) == MaxFaults {
				faults = append(faults, Fault{Index: i, Path: "payload", Message: fmt.Sprintf("has more faults; these are %d, and what follows is not validated", MaxFaults)})
				return verdict(mode, faults)
			}
			f.Index = i
			faults = append(faults, f)
		}
	}
	return verdict(mode, faults)
}

func verdict(mode Validation, faults []Fault) ([]Fault, error) {
	if mode == ValidationEnforce && len(faults) > 0 {
		return nil, &PayloadError{faults}
	}
	return faults, nil
}

// holds reports whether an instance may hold an id: its event was accepted once,
// whatever the schema says today. What the id stands for is then for the append
// to find out.
func (l *Log) holds(ctx context.Context, instance, id string) bool {
	if id == "" {
		return false
	}
	_, err := l.store.Get(ctx, instance, id)
	return !errors.Is(err, ErrNotFound)
}
