package query

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFolded(t *testing.T) {
	for _, c := range []struct {
		text, in string
		want     bool
	}{
		{"", "", true}, {"", "a", true}, {"a", "", false}, {"abc", "xABCx", true}, {"ABC", "ab", false}, {"Error", "an eRROR", true},
		{"k", "\u212a", true}, {"\u212a", "K", true}, {"s", "ſ", true}, {"straſſe", "STRASSE", true}, {"straße", "STRASSE", false},
		{"ß", "ẞ", true}, {"ключ", "КЛЮЧ", true}, {"é", "e\u0301", false}, {"i", "İ", false}, {"σ", "ς", true}, {"aab", "aaab", true}, {"--a", "---A", true},
	} {
		if got := NewFolded(c.text).In(c.in); got != c.want {
			t.Errorf("%q in %q: got %v", c.text, c.in, got)
		}
	}
}

func TestFoldedAgreesWithTheSlowWay(t *testing.T) {
	letters := rapid.SampledFrom([]rune("aAbBkK\u212asSſ.1ßẞжЖ -"))
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(letters, 0, 4).Draw(t, "text"))
		in := string(rapid.SliceOfN(letters, 0, 20).Draw(t, "in"))
		slow := strings.Contains(strings.Map(foldRune, in), strings.Map(foldRune, text))
		if got := NewFolded(text).In(in); got != slow {
			t.Fatalf("%q in %q: got %v, want %v", text, in, got, slow)
		}
		for i := range in {
			end := min(i+len(text), len(in))
			if strings.EqualFold(in[i:end], text) && !NewFolded(text).In(in) {
				t.Fatalf("%q is not found in %q", text, in)
			}
		}
	})
}

func BenchmarkFolded(b *testing.B) {
	text := strings.Repeat("the quick brown fox jumps over the lazy dog ", 20)
	folded := NewFolded("Not There")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		folded.In(text)
	}
}
