package exec

import (
	"regexp/syntax"
	"strings"
)

// essential is a text that every match of a pattern holds; looking for it first
// spares most strings the pattern. An empty one is in every string.
type essential struct {
	text  string
	atEnd bool // the string ends in it
}

// essentialOf finds the essential text of an RE2 pattern, which need not be
// valid.
func essentialOf(pattern string) essential {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return essential{}
	}
	if n := len(re.Sub); re.Op == syntax.OpConcat && n >= 2 && re.Sub[n-1].Op == syntax.OpEndText {
		if text := literalIn(re.Sub[n-2]); re.Sub[n-2].Op == syntax.OpLiteral && text != "" {
			return essential{text: text, atEnd: true}
		}
	}
	return essential{text: literalIn(re)}
}

// literalIn is the longest text that an expression has in every match.
func literalIn(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literalIn(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return literalIn(re.Sub[0])
		}
	case syntax.OpConcat:
		longest := ""
		for _, sub := range re.Sub {
			if text := literalIn(sub); len(text) > len(longest) {
				longest = text
			}
		}
		return longest
	}
	return ""
}

// in reports whether a string may match.
func (e *essential) in(s string) bool {
	if e.atEnd {
		return strings.HasSuffix(s, e.text)
	}
	return e.text == "" || strings.Contains(s, e.text)
}
