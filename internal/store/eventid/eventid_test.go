package eventid_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/eventid"
)

var (
	key   = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	other = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17}
)

const maxTime = 1<<48 - 1

// TestGolden holds the layout: ids that were given out must lead back for ever.
func TestGolden(t *testing.T) {
	c := eventid.New(key)
	for _, g := range []struct {
		position, millis int64
		id               string
	}{
		{1, 1767225600000, "019b76da-a800-7987-87f5-258f9424cf0e"},
		{123456789, 1767225600123, "019b76da-a87b-7a3a-af79-212223a5e3b3"},
		{eventid.MaxPosition, maxTime, "ffffffff-ffff-70d7-8c3b-3a09ae5f5f5d"},
		{1, 0, "00000000-0000-7507-ba34-8bccb764d72f"},
	} {
		if id := c.ID(g.position, g.millis); id != g.id {
			t.Errorf("ID(%d, %d) = %s, want %s", g.position, g.millis, id, g.id)
		}
		position, millis, ok := c.Decode(g.id)
		if !ok || position != g.position || millis != g.millis {
			t.Errorf("Decode(%s) = %d, %d, %v", g.id, position, millis, ok)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := eventid.New([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key")))
		position := rapid.Int64Range(1, eventid.MaxPosition).Draw(t, "position")
		millis := rapid.Int64Range(0, maxTime).Draw(t, "millis")
		id := c.ID(position, millis)
		gotPosition, gotMillis, ok := c.Decode(id)
		if !ok || gotPosition != position || gotMillis != millis {
			t.Fatalf("%s: %d, %d, %v", id, gotPosition, gotMillis, ok)
		}
		u, err := uuid.Parse(id)
		if err != nil || u.String() != id || u.Version() != 7 || u.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is no UUIDv7: %v", id, err)
		}
		if ms := int64(u[0])<<40 | int64(u[1])<<32 | int64(u[2])<<24 | int64(u[3])<<16 | int64(u[4])<<8 | int64(u[5]); ms != millis {
			t.Fatalf("%s: time %d, want %d", id, ms, millis)
		}
	})
}

// TestWrongKey: of 20,000 ids another key accepts none but by a chance of 2⁻²⁴
// each; keys and positions are fixed, so the outcome is too.
func TestWrongKey(t *testing.T) {
	ours, theirs := eventid.New(key), eventid.New(other)
	for position := int64(1); position <= 20_000; position++ {
		if p, _, ok := theirs.Decode(ours.ID(position, 1767225600000)); ok {
			t.Errorf("position %d accepted as %d", position, p)
		}
	}
}

// TestTampered changes each digit of an id into each other.
func TestTampered(t *testing.T) {
	c := eventid.New(key)
	id := c.ID(42, 1767225600000)
	for i := range id {
		for _, r := range []byte("0123456789abcdef-ABCDEF{ \x00") {
			if id[i] == r {
				continue
			}
			changed := id[:i] + string(r) + id[i+1:]
			if _, _, ok := c.Decode(changed); ok {
				t.Errorf("%s accepted for %s", changed, id)
			}
		}
	}
}

func TestNoID(t *testing.T) {
	c := eventid.New(key)
	id := c.ID(42, 1767225600000)
	for _, text := range []string{
		"", "x", id[:35], id + "0", "{" + id + "}", "urn:uuid:" + id, " " + id[1:],
		"00000000-0000-0000-0000-000000000000", "00000000-0000-7000-8000-000000000000",
		"ffffffff-ffff-ffff-ffff-ffffffffffff", "6f1b4d1c-7a3c-4a59-9d3e-0f6f3f1f4c55",
		c.ID(0, 1), c.ID(eventid.MaxPosition+1, 1),
	} {
		if p, _, ok := c.Decode(text); ok {
			t.Errorf("%q accepted as position %d", text, p)
		}
	}
}

// TestUnique: ids of one instance differ, within one millisecond too, and do
// not follow from each other.
func TestUnique(t *testing.T) {
	c := eventid.New(key)
	const n = 200_000
	seen := make(map[string]struct{}, n)
	for i := range int64(n) {
		seen[c.ID(1+i, 1767225600000+i/50_000)] = struct{}{}
	}
	if len(seen) != n {
		t.Errorf("%d different ids of %d", len(seen), n)
	}
}

func TestAllocations(t *testing.T) {
	c := eventid.New(key)
	buf := make([]byte, 0, eventid.Size)
	id := c.ID(7, 1767225600000)
	if n := testing.AllocsPerRun(100, func() { buf = c.AppendID(buf[:0], 7, 1767225600000) }); n > 0 {
		t.Errorf("AppendID: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { c.Decode(id) }); n > 0 {
		t.Errorf("Decode: %v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	c := eventid.New(key)
	f.Add(c.ID(1, 1767225600000))
	f.Add("00000000-0000-7000-8000-000000000000")
	f.Fuzz(func(t *testing.T, id string) {
		if position, millis, ok := c.Decode(id); ok && c.ID(position, millis) != id {
			t.Errorf("%q decodes to %d, %d, whose id is %q", id, position, millis, c.ID(position, millis))
		}
	})
}

func BenchmarkID(b *testing.B) {
	c := eventid.New(key)
	buf := make([]byte, 0, eventid.Size)
	b.ReportAllocs()
	for position := int64(1); b.Loop(); position++ {
		buf = c.AppendID(buf[:0], position, 1767225600000)
	}
}

func BenchmarkDecode(b *testing.B) {
	c := eventid.New(key)
	id := c.ID(123456789, 1767225600000)
	b.ReportAllocs()
	for b.Loop() {
		c.Decode(id)
	}
}
