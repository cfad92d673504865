package event_test

import (
	"encoding/json/jsontext"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
)

func TestWalkMembers(t *testing.T) {
	text := []byte(`{"a":1,"b\"\\":"x\\\"","c":{"d":[1,{"e":"}"}],"":null},"f":[],"g":{},"h":true}`)
	var got [][2]string
	for m := event.WalkMembers(text); m.Next(); {
		got = append(got, [2]string{string(m.Key), string(m.Value)})
	}
	want := [][2]string{
		{`"a"`, `1`}, {`"b\"\\"`, `"x\\\""`}, {`"c"`, `{"d":[1,{"e":"}"}],"":null}`},
		{`"f"`, `[]`}, {`"g"`, `{}`}, {`"h"`, `true`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWalkElements(t *testing.T) {
	for text, want := range map[string][]string{
		`[]`:                           nil,
		`[1]`:                          {`1`},
		`[-1.5e3,"],",[[]],{"a":[2]}]`: {`-1.5e3`, `"],"`, `[[]]`, `{"a":[2]}`},
		`[null,false,{}]`:              {`null`, `false`, `{}`},
	} {
		var got []string
		for e := event.WalkElements([]byte(text)); e.Next(); {
			got = append(got, string(e.Value))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestMemberAndElement(t *testing.T) {
	text := []byte(`{"a":{"b.c":[10,{"\u0064":"deep"}]},"n":null}`)
	a, _ := event.Member(text, "a")
	bc, _ := event.Member(a, "b.c")
	second, _ := event.Element(bc, 1)
	if d, ok := event.Member(second, "d"); !ok || string(d) != `"deep"` {
		t.Errorf("a[\"b.c\"][1].d = %s, %v", d, ok)
	}
	if n, ok := event.Member(text, "n"); !ok || event.KindOf(n) != jsontext.KindNull {
		t.Errorf("n = %s, %v", n, ok)
	}
	for _, missing := range []struct {
		text  []byte
		index int
	}{{bc, 2}, {bc, -1}, {text, 0}, {nil, 0}, {[]byte(`[]`), 0}} {
		if v, ok := event.Element(missing.text, missing.index); ok {
			t.Errorf("Element(%s, %d) = %s", missing.text, missing.index, v)
		}
	}
	for _, missing := range []string{"b", "", "a.b"} {
		if v, ok := event.Member(text, missing); ok {
			t.Errorf("Member(%q) = %s", missing, v)
		}
	}
}

func TestQuoteMatchesJSONText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\x00\x1f\"\\/\b\f\n\r\té€𝄞\u2028<")))).Draw(t, "s")
		want, err := jsontext.AppendQuote(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		got := event.AppendQuoted(nil, s)
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatal(diff)
		}
		if back := event.Unquoted(got); back != s {
			t.Fatalf("back: %q", back)
		}
		if !event.EqualQuoted(got, s) || event.EqualQuoted(got, s+"x") {
			t.Fatal("EqualQuoted")
		}
	})
}

func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"\ud834\udd1e\u0000\"\\\/\b\f\n\r\t"`, `"\ud834"`, `"\u12`, `"\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, quoted []byte) {
		got := event.AppendUnquoted(nil, quoted)
		want, err := jsontext.AppendUnquote(nil, quoted)
		if err != nil || event.KindOf(quoted) != jsontext.KindString {
			return
		}
		if string(got) != string(want) || event.Unquoted(quoted) != string(want) || !event.EqualQuoted(quoted, string(want)) {
			t.Errorf("%q: got %q, want %q", quoted, got, want)
		}
	})
}

// FuzzWalk: walking ends and does not panic on any text, and on valid text it
// finds what jsontext finds.
func FuzzWalk(f *testing.F) {
	for _, s := range []string{`{"a":[1,"b"],"c":{}}`, `[[],{"x":"\\\""}]`, `{"a"`, `[1,`, `{"a":}`, `[`, `{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for m := event.WalkMembers(text); m.Next(); {
			_ = event.Unquoted(m.Key)
		}
		for e := event.WalkElements(text); e.Next(); {
			_ = e.Value
		}
		event.Member(text, "a")
		event.Element(text, 1)
		v := jsontext.Value(text).Clone()
		if v.Compact() != nil {
			return
		}
		if end := event.SkipValue(v, 0); end != len(v) {
			t.Errorf("SkipValue(%s) = %d", v, end)
		}
		if back := rebuild(nil, v); string(back) != string(v) {
			t.Errorf("rebuilt %s as %s", v, back)
		}
	})
}

// rebuild writes a compact value from what walking finds in it.
func rebuild(dst, v []byte) []byte {
	switch event.KindOf(v) {
	case '{':
		sep := byte('{')
		for m := event.WalkMembers(v); m.Next(); {
			dst = append(append(append(dst, sep), m.Key...), ':')
			dst, sep = rebuild(dst, m.Value), ','
		}
		if sep == '{' {
			dst = append(dst, '{')
		}
		return append(dst, '}')
	case '[':
		sep := byte('[')
		for e := event.WalkElements(v); e.Next(); {
			dst, sep = rebuild(append(dst, sep), e.Value), ','
		}
		if sep == '[' {
			dst = append(dst, '[')
		}
		return append(dst, ']')
	default:
		return append(dst, v...)
	}
}
