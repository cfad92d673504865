package query

import (
	"encoding/json/jsontext"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func cursors() []Cursor {
	return []Cursor{
		{Kind: AppendOrder, Query: 1, Now: 1_700_000_000_000_000, Position: 42},
		{Kind: Sorted, Query: 1<<64 - 1, Position: 7, Snapshot: 1 << 40, Offset: 100, Keys: []jsontext.Value{jsontext.Value(`"x"`), nil, jsontext.Value("1e3")}},
	}
}

func TestCursorComesBack(t *testing.T) {
	for _, want := range cursors() {
		got, err := DecodeCursor(want.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestCursorWithLongKeysLeavesThemOut(t *testing.T) {
	long := Cursor{Kind: Sorted, Position: 7, Snapshot: 9, Keys: []jsontext.Value{jsontext.Value(`"` + strings.Repeat("x", maxCursorKeys) + `"`)}}
	got, err := DecodeCursor(long.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if got.Keys != nil || got.Position != 7 {
		t.Errorf("got %+v", got)
	}
}

func TestCursorThatWasChangedIsRefused(t *testing.T) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, c := range cursors() {
		text := c.Encode()
		for i := range text {
			for _, other := range []byte{letters[0], letters[17], letters[63]} {
				changed := text[:i] + string(other) + text[i+1:]
				if changed == text {
					continue
				}
				if got, err := DecodeCursor(changed); err == nil {
					t.Fatalf("letter %d changed and nobody noticed: %+v", i, got)
				}
			}
		}
		for i := range text {
			if _, err := DecodeCursor(text[:i]); err == nil {
				t.Fatalf("cut at %d and nobody noticed", i)
			}
		}
	}
}

func mustParse(t *testing.T, text string, now time.Time) *Query {
	t.Helper()
	q, err := Parse([]byte(text), now)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestFingerprint(t *testing.T) {
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	of := func(rest string, now time.Time) uint64 {
		return mustParse(t, `{"from":{"instance":"i"`+rest+`}`, now).Fingerprint("id")
	}
	base := of(`},"where":[{"field":"timestamp","operator":"gt","value":"now-1d"}]`, now)
	for name, same := range map[string]uint64{
		"later":                     of(`},"where":[{"field":"timestamp","operator":"gt","value":"now-1d"}]`, now.Add(time.Hour)),
		"limit, select, total":      of(`},"limit":3,"total":false,"select":["id"],"where":{"field":"timestamp","operator":"gt","value":"now-1d"}`, now),
		"a key in another spelling": of(`},"where":[{"operator":"gt","value":"now-1d","field":"timestamp"}]`, now),
	} {
		if same != base {
			t.Errorf("%s: another fingerprint", name)
		}
	}
	for name, other := range map[string]uint64{
		"no where":         of(`}`, now),
		"another time":     of(`},"where":[{"field":"timestamp","operator":"gt","value":"now-2d"}]`, now),
		"another field":    of(`},"where":[{"field":"recorded_at","operator":"gt","value":"now-1d"}]`, now),
		"a stream":         of(`,"stream":"where"},"where":[{"field":"timestamp","operator":"gt","value":"now-1d"}]`, now),
		"an order":         of(`},"orderBy":{"field":"id"},"where":[{"field":"timestamp","operator":"gt","value":"now-1d"}]`, now),
		"the order's turn": of(`},"orderBy":{"field":"id","direction":"desc"},"where":[{"field":"timestamp","operator":"gt","value":"now-1d"}]`, now),
	} {
		if other == base {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
	if mustParse(t, `{"from":{"instance":"i"}}`, now).Fingerprint("other") == of(`}`, now) {
		t.Error("another instance: the same fingerprint")
	}
}

func TestRelativeTimesOfAPageAreThoseOfTheFirst(t *testing.T) {
	first := time.Date(2025, 1, 1, 0, 0, 0, 123_456_789, time.UTC)
	cursor := Cursor{Kind: AppendOrder, Now: first.UnixMicro()}.Encode()
	q := mustParse(t, `{"from":{"instance":"i"},"cursor":"`+cursor+`","where":{"field":"timestamp","operator":"lt","value":"now-1h"}}`, first.Add(time.Hour))
	want := first.Add(-time.Hour).UnixMicro()
	if got := q.Where.(*Compare).Values[0].Micros; got != want || q.Now.UnixMicro() != first.UnixMicro() {
		t.Errorf("got %d and now %v, want %d", got, q.Now, want)
	}
}

func FuzzDecodeCursor(f *testing.F) {
	for _, c := range cursors() {
		f.Add(c.Encode())
	}
	f.Add("")
	f.Add("hello")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := DecodeCursor(text)
		if err != nil {
			return
		}
		again, err := DecodeCursor(c.Encode())
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if diff := cmp.Diff(c, again); diff != "" && len(text) < maxCursorKeys {
			t.Errorf("-first +second:\n%s", diff)
		}
	})
}
