package column

import (
	"testing"

	"pgregory.net/rapid"
)

// What Fit and Between say is never too little, and Fit takes a row at least.
func TestSizesBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		contents := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, 3*largeRow)), 1, SizeRun+200).Draw(t, "contents")
		var s Sizes
		sum := int64(0)
		for row, n := range contents {
			s.Add(row, n)
			sum += n
		}
		if s.Sum() != sum {
			t.Fatalf("Sum is %d, want %d", s.Sum(), sum)
		}
		rows := rapid.SliceOfNDistinct(rapid.Int32Range(0, int32(len(contents)-1)), 1, len(contents), rapid.ID[int32]).Draw(t, "rows")
		const each = 10
		n, bytes := s.Fit(rows, each, rapid.Int64Range(0, 2*sum).Draw(t, "limit"))
		real := int64(n) * each
		for _, row := range rows[:max(n, 0)] {
			real += contents[row]
		}
		if n < 1 || n > len(rows) || bytes < real || bytes > sum+int64(n)*each {
			t.Fatalf("Fit takes %d of %d rows and says %d bytes, they have %d", n, len(rows), bytes, real)
		}
		from := rapid.IntRange(0, len(contents)-1).Draw(t, "from")
		to := rapid.IntRange(from+1, len(contents)).Draw(t, "to")
		all, largest := s.Between(from, to)
		for _, c := range contents[from:to] {
			all -= c
			if c > largest {
				t.Fatalf("the largest of rows %d to %d has %d bytes, there is one of %d", from, to, largest, c)
			}
		}
		if all < 0 {
			t.Fatalf("rows %d to %d have %d bytes more", from, to, -all)
		}
	})
}
