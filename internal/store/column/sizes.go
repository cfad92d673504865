package column

import "sort"

// SizeRun is how many rows Sizes tells of together.
const SizeRun = 1024

// largeRow is from how many bytes of texts on a row is told of by itself.
const largeRow = 64 << 10

// Sizes tells how large the rows of a block are, so that memory for events is
// taken before they are made, in bytes of texts (Row.Content).
type Sizes struct {
	// Total and Most are about runs of SizeRun rows, large ones left out: what
	// all of them have and what the largest has.
	Total []int64 `json:"total"`
	Most  []int64 `json:"most"`
	// Large are the rows of 64 KiB and more in rising order, each with its size.
	Large [][2]int64 `json:"large,omitempty"`
}

// Add notes the next row.
func (s *Sizes) Add(row int, content int64) {
	run := row / SizeRun
	if run == len(s.Total) {
		s.Total, s.Most = append(s.Total, 0), append(s.Most, 0)
	}
	if content >= largeRow {
		s.Large = append(s.Large, [2]int64{int64(row), content})
		return
	}
	s.Total[run] += content
	s.Most[run] = max(s.Most[run], content)
}

// Sum is how many bytes of texts all rows have.
func (s *Sizes) Sum() (n int64) {
	for _, t := range s.Total {
		n += t
	}
	for _, l := range s.Large {
		n += l[1]
	}
	return n
}

// Between is how many bytes of texts the rows from…to-1 have at most, and the
// largest of them.
func (s *Sizes) Between(from, to int) (all, largest int64) {
	for run := from / SizeRun; run*SizeRun < to; run++ {
		rows := min(to, (run+1)*SizeRun) - max(from, run*SizeRun)
		all += min(s.Total[run], int64(rows)*s.Most[run])
		largest = max(largest, s.Most[run])
	}
	for i := s.large(from); i < len(s.Large) && s.Large[i][0] < int64(to); i++ {
		all += s.Large[i][1]
		largest = max(largest, s.Large[i][1])
	}
	return all, largest
}

// large is the place in Large of the first row that is not below row.
func (s *Sizes) large(row int) int {
	return sort.Search(len(s.Large), func(i int) bool { return s.Large[i][0] >= int64(row) })
}

// Fit counts the rows, from the first on, that have at most limit bytes of
// texts together, each counted with each bytes more: at least one row. bytes is
// how many they have at most.
func (s *Sizes) Fit(rows []int32, each, limit int64) (n int, bytes int64) {
	left := make([]int64, len(s.Total)) // 1 + what is left of the runs met
	for i, row := range rows {
		run := int(row) / SizeRun
		if left[run] == 0 {
			left[run] = 1 + s.Total[run]
		}
		most := min(s.Most[run], left[run]-1)
		large := int64(0)
		if len(s.Large) > 0 {
			if at := s.large(int(row)); at < len(s.Large) && s.Large[at][0] == int64(row) {
				most, large = 0, s.Large[at][1]
			}
		}
		if i > 0 && bytes+most+large+each > limit {
			return i, bytes
		}
		left[run] -= most
		bytes += most + large + each
	}
	return len(rows), bytes
}
