package segment

import (
	"cmp"
	"slices"

	"github.com/firnlog/firn/internal/store/column"
)

// rowOrder is the order in which a builder's rows are written.
func rowOrder(b *column.Builder, byStream bool) []int32 {
	rows := b.Rows()
	if !byStream {
		position := b.Column(column.ColPosition).Vector(rows).Ints
		order := make([]int32, rows)
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, func(x, y int32) int { return cmp.Compare(position[x], position[y]) })
		return order
	}
	rank, ranks := streamRanks(b.Column(column.ColStream).Vector(rows))
	order, ends := sortByRank(rank, ranks)
	// Rows mostly come in the order of the log, and so do those of a stream.
	sequence := b.Column(column.ColSequence).Vector(rows).Ints
	bySequence := func(x, y int32) int { return cmp.Compare(sequence[x], sequence[y]) }
	from := int32(0)
	for _, end := range ends {
		if of := order[from:end]; !slices.IsSortedFunc(of, bySequence) {
			slices.SortFunc(of, bySequence)
		}
		from = end
	}
	return order
}

// sortByRank sorts rows by their rank, those of the same as they come. ends says
// where the rows of each rank end.
func sortByRank(rank []int32, ranks int) (order, ends []int32) {
	ends = make([]int32, ranks+1) // where the rows of the rank before end, first
	for _, r := range rank {
		ends[r+1]++
	}
	for i := range ranks {
		ends[i+1] += ends[i]
	}
	order = make([]int32, len(rank))
	for row, r := range rank {
		order[ends[r]] = int32(row)
		ends[r]++
	}
	return order, ends[:ranks]
}

// streamRanks gives each row its stream's place in the order of names, below
// ranks.
func streamRanks(v *column.Vector) (rank []int32, ranks int) {
	rank = make([]int32, v.Len)
	if v.Codes == nil {
		order := make([]int32, v.Len)
		for i := range order {
			order[i] = int32(i)
		}
		text := func(row int32) string { return string(v.Bytes[v.Offsets[row]:v.Offsets[row+1]]) }
		slices.SortFunc(order, func(x, y int32) int { return cmp.Compare(text(x), text(y)) })
		for i, row := range order {
			if i == 0 || text(row) != text(order[i-1]) {
				ranks++
			}
			rank[row] = int32(ranks - 1)
		}
		return rank, ranks
	}
	codes := make([]int, len(v.Dict))
	for i := range codes {
		codes[i] = i
	}
	slices.SortFunc(codes, func(x, y int) int { return cmp.Compare(v.Dict[x], v.Dict[y]) })
	place := make([]int32, len(codes))
	for i, code := range codes {
		place[code] = int32(i)
	}
	for row, code := range v.Codes {
		rank[row] = place[code]
	}
	return rank, len(codes)
}
