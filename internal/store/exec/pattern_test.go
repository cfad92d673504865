package exec

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

func TestEssential(t *testing.T) {
	for pattern, want := range map[string]essential{
		`(slow|lock) .*retry$`: {text: "retry", atEnd: true},
		`time(out)+`:           {text: "time"},
		`^abc.*defg`:           {text: "defg"},
		`(?i)abc`:              {},
		`ab(?i)cde`:            {text: "ab"},
		`a|b`:                  {},
		`a*`:                   {},
		`(?m)x$`:               {text: "x"},
		`(abc){2,}d?`:          {text: "abc"},
		`a.c\z`:                {text: "c", atEnd: true},
		`(`:                    {},
		``:                     {},
		`a$`:                   {text: "a", atEnd: true},
	} {
		if got := essentialOf(pattern); got != want {
			t.Errorf("essentialOf(%q) = %+v, want %+v", pattern, got, want)
		}
	}
}

// TestEssentialIsEssential: what matches has it.
func TestEssentialIsEssential(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "b", "ab", "é", "(ab)", "(a|b)", "a+", "b*", "(ab)?", "a{2}", ".", "$", "^", `\z`, "(?i:b)", "[ab]", "(?m:$)", "\n"})
	rapid.Check(t, func(t *rapid.T) {
		pattern := ""
		for range rapid.IntRange(0, 5).Draw(t, "pieces") {
			pattern += piece.Draw(t, "piece")
		}
		s := rapid.StringOfN(rapid.SampledFrom([]rune("abBé\n")), 0, 8, -1).Draw(t, "s")
		e := essentialOf(pattern)
		if regexp.MustCompile(pattern).MatchString(s) && !e.in(s) {
			t.Fatalf("%q matches %q, which %+v says it cannot", pattern, s, e)
		}
	})
}
