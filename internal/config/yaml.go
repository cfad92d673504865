package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/firnlog/firn/internal/plainyaml"
)

// yaml reads YAML of one document. Taken is what JSON can say: keys are text,
// numbers are spelled as in JSON, there are no tags and no merge keys. nil where
// it is none.
func (r *reader) yaml() *node {
	tokens := lexer.Tokenize(string(r.text))
	if line, deep := plainyaml.TooDeep(tokens); deep {
		r.fault(Source{File: r.file, Line: line, Column: 1}, "", "nests deeper than %d levels", plainyaml.MaxNesting)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.brokenYAML(err)
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			r.fault(r.place(doc.Body), "", "a second YAML document begins here; a configuration is one")
			return nil
		}
		body = doc.Body
	}
	y := yamlReader{reader: r, anchors: map[string]*node{}}
	return y.value("", body, 0)
}

var yamlPlace = regexp.MustCompile(`^\[(\d+):(\d+)\] (.*)`)

// brokenYAML notes what the parser says, without the picture below it, in which
// there may be a secret.
func (r *reader) brokenYAML(err error) {
	line, _, _ := strings.Cut(err.Error(), "\n")
	s := Source{File: r.file, Line: 1, Column: 1}
	if m := yamlPlace.FindStringSubmatch(line); m != nil {
		s.Line, _ = strconv.Atoi(m[1]) // digits, by the pattern
		s.Column, _ = strconv.Atoi(m[2])
		line = m[3]
	}
	if strings.Contains(line, "found character '\t'") || strings.Contains(line, "tab") {
		line = "a tab indents this line; YAML is indented with spaces"
	}
	r.fault(s, "", "is not valid YAML: %s", shown(line))
}

type yamlReader struct {
	*reader
	anchors map[string]*node // values that have been read
	full    bool             // that there are too many has been told
}

// place is where a YAML value begins.
func (r *reader) place(n ast.Node) Source {
	switch v := n.(type) {
	case *ast.MappingValueNode:
		return r.place(v.Key)
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return r.place(v.Values[0])
		}
	}
	s := Source{File: r.file, Line: 1, Column: 1}
	if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
		p := n.GetToken().Position
		s.Line, s.Column = max(p.Line, 1), max(p.Column, 1)
	}
	return s
}

// value reads a YAML value. What cannot be read is noted, and null in its place.
func (y *yamlReader) value(path string, n ast.Node, depth int) *node {
	out := &node{source: y.place(n), weight: 1}
	if depth > plainyaml.MaxNesting {
		y.fault(out.source, path, "nests deeper than %d levels", plainyaml.MaxNesting)
		return out
	}
	switch n := n.(type) {
	case nil:
	case *ast.NullNode:
		if t := n.GetToken(); t.Type == token.NullType {
			out.text = t.Value
		}
	case *ast.BoolNode:
		out.kind, out.text = boolean, fmt.Sprint(n.Value)
	case *ast.StringNode:
		out.kind, out.text = text, n.Value
	case *ast.LiteralNode:
		out.kind, out.text = text, n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		y.number(path, n, out)
	case *ast.MappingValueNode:
		y.mapping(path, []*ast.MappingValueNode{n}, out, depth)
	case *ast.MappingNode:
		y.mapping(path, n.Values, out, depth)
	case *ast.SequenceNode:
		out.kind = list
		for i, v := range n.Values {
			item := y.value(fmt.Sprintf("%s[%d]", path, i), v, depth+1)
			out.items = append(out.items, item)
			out.weight += item.weight
		}
	case *ast.AnchorNode:
		out = y.value(path, n.Value, depth+1)
		y.anchors[plainyaml.Name(n.Name)] = out
	case *ast.AliasNode:
		v, ok := y.anchors[plainyaml.Name(n.Value)]
		if !ok {
			y.fault(out.source, path, "the alias *%s has no anchor above it", shown(plainyaml.Name(n.Value)))
			return out
		}
		out = v
	case *ast.TagNode:
		y.fault(out.source, path, "tags have no place in a configuration; remove %s", shown(n.Start.Value))
	default:
		y.fault(out.source, path, "%s has no place in a configuration", n.Type())
	}
	if out.weight > maxNodes && !y.full {
		y.full = true
		y.fault(out.source, path, "becomes more than %d values, aliases written out", maxNodes)
	}
	if out.weight > maxNodes {
		return &node{source: out.source, weight: 1}
	}
	return out
}

// number takes a number as it is spelled.
func (y *yamlReader) number(path string, n ast.Node, out *node) {
	v, ok := plainyaml.Number(n)
	if !ok {
		// the value is not shown: it may be a password that lacks its quotes
		y.fault(out.source, path, "is not a number as JSON spells them; write it plainly, or put it in quotes if it is text")
		return
	}
	out.kind, out.text = number, string(v)
}

func (y *yamlReader) mapping(path string, pairs []*ast.MappingValueNode, out *node, depth int) {
	out.kind = object
	for _, pair := range pairs {
		if _, merge := pair.Key.(*ast.MergeKeyNode); merge {
			y.fault(y.place(pair.Key), path, "<< has no place in a configuration; write the values out")
			continue
		}
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			y.fault(y.place(pair.Key), path, "%s is no name of a setting; names are text", shown(pair.Key.GetToken().Value))
			continue
		}
		v := y.value(join(path, key.Value), pair.Value, depth+1)
		out.weight += v.weight
		if v.kind == null && v.source.Line < y.place(pair.Key).Line {
			v.source = y.place(pair.Key)
		}
		y.reader.member(out, path, member{key.Value, y.place(pair.Key), v})
	}
}
