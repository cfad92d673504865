package exec

// exactValues is up to how many values percentiles are exact.
const exactValues = 100_000

// sketchWidth is how many values a level of a sketch holds before it is halved.
const sketchWidth = 8192

// sketch holds a multiset of values for percentiles: all of them up to
// exactValues, beyond that a summary. It is mergeable and deterministic.
//
// The summary is that of Munro and Paterson: level i holds values that stand
// for 2^i each. A level with more than sketchWidth values is sorted, and every
// second one moves up a level to stand for its neighbour too. Each halving of
// level i moves a rank by at most 2^i, and there are at most n/(2^i·8192) of
// them, so after n values a rank is wrong by at most n·log2(n/8192)/8192: 0.1 %
// at 10 million, 0.25 % at 10 thousand million.
type sketch[T any] struct {
	sort    func([]T)
	levels  [][]T
	upper   []bool // which half moves up next, a level: it alternates
	n       int64
	inexact bool
}

// add adds a value.
func (s *sketch[T]) add(v T) {
	if len(s.levels) == 0 {
		s.grow(1)
	}
	s.levels[0] = append(s.levels[0], v)
	s.n++
	if len(s.levels[0]) > exactValues || s.inexact && len(s.levels[0]) > sketchWidth {
		s.halve()
	}
}

// merge adds what o holds; o is not to be used any more.
func (s *sketch[T]) merge(o *sketch[T]) {
	s.grow(len(o.levels))
	for i, level := range o.levels {
		if len(s.levels[i]) == 0 {
			s.levels[i] = level
		} else {
			s.levels[i] = append(s.levels[i], level...)
		}
	}
	s.n += o.n
	s.inexact = s.inexact || o.inexact
	s.halve()
}

func (s *sketch[T]) grow(levels int) {
	for len(s.levels) < levels {
		s.levels = append(s.levels, nil)
		s.upper = append(s.upper, false)
	}
}

// halve brings every level back to its width.
func (s *sketch[T]) halve() {
	if s.n <= exactValues && !s.inexact {
		return
	}
	s.inexact = true
	for i := 0; i < len(s.levels); i++ {
		if len(s.levels[i]) <= sketchWidth {
			continue
		}
		s.grow(i + 2)
		level := s.levels[i]
		s.sort(level)
		even := len(level) &^ 1
		from := 0
		if s.upper[i] {
			from = 1
		}
		s.upper[i] = !s.upper[i]
		for j := from; j < even; j += 2 {
			s.levels[i+1] = append(s.levels[i+1], level[j])
		}
		s.levels[i] = append(level[:0], level[even:]...)
	}
}

// held is how many values are held.
func (s *sketch[T]) held() (n int) {
	for _, level := range s.levels {
		n += len(level)
	}
	return n
}

// room is how many values there is room for.
func (s *sketch[T]) room() (n int) {
	for _, level := range s.levels {
		n += cap(level)
	}
	return n
}

// each calls fn with every value that is held and how many values it stands for.
func (s *sketch[T]) each(fn func(v T, weight int64)) {
	for i, level := range s.levels {
		for _, v := range level {
			fn(v, 1<<i)
		}
	}
}
