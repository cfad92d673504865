package column_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/column"
)

// TestNarrowCodes: the same texts are read through codes of any width.
func TestNarrowCodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		distinct := rapid.SampledFrom([]int{0, 1, 256, 257, 1 << 16, 1<<16 + 1}).Draw(t, "distinct")
		v := &column.Vector{Kind: column.String, Len: 300, Codes: make([]uint32, 300), Dict: make([]string, distinct)}
		for i := range v.Dict {
			v.Dict[i] = string(rune('a' + i%26))
		}
		v.Valid = column.NewBitmap(v.Len)
		for row := range v.Len {
			if distinct > 0 && row%3 > 0 {
				v.Valid.Set(row)
				v.Codes[row] = uint32(row * 7919 % distinct)
			} else {
				v.Codes[row] = 0xdeadbeef
			}
		}
		narrow := v.Narrowed()
		if wide := distinct > 1<<16; wide != (narrow == v) || (narrow.Codes8 != nil) != (distinct <= 1<<8) {
			t.Fatalf("a dictionary of %d has codes of %d, %d, %d", distinct, len(narrow.Codes8), len(narrow.Codes16), len(narrow.Codes))
		}
		rows := rapid.SliceOfN(rapid.Int32Range(0, int32(v.Len-1)), 1, 100).Draw(t, "picked")
		for name, same := range map[string]*column.Vector{"narrow": narrow, "wide": narrow.Widened()} {
			if diff := cmp.Diff(valuesOf(v), valuesOf(same)); diff != "" {
				t.Fatalf("%s:\n%s", name, diff)
			}
			if diff := cmp.Diff(valuesOf(v.Pick(rows)), valuesOf(same.Pick(rows))); diff != "" {
				t.Fatalf("%s, picked:\n%s", name, diff)
			}
		}
	})
}
