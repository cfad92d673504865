package catalog

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/plainyaml"
)

// maxExpanded is the most bytes of the JSON that a file becomes, aliases written
// out.
const maxExpanded = 4 << 20

// jsonOfYAML turns a YAML file of one document into JSON text with the same
// values in the same order, so that files and documents are read by the same
// code. Taken is what JSON can say: keys are strings, numbers are spelled as in
// JSON, there are no tags and no merge keys; aliases are written out.
func jsonOfYAML(text []byte) (jsontext.Value, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("is not valid UTF-8")
	}
	tokens := lexer.Tokenize(string(text))
	if line, deep := plainyaml.TooDeep(tokens); deep {
		return nil, fmt.Errorf("line %d: nests deeper than %d levels", line, plainyaml.MaxNesting)
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, errors.New(firstLine(err))
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, fmt.Errorf("line %d: a second document begins; put all types into one", doc.Body.GetToken().Position.Line)
		}
		body = doc.Body
	}
	if body == nil {
		return nil, errors.New("is empty; it must have system and types")
	}
	w := yamlWriter{anchors: map[string]jsontext.Value{}}
	if err := w.value(body, 0); err != nil {
		return nil, err
	}
	return w.out, nil
}

// firstLine is the parser's message without the picture below it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimSpace(line)
}

// yamlWriter writes the JSON of YAML nodes.
type yamlWriter struct {
	out     jsontext.Value
	anchors map[string]jsontext.Value // values that have been written
}

func (w *yamlWriter) value(n ast.Node, depth int) error {
	if depth > plainyaml.MaxNesting {
		return w.fault(n, "nests deeper than %d levels", plainyaml.MaxNesting)
	}
	if len(w.out) > maxExpanded {
		return w.fault(n, "the file becomes longer than %d bytes, aliases written out", maxExpanded)
	}
	switch n := n.(type) {
	case nil:
		w.out = append(w.out, "null"...)
	case *ast.NullNode:
		w.out = append(w.out, "null"...)
	case *ast.BoolNode:
		w.out = fmt.Appendf(w.out, "%t", n.Value)
	case *ast.StringNode:
		w.out = event.AppendQuoted(w.out, n.Value)
	case *ast.LiteralNode:
		w.out = event.AppendQuoted(w.out, n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return w.number(n)
	case *ast.MappingValueNode:
		return w.mapping([]*ast.MappingValueNode{n}, depth)
	case *ast.MappingNode:
		return w.mapping(n.Values, depth)
	case *ast.SequenceNode:
		return w.sequence(n.Values, depth)
	case *ast.AnchorNode:
		start := len(w.out)
		if err := w.value(n.Value, depth+1); err != nil {
			return err
		}
		w.anchors[plainyaml.Name(n.Name)] = w.out[start:len(w.out):len(w.out)]
	case *ast.AliasNode:
		text, ok := w.anchors[plainyaml.Name(n.Value)]
		if !ok {
			return w.fault(n, "the alias *%s has no anchor above it", plainyaml.Name(n.Value))
		}
		w.out = append(w.out, text...)
	case *ast.TagNode:
		return w.fault(n, "tags have no place here; remove %s", shown(n.Start.Value))
	default:
		return w.fault(n, "%s has no place here", n.Type())
	}
	return nil
}

// number writes a number as it is spelled.
func (w *yamlWriter) number(n ast.Node) error {
	v, ok := plainyaml.Number(n)
	if !ok {
		return w.fault(n, "%s is no number as JSON spells them; write it plainly, or quote it", shown(n.GetToken().Value))
	}
	w.out = append(w.out, v...)
	return nil
}

func (w *yamlWriter) mapping(pairs []*ast.MappingValueNode, depth int) error {
	w.out = append(w.out, '{')
	for i, pair := range pairs {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			return w.fault(pair.Key, "%s is no key; keys are strings: quote it", shown(pair.Key.GetToken().Value))
		}
		w.out = append(event.AppendQuoted(w.out, key.Value), ':')
		if err := w.value(pair.Value, depth+1); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func (w *yamlWriter) sequence(values []ast.Node, depth int) error {
	w.out = append(w.out, '[')
	for i, v := range values {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.value(v, depth+1); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *yamlWriter) fault(n ast.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", n.GetToken().Position.Line, fmt.Sprintf(format, args...))
}
