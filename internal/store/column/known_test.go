package column

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// smallObject draws objects that are alike: the same few keys and values.
func smallObject(t *rapid.T, depth int) string {
	values := []string{"null", "{}", "[]", "1", "-1", "0", "-0", "1.5", "-0.25", "1.50", "1e3", "123456789012345678901", "true", "false",
		`""`, `"text"`, `"a longer text without an end"`, `"\n"`, `"\u0041"`, `"say \"so\""`, `"\\"`, `[1,"]"]`, `"}"`}
	var members []string
	for _, key := range []string{"a", "b", `c\n`, "d"} {
		if rapid.IntRange(0, 3).Draw(t, "has") == 0 {
			continue
		}
		v := rapid.SampledFrom(values).Draw(t, "value")
		if depth < 2 && rapid.IntRange(0, 5).Draw(t, "nested") == 0 {
			v = smallObject(t, depth+1)
		}
		members = append(members, fmt.Sprintf(`"%s":%s`, key, v))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestKnownShapeIsWhatSplittingFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var tree known
		codes := map[string]uint32{}
		var skeletons []string
		for range rapid.IntRange(1, 60).Draw(t, "objects") {
			text := []byte(smallObject(t, 0))
			var split, found splitter
			if !split.split(text, maxSkeleton) {
				t.Fatalf("%s cannot be split", text)
			}
			want, seen := codes[string(split.skeleton)]
			code, ok := tree.find(&found, text)
			if ok && !seen || ok && code != want {
				t.Fatalf("%s has shape %q, found is %q", text, split.skeleton, skeletons[code])
			}
			if ok {
				if diff := cmp.Diff(split.values, found.values, cmp.AllowUnexported(value{})); diff != "" {
					t.Fatalf("values of %s (-split +found):\n%s", text, diff)
				}
				if string(split.decoded) != string(found.decoded) {
					t.Fatalf("%s decodes to %q, want %q", text, found.decoded, split.decoded)
				}
			}
			if !seen {
				codes[string(split.skeleton)] = uint32(len(skeletons))
				tree.learn(string(split.skeleton), uint32(len(skeletons)))
				skeletons = append(skeletons, string(split.skeleton))
			}
			if _, ok := tree.find(&found, text); !ok && tree.steps < maxFork {
				t.Fatalf("%s is not known after its shape was learned", text)
			}
		}
	})
}

func TestKnownStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	var tree known
	for i := range 3 * maxSteps {
		tree.learn(fmt.Sprintf(`{"key %d":%c,"then":%c}`, i%(2*maxFork), Int, 1+i%5), uint32(i))
		tree.learn(strings.Repeat(fmt.Sprintf(`{"%d":%c`, i%7, String), i%100)+strings.Repeat("}", i%100), uint32(i))
	}
	if tree.steps > maxSteps || len(tree.root.steps) > maxFork {
		t.Fatalf("%d steps, %d of them first", tree.steps, len(tree.root.steps))
	}
}

func TestFastReadersAgreeWithTheSlow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(`"` + rapid.StringMatching(`([a-z" ]|\\"|\\\\|\\n|é){0,40}`).Draw(t, "string"))
		end, escaped := quoteEnd(text, 0)
		if wantEnd, want := stringEnd(text, 0); end != wantEnd || end > 0 && escaped != want {
			t.Fatalf("the string in %q ends at %d (escaped %v), want %d (%v)", text, end, escaped, wantEnd, want)
		}
		number := []byte(rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{0,20})?([eE][0-9])?`).Draw(t, "number"))
		kind, bits, end := plainNumber(append(number, '}'), 0)
		if kind == 0 {
			return
		}
		if end != len(number) {
			t.Fatalf("%s ends at %d", number, end)
		}
		n, isInt := parseInt(number)
		d, isDouble := parseDouble(number)
		if kind == Int && (!isInt || uint64(n) != bits) || kind == Double && (isInt || !isDouble || math.Float64bits(d) != bits) {
			t.Fatalf("%s is read as kind %d, %x", number, kind, bits)
		}
	})
}

func TestTextIndexFindsWhatWasAdded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPacked(String, 0)
		p.keep = true
		texts := rapid.SliceOf(rapid.OneOf(rapid.StringN(0, 5, 8), rapid.StringN(250, 260, 300))).Draw(t, "texts")
		for row, s := range texts {
			buf := []byte(s)
			p.addBytes(row, buf)
			clear(buf) // the column must have a copy
		}
		v := p.Vector(len(texts))
		for row, s := range texts {
			if got := v.Text(row); got != s {
				t.Fatalf("row %d is %q, want %q", row, got, s)
			}
			if code, ok := p.index.find(p.dict, s); !ok || p.dict[code] != s {
				t.Fatalf("%q is not found", s)
			}
		}
	})
}

func TestNumberingIsByFirstOccurrence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Int64Range(-50, 50)).Draw(t, "values")
		var n Numbering[int64]
		var want []int64
		codes := map[int64]int32{}
		for _, v := range values {
			if _, ok := codes[v]; !ok {
				codes[v] = int32(len(want))
				want = append(want, v)
			}
			if got := n.Of(v); got != codes[v] {
				t.Fatalf("code of %d is %d, want %d", v, got, codes[v])
			}
		}
		if diff := cmp.Diff(want, n.Values()); diff != "" {
			t.Fatalf("values (-want +got):\n%s", diff)
		}
	})
}
