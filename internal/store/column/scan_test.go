package column

import (
	"testing"

	"github.com/firnlog/firn/query"
)

// Skeletons and rest come from files: whatever they hold, nothing panics or
// hangs, and what split takes apart can be put together.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"c"}],"d":{"e":1.5,"f":null},"g":"\u0041"}`))
	f.Add([]byte("{\"user\":\x03,\"n\":\x05,\"geo\":{\"lat\":\x02,\"x\":null}}"))
	f.Add([]byte(`{"a":tru`))
	f.Add([]byte(`{"":[[[[}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := []query.Step{{Key: "a"}, {Index: 1, IsIndex: true}, {Key: "b"}}
		lookup(text, path)
		lookup(string(text), path[:1])
		_, _ = slots(query.Payload, string(text))
		var s splitter
		if !s.split(text, 1<<16) {
			return
		}
		var out []byte
		next := 0
		for _, c := range s.skeleton {
			if c >= ' ' || next == len(s.values) {
				out = append(out, c)
				continue
			}
			out = s.appendJSON(out, s.values[next])
			next++
		}
		if string(out) != string(text) && next == len(s.values) && !hasControl(text) {
			t.Fatalf("%q was split to %q and put together to %q", text, s.skeleton, out)
		}
	})
}

func hasControl(text []byte) bool {
	for _, c := range text {
		if c < ' ' {
			return true
		}
	}
	return false
}

func TestScalars(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		kind Kind
	}{
		{"0", Int}, {"-1", Int}, {"9223372036854775807", Int}, {"-9223372036854775808", Int},
		{"-0", JSON}, {"9223372036854775808", JSON}, {"1e3", JSON}, {"100000000000000000000", JSON},
		{"0.5", Double}, {"-0.25", Double}, {"123456789012.345", Double}, {"0.30000000000000004", Double}, {"0.000001", Double},
		{"0.10", JSON}, {"1.0", JSON}, {"0.3000000000000000044", JSON}, {"-0.0", JSON}, {"1.5e1", JSON},
		{`"x"`, String}, {`""`, String}, {`"\n\"\\\t\b\f\r\u0001\u001f"`, String}, {`"日本"`, String},
		{`"\u0041"`, JSON}, {`"\/"`, JSON}, {`"\u0000"`, JSON}, {`"\u001F"`, JSON}, {`"\u000a"`, JSON}, {`"\ud83d\ude00"`, JSON},
		{"true", Bool}, {"false", Bool}, {"[1]", JSON},
	} {
		var s splitter
		if !s.split([]byte(`{"k":`+c.text+`}`), 100) || len(s.values) != 1 || s.values[0].kind != c.kind {
			t.Errorf("%s: values %+v, want one of kind %d", c.text, s.values, c.kind)
			continue
		}
		if got := string(s.appendJSON(nil, s.values[0])); got != c.text {
			t.Errorf("%s comes back as %s", c.text, got)
		}
	}
}
