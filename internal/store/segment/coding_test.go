package segment

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/firnlog/firn/internal/store/column"
)

// TestNumbersOfBothForms: a column whose later pages have no dictionary has the
// numbers of its earlier ones all the same.
func TestNumbersOfBothForms(t *testing.T) {
	t.Parallel()
	for _, values := range []int{3, 300, most16 + 1} { // codes of one byte, of two, and none
		d := &dictionary{doubles: make([]float64, values)}
		for i := range d.doubles {
			d.doubles[i] = float64(i) / 8
		}
		last := int32(values - 1)
		a := newAssembly(column.Double, 7)
		a.coded = true
		if err := a.numbers(encoding.Int32Values([]int32{0, last, 1}), d, nil, 3); err != nil {
			t.Fatal(err)
		}
		a.row = 3
		if coded := a.v.Numbers != nil; coded != (values <= most16) {
			t.Errorf("%d values: kept as codes: %v", values, coded)
		}
		if err := a.numbers(encoding.DoubleValues([]float64{7, 8, 9, 10}), nil, nil, 4); err != nil {
			t.Fatal(err)
		}
		a.row = 7
		v, err := a.vector()
		if err != nil {
			t.Fatal(err)
		}
		want := []float64{0, d.doubles[last], d.doubles[1], 7, 8, 9, 10}
		if diff := cmp.Diff(want, v.Doubles); diff != "" || v.Numbers != nil {
			t.Errorf("%d values: codes %v, numbers (-want +got):\n%s", values, v.Numbers, diff)
		}
	}
}

// TestPlace: codes come to the rows that hold a value, no row has a code that there
// is not, and a page that lies about its codes is an error.
func TestPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		codes  []int32
		levels []byte
		want   []uint8 // at the rows that hold one; nil = refused
	}{
		{[]int32{2, 0, 1}, nil, []uint8{2, 0, 1}},
		{[]int32{2, 1}, []byte{0, 1, 1, 0, 0}, []uint8{2, 1}},
		{[]int32{}, []byte{0, 0}, []uint8{}},
		{[]int32{1, 2}, nil, nil},
		{[]int32{1}, []byte{1, 1, 0}, nil},
		{[]int32{1, 3, 0}, nil, nil},
		{[]int32{1, -1}, []byte{0, 1, 1}, nil},
	} {
		rows := max(len(c.levels), 3*(1-min(len(c.levels), 1)))
		dst := make([]uint8, rows)
		for i := range dst {
			dst[i] = 0xff
		}
		err := place(dst, c.codes, 3, c.levels)
		if (err != nil) != (c.want == nil) {
			t.Errorf("%v at %v: %v", c.codes, c.levels, err)
		}
		if c.want == nil {
			continue
		}
		got := []uint8{}
		for i, code := range dst {
			if code >= 3 {
				t.Errorf("%v at %v: row %d has code %d", c.codes, c.levels, i, code)
			}
			if c.levels == nil || c.levels[i] == 1 {
				got = append(got, code)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v at %v (-want +got):\n%s", c.codes, c.levels, diff)
		}
	}
}

func TestLowBits(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		want := random.Uint64()
		var levels [64]byte
		for i := range levels {
			levels[i] = byte(want >> i & 1)
		}
		if got := lowBits(&levels); got != want {
			t.Fatalf("%064b became %064b", want, got)
		}
	}
}
