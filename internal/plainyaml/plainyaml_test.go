package plainyaml

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

func TestTooDeep(t *testing.T) {
	for _, c := range []struct {
		text string
		line int // 0 = not too deep
	}{
		{"", 0},
		{"a:\n  - {b: [1, 2]}\n", 0},
		{"a: " + strings.Repeat("[", MaxNesting) + strings.Repeat("]", MaxNesting), 0},
		{"a:\n  " + strings.Repeat("[", MaxNesting+1), 2},
		{"a: 1\nb: 2\nc: " + strings.Repeat("{x: ", MaxNesting+1), 3},
		{strings.Repeat("- ", MaxNesting+1), 1},
		{strings.Repeat("- \n", 10*MaxNesting), 0},
	} {
		line, deep := TooDeep(lexer.Tokenize(c.text))
		if line != c.line || deep != (c.line > 0) {
			t.Errorf("TooDeep(%.40q…) = %d, %v; want line %d", c.text, line, deep, c.line)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]string{
		"12": "12", "-0.50": "-0.50", "1e3": "1e3", "0x10": "", ".inf": "", ".nan": "", "0123": "", "1_000": "", "+1": "",
	} {
		file, err := parser.ParseBytes([]byte("n: "+text), 0)
		if err != nil {
			t.Fatal(err)
		}
		value := file.Docs[0].Body.(*ast.MappingNode).Values[0].Value
		got, ok := Number(value)
		if ok != (want != "") || ok && string(got) != want {
			t.Errorf("Number(%s) = %s, %v; want %q", text, got, ok, want)
		}
	}
}
