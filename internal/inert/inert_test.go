package inert

import (
	"encoding/json/jsontext"
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	for name, says := range map[string]string{
		"shop": "", "web shop 2": "", "a/b": "", "..": "", "käse": "", "магазин": "", "日本": "", "=1+1": "", "🧊": "", "❄️": "",
		" shop": "ends with a space", "shop ": "ends with a space", " ": "ends with a space",
		"a\x00b": "control", "a\x1bb": "control", "a\u0085b": "control", "a\tb": "control",
		"sh\u200bop": "U+200B", "\ufeffshop": "U+FEFF", "shop\u202e": "U+202E", "a\u00adb": "U+00AD", "\ue000": "U+E000", "a\U000e0041": "U+E0041",
		"a\u00a0b": "blank", "a\u3000b": "blank", "a\u2028b": "U+2028",
	} {
		if got := Name(name); (says == "") != (got == "") || !strings.Contains(got, says) {
			t.Errorf("%q: %q, want %q", name, got, says)
		}
	}
}

// FuzzInert: nothing hostile is left, and JSON keeps its value.
func FuzzInert(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b]0;x\a", "a\r\nb", "\u202eevil", "\xff", "\U000e0041", "\u0085"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for what, got := range map[string]string{"Text": Text(s), "Lines": strings.ReplaceAll(Lines(s), "\n", "")} {
			if strings.IndexFunc(got, Hostile) >= 0 {
				t.Errorf("%s(%q) = %q", what, s, got)
			}
		}
		text, err := jsontext.AppendQuote(nil, s)
		if err != nil {
			return // not UTF-8
		}
		inert := JSON(text)
		back, err := jsontext.AppendUnquote(nil, inert)
		if err != nil || string(back) != s || strings.IndexFunc(inert, Hostile) >= 0 {
			t.Errorf("JSON(%s) = %s, which is %q, %v", text, inert, back, err)
		}
	})
}
