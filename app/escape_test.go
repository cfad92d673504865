package app

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", `login {"ok":true} Grüße 日本`, `login {"ok":true} Grüße 日本`},
		{"colour", "\x1b[31mred", `\u001b[31mred`},
		{"window title", "\x1b]0;owned\x07", `\u001b]0;owned\u0007`},
		{"new line", "a\nb\r\tc", `a\nb\r\tc`},
		{"del and C1", "a\u007fb\u009bc", `a\u007fb\u009bc`},
		{"right to left", "exe.\u202efdp", `exe.\u202efdp`},
		{"isolate", "\u2066x\u2069", `\u2066x\u2069`},
		{"invisible", "a\u200bb\ufeff", `a\u200bb\ufeff`},
		{"tags", "a\U000e0041", `a\U000e0041`},
		{"not UTF-8", "a\xffb", "a\ufffdb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := escape(tt.in); got != tt.want {
				t.Errorf("escape(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestEscapedTextIsInert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		for _, r := range escape(in) {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("escape(%q) holds %U", in, r)
			}
		}
	})
}
