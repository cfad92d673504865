// Package columntest makes random events and checks that a block says the same
// about them as their texts do. Tests of packages column and segment use it.
package columntest

import (
	"encoding/json/jsontext"
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// Keys are few, so that objects share shapes and paths, and odd, so that they
// are hard: empty, dotted, quoted, escaped, not ASCII.
var keys = []string{
	`"a"`, `"b"`, `"user"`, `"geo"`, `"items"`, `""`, `"a.b"`, `"\u0041"`, `"q\"uote"`, `"n\u0000l"`, `"日本"`, `"back\\slash"`, `"\/"`, `"#int"`,
}

var numbers = []string{
	"0", "-0", "1", "-1", "42", "9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
	"1e3", "1E+2", "0.5", "-0.5", "0.1000", "1.0", "3.14", "0.1", "123456789012345678901234567890", "0.30000000000000004",
	"1.7976931348623157e308", "0.000001", "2.2250738585072014", "100000000000000000000", "12345678901234.5", "-0.0",
}

var texts = []string{
	`""`, `"x"`, `"hello world"`, `"tab\there"`, `"\u0041"`, `"\/"`, `"a\/b"`, `"nul\u0000"`, `"\u001f"`, `"\u001F"`, `"\n\r\b\f\"\\"`,
	`"日本語"`, `"\ud83d\ude00"`, `"😀"`, "\"\u2028\"", "\"\x7f\"", `"\u007f"`, `"null"`, `"[1]"`, `"\u000a"`,
}

// Object draws a compact JSON object.
func Object(t *rapid.T, label string) []byte {
	var b strings.Builder
	writeObject(t, &b, 0, label)
	return []byte(b.String())
}

func writeObject(t *rapid.T, b *strings.Builder, depth int, label string) {
	b.WriteByte('{')
	seen := map[string]bool{}
	first := true
	for range rapid.IntRange(0, 5).Draw(t, label) {
		key := rapid.SampledFrom(keys).Draw(t, "key")
		name, err := jsontext.AppendUnquote(nil, key)
		if err != nil || seen[string(name)] {
			continue
		}
		seen[string(name)] = true
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.WriteString(key)
		b.WriteByte(':')
		writeValue(t, b, depth+1, label)
	}
	b.WriteByte('}')
}

func writeValue(t *rapid.T, b *strings.Builder, depth int, label string) {
	most := 9
	if depth > 3 {
		most = 7
	}
	switch rapid.IntRange(0, most).Draw(t, "kind") {
	case 0:
		b.WriteString("null")
	case 1:
		b.WriteString(rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool"))
	case 2:
		b.WriteString(rapid.SampledFrom(numbers).Draw(t, "number"))
	case 3:
		fmt.Fprint(b, rapid.Int64().Draw(t, "int"))
	case 4:
		b.WriteString(rapid.SampledFrom(texts).Draw(t, "text"))
	case 5:
		quoted, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(rapid.String().Draw(t, "string"), "?"))
		b.Write(quoted)
	case 6:
		fmt.Fprint(b, rapid.Float64Range(-1e6, 1e6).Draw(t, "double"))
	case 7:
		b.WriteString(rapid.SampledFrom([]string{"{}", "[]"}).Draw(t, "empty"))
	case 8:
		writeObject(t, b, depth, label)
	case 9:
		b.WriteByte('[')
		for i := range rapid.IntRange(0, 3).Draw(t, "elements") {
			if i > 0 {
				b.WriteByte(',')
			}
			writeValue(t, b, depth+1, label)
		}
		b.WriteByte(']')
	}
}
