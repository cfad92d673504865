package firn

import (
	"encoding/json/jsontext"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
)

// noBad is a Validator: payloads of the type checked must not hold "bad".
type noBad struct{}

func (noBad) Validate(eventType string, payload jsontext.Value) []Fault {
	if eventType != "checked" {
		return nil
	}
	var faults []Fault
	for range strings.Count(string(payload), "bad") {
		faults = append(faults, Fault{Path: "payload.x", Message: "is bad"})
	}
	return faults
}

func openChecked(t testing.TB, mode Validation) *Log {
	t.Helper()
	l, err := Open(t.TempDir(), Options{Catalog: noBad{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if _, err := l.CreateInstance(t.Context(), Instance{Name: "shop", Validation: mode}); err != nil {
		t.Fatal(err)
	}
	return l
}

func checked(id, payload string) event.Draft {
	return event.Draft{ID: id, EventType: "checked", Payload: jsontext.Value(payload)}
}

func TestValidation(t *testing.T) {
	bad := []Fault{{Index: 1, Path: "payload.x", Message: "is bad"}}
	batch := []event.Draft{checked("", `{}`), checked("", `{"x": "bad"}`), {EventType: "other", Payload: jsontext.Value(`{"x":"bad"}`)}}
	for _, c := range []struct {
		mode     Validation
		instance string
		create   bool
		told     []Fault
		refused  bool
	}{
		{mode: ValidationOff, instance: "shop"},
		{mode: ValidationWarn, instance: "shop", told: bad},
		{mode: ValidationEnforce, instance: "shop", refused: true},
		{mode: ValidationEnforce, instance: "fresh", create: true, told: bad},
		{mode: ValidationEnforce, instance: SystemInstance},
	} {
		l := openChecked(t, c.mode)
		var told []Fault
		receipts, err := l.Append(t.Context(), AppendRequest{Instance: c.instance, Events: batch, AutoCreate: c.create, Warn: func(f []Fault) { told = f }})
		if diff := cmp.Diff(c.told, told); diff != "" {
			t.Errorf("%s, %s: told (-want +got)\n%s", c.mode, c.instance, diff)
		}
		refusal, refused := errors.AsType[*PayloadError](err)
		if refused != c.refused || (!refused && (err != nil || len(receipts) != len(batch))) {
			t.Errorf("%s, %s: %v", c.mode, c.instance, err)
		}
		if refused {
			if diff := cmp.Diff(bad, refusal.Faults); diff != "" || err.Error() != "events[1].payload.x: is bad" {
				t.Errorf("refused with %v\n%s", err, diff)
			}
			if stats, err := l.InstanceStats(t.Context(), "shop"); err != nil || stats.Events != 0 {
				t.Errorf("%d events are stored of a batch that was refused, %v", stats.Events, err)
			}
		}
		if _, err := l.Append(t.Context(), AppendRequest{Instance: "none", Events: batch}); !errors.Is(err, ErrNotFound) && c.mode != ValidationOff {
			t.Errorf("an instance that is not there: %v", err)
		}
	}
}

func TestFaultsToldAreBounded(t *testing.T) {
	l := openChecked(t, ValidationWarn)
	var batch []event.Draft
	for range 60 {
		batch = append(batch, checked("", `{"x":["bad","bad"]}`))
	}
	var told []Fault
	if _, err := l.Append(t.Context(), AppendRequest{Instance: "shop", Events: batch, Warn: func(f []Fault) { told = f }}); err != nil {
		t.Fatal(err)
	}
	if n := len(told); n != MaxFaults+1 || told[n-1].Index != 50 || !strings.Contains(told[n-1].Message, "not validated") {
		t.Errorf("%d faults, the last %v", n, told[n-1])
	}
	enforce := ValidationEnforce
	if _, err := l.UpdateInstance(t.Context(), "shop", InstanceUpdate{Validation: &enforce}); err != nil {
		t.Fatal(err)
	}
	_, err := l.Append(t.Context(), AppendRequest{Instance: "shop", Events: batch})
	if bad, ok := errors.AsType[*PayloadError](err); !ok || len(bad.Faults) != MaxFaults+1 || !strings.Contains(err.Error(), "(and 100 more)") {
		t.Errorf("%v", err)
	}
}

// TestRetryIsNotRefused: what is stored was accepted, whatever a stricter
// schema says of it now, sealed or not.
func TestRetryIsNotRefused(t *testing.T) {
	l := openChecked(t, ValidationWarn)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	mine := checked("mine", `{"x":"bad"}`)
	mine.Timestamp = at
	first, err := l.Append(t.Context(), AppendRequest{Instance: "shop", Events: []event.Draft{mine, checked("", `{"x":"bad"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	enforce := ValidationEnforce
	if _, err := l.UpdateInstance(t.Context(), "shop", InstanceUpdate{Validation: &enforce}); err != nil {
		t.Fatal(err)
	}
	for _, sealed := range []bool{false, true} {
		if sealed {
			if err := l.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		retry := []event.Draft{mine, checked(first[1].ID, `{"x":"bad"}`), checked("", `{"x":"good"}`)}
		again, err := l.Append(t.Context(), AppendRequest{Instance: "shop", Events: retry})
		if err != nil || !again[0].Duplicate || !again[1].Duplicate || again[2].Duplicate {
			t.Errorf("sealed %v: %+v, %v", sealed, again, err)
		}
		other := checked("mine", `{"x":"bad bad"}`)
		if _, err := l.Append(t.Context(), AppendRequest{Instance: "shop", Events: []event.Draft{other}}); err == nil {
			t.Error("another event under a known id is taken")
		} else if _, conflict := errors.AsType[*IDConflictError](err); !conflict {
			t.Errorf("another event under a known id: %v", err)
		}
		_, err = l.Append(t.Context(), AppendRequest{Instance: "shop", Events: []event.Draft{mine, checked("new", `{"x":"bad"}`)}})
		if bad, ok := errors.AsType[*PayloadError](err); !ok || len(bad.Faults) != 1 || bad.Faults[0].Index != 1 {
			t.Errorf("a retry with a bad event: %v", err)
		}
	}
}

// TestValidationCostsNoMemory: events without faults are validated without
// allocation, under a name and under an id.
func TestValidationCostsNoMemory(t *testing.T) {
	l := openChecked(t, ValidationEnforce)
	in, err := l.Instance("shop")
	if err != nil {
		t.Fatal(err)
	}
	events := []event.Draft{checked("a", `{"x":1}`), checked("b", `{"x":2}`)}
	for _, name := range []string{in.Name, in.ID} {
		r := AppendRequest{Instance: name, Events: events}
		if n := testing.AllocsPerRun(100, func() { _, _ = l.validate(t.Context(), &r) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
