package event_test

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
)

// reference is what CompactValue must do, by way of jsontext: the compact text
// of a strictly valid value within the fixed bounds of an event.
func reference(text []byte) (compact string, ok bool) {
	if !jsontext.Value(text).IsValid() {
		return "", false
	}
	for d := jsontext.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || d.StackDepth() > event.MaxDepth {
			return "", false
		}
		if token.Kind() == jsontext.KindNumber && !numberAllowed(token.String()) {
			return "", false
		}
	}
	v := jsontext.Value(bytes.Clone(text))
	if v.Compact() != nil {
		return "", false
	}
	return string(v), true
}

func numberAllowed(literal string) bool {
	if len(literal) > event.MaxNumber {
		return false
	}
	e := strings.IndexAny(literal, "eE")
	if e < 0 {
		return true
	}
	exponent, err := strconv.Atoi(literal[e+1:])
	return err == nil && exponent <= event.MaxExponent && exponent >= -event.MaxExponent
}

// checkAgainstReference compares CompactValue with the reference.
func checkAgainstReference(t interface{ Fatalf(string, ...any) }, text []byte) {
	before := bytes.Clone(text)
	want, ok := reference(text)
	got, err := event.CompactValue(text, event.Limits{})
	switch {
	case !bytes.Equal(before, text):
		t.Fatalf("%q was changed to %q", before, text)
	case ok && err != nil:
		t.Fatalf("%q refused: %v", text, err)
	case !ok && err == nil:
		t.Fatalf("%q accepted as %q", text, got)
	case ok && string(got) != want:
		t.Fatalf("%q: got %q, want %q", text, got, want)
	case err != nil:
		checkError(t, err)
	}
}

// checkError checks what every error promises.
func checkError(t interface{ Fatalf(string, ...any) }, err error) {
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) || invalid.Code == "" || invalid.Message == "" {
		t.Fatalf("no InvalidError: %#v", err)
	}
	if message := err.Error(); !utf8.ValidString(message) || strings.ContainsAny(message, "\n\r\x00\x1b") {
		t.Fatalf("message that is not safe to show: %q", message)
	}
}

func FuzzCompactValue(f *testing.F) {
	for _, s := range []string{
		``, ` `, `null`, `true `, ` false`, `-0`, `0.1000`, `1E+3`, `1e1001`, `1e-1000`, `01`, `+1`, `.5`, `1.`, `"a"`, `"\u0000\/"`, `"\ud834\udd1e"`,
		`"\ud834"`, `"\udd1e"`, `"\uD834\uD834"`, `"é"`, "\"\xff\"", "\"\xed\xa0\x80\"", "\"\n\"", `[]`, `[ 1 , [ ] ]`, `[1,]`, `[,]`, `[1 2]`, `{}`, `{ "a" : { } }`,
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":1,}`, `{"a"}`, `{1:2}`, `[1]]`, `{"a":1}{}`, `nul`, `tru e`, "\ufeff1", `{"abcdefgh":1,"abcdefgh ":2,"abcdefgi":3}`,
		strings.Repeat("[", 128) + strings.Repeat("]", 128), strings.Repeat("[", 129) + strings.Repeat("]", 129), strings.Repeat("9", 1001),
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"k":0,"l":0,"m":0,"n":0,"o":0,"p":0,"q":0,"r":0,"s":0,"t":0,"u":0,"v":0,"w":0,"x":0,"y":0,"z":0,"A":0,"B":0,"C":0,"D":0,"E":0,"F":0,"G":0,"a":0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkAgainstReference(t, text) })
}

func TestCompactValueMatchesReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := appendRandom(t, nil, 4)
		if rapid.Bool().Draw(t, "break") && len(text) > 0 {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			part := rapid.SampledFrom([]string{"", "\"", "\\", ",", ":", "}", "]", "{", "[", "0", "e", "-", ".", " ", "\xff", "\x00", "\\ud800"}).Draw(t, "part")
			text = append(append(bytes.Clone(text[:at]), part...), text[at+rapid.IntRange(0, 1).Draw(t, "drop"):]...)
		}
		checkAgainstReference(t, text)
	})
}

// appendRandom appends a random JSON value with white space in random places.
func appendRandom(t *rapid.T, dst []byte, depth int) []byte {
	space := rapid.SampledFrom([]string{"", "", "", " ", "\r\n\t "})
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	dst = append(dst, space.Draw(t, "space")...)
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		dst = append(dst, rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "literal")...)
	case 1:
		dst = append(dst, rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?`).Draw(t, "number")...)
	case 2, 3:
		dst = appendRandomString(t, dst)
	case 4:
		dst = append(dst, '[')
		for i, n := 0, rapid.IntRange(0, 4).Draw(t, "elements"); i < n; i++ {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendRandom(t, dst, depth-1)
		}
		dst = append(dst, ']')
	default:
		dst = append(dst, '{')
		for i, n := 0, rapid.IntRange(0, 5).Draw(t, "members"); i < n; i++ {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, space.Draw(t, "space")...)
			if rapid.IntRange(0, 9).Draw(t, "again") == 0 {
				dst = appendRandomString(t, dst)
			} else {
				dst = fmt.Appendf(dst, `"key %d"`, i)
			}
			dst = append(append(dst, space.Draw(t, "space")...), ':')
			dst = appendRandom(t, dst, depth-1)
		}
		dst = append(dst, '}')
	}
	return append(dst, space.Draw(t, "space")...)
}

func appendRandomString(t *rapid.T, dst []byte) []byte {
	part := rapid.SampledFrom([]string{
		"a", "b", "plain text of some length", "é", "𝄞", `\n`, `\"`, `\\`, `\/`, `\u0061`, `\u00e9`, `\ud834\udd1e`, `\ud834`, `\udd1e`, `\u0000`, " ",
	})
	dst = append(dst, '"')
	for range rapid.IntRange(0, 4).Draw(t, "parts") {
		dst = append(dst, part.Draw(t, "part")...)
	}
	return append(dst, '"')
}

// FuzzParseBatch: what is accepted is valid JSON, passes Check unchanged, and
// comes back from its own JSON as the same draft.
func FuzzParseBatch(f *testing.F) {
	f.Add(sample(3, true))
	f.Add([]byte(`{"type":"x","uid":-1,"data":{"a":[1, 2]},"importance":8,"created_at":1769871845123.4}`))
	f.Add([]byte(`[{"\u0074ype":"x","actor":"\u0000","timestamp":"2016-12-31T23:59:60Z"},{"event_type":"y"}]`))
	f.Add([]byte(`{"type":"x","position":1,"category":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		drafts, err := event.ParseBatch(body, event.Limits{})
		if !bytes.Equal(before, body) {
			t.Fatalf("%q was changed", before)
		}
		if err != nil {
			checkError(t, err)
			return
		}
		if !jsontext.Value(body).IsValid() {
			t.Fatalf("%q accepted", body)
		}
		for _, d := range drafts {
			checked := d
			if err := checked.Check(event.Limits{}); err != nil {
				t.Fatalf("%q: Check: %v", body, err)
			}
			if len(checked.Payload) > 0 && len(d.Payload) > 0 && &checked.Payload[0] != &d.Payload[0] {
				t.Fatalf("%q: payload %q is not compact", body, d.Payload)
			}
			line := d.AppendJSON(nil)
			back, err := event.ParseLine(line, event.Limits{})
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if diff := cmp.Diff(d, back); diff != "" {
				t.Fatalf("%q: %s", line, diff)
			}
		}
	})
}
