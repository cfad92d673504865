// Package plainyaml is what the readers of YAML files share: of YAML they take
// what JSON can say, and no more.
package plainyaml

import (
	"encoding/json/jsontext"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/firnlog/firn/event"
)

// MaxNesting is how deep a file may nest. The parser's time grows with the square
// of the depth.
const MaxNesting = 64

// TooDeep reports whether a text would keep the parser busy for long, and on which
// line: it nests too deep in brackets, or by many levels in one line.
func TooDeep(tokens token.Tokens) (line int, deep bool) {
	depth, inLine := 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			inLine++
		default:
		}
		if depth > MaxNesting || inLine > MaxNesting {
			return line, true
		}
	}
	return 0, false
}

// Number is a number as the file spells it. ok is false for one that JSON spells
// otherwise, such as 0x10 and .inf.
func Number(n ast.Node) (number jsontext.Value, ok bool) {
	number, err := event.CompactValue([]byte(n.GetToken().Value), event.Limits{})
	return number, err == nil && event.KindOf(number) == '0'
}

// Name is the name of an anchor or alias.
func Name(n ast.Node) string {
	if n == nil {
		return ""
	}
	return n.GetToken().Value
}
