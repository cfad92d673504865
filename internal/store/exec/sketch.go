package exec

// exactValues is up to how many values percentiles are exact.
const exactValues = 100_000

// sketchWidth is how many values a level of a sketch holds when it is cut.
const sketchWidth = 8192

// sketchBatch is how many values are gathered before they are sorted.
const sketchBatch = 8 * sketchWidth

// sketch holds a multiset of values for percentiles: all of them up to
// exactValues, beyond that a summary. It is mergeable and deterministic.
//
// The summary is that of Munro and Paterson: level i holds values that stand
// for 2^i each. A level with more than sketchWidth values is sorted, and of each
// run of 2^k of them, k as small as leaves no more than sketchWidth, one in the
// middle moves up k levels to stand for its neighbours too. A move up to level j
// moves a rank by at most 2^(j-1), and takes in more than 2^(j-1)·8192 values, so
// that there are at most n/(2^(j-1)·8192) of them: after n values a rank is wrong
// by at most n·log2(n/8192)/8192: 0.1 % at 10 million, 0.25 % at 10 thousand
// million.
type sketch[T any] struct {
	sort    func([]T)
	levels  [][]T
	upper   []bool // which of the two in the middle moves up next, a level: it alternates
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
	if len(s.levels[0]) > s.most() {
		s.cut()
	}
}

// most is how many values level 0 takes before it is cut: more than a width,
// because many are sorted once instead of level after level.
func (s *sketch[T]) most() int {
	if s.inexact {
		return sketchBatch
	}
	return exactValues
}

// addAll adds values.
func (s *sketch[T]) addAll(values []T) {
	s.grow(1)
	for len(values) > 0 {
		n := min(len(values), s.most()+1-len(s.levels[0]))
		s.levels[0] = append(s.levels[0], values[:n]...)
		s.n += int64(n)
		values = values[n:]
		if len(s.levels[0]) > s.most() {
			s.cut()
		}
	}
}

// addMany adds a value several times.
func (s *sketch[T]) addMany(v T, times int64) {
	s.n += times
	for i := 0; times > 0; i++ {
		s.grow(i + 1)
		if times&1 != 0 {
			s.levels[i] = append(s.levels[i], v)
		}
		times >>= 1
	}
	if len(s.levels[0]) > s.most() {
		s.cut()
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
	s.cut()
}

func (s *sketch[T]) grow(levels int) {
	for len(s.levels) < levels {
		s.levels = append(s.levels, nil)
		s.upper = append(s.upper, false)
	}
}

// cut brings every level back to its width, once there are too many values to be
// exact.
func (s *sketch[T]) cut() {
	if s.n <= exactValues && !s.inexact {
		return
	}
	s.inexact = true
	for i := 0; i < len(s.levels); i++ {
		k := 0
		for len(s.levels[i])>>k > sketchWidth {
			k++
		}
		if k == 0 {
			continue
		}
		s.grow(i + k + 1)
		level := s.levels[i]
		s.sort(level)
		run := 1 << k
		at := run/2 - 1
		if s.upper[i] {
			at++
		}
		s.upper[i] = !s.upper[i]
		even := len(level) &^ (run - 1)
		for ; at < even; at += run {
			s.levels[i+k] = append(s.levels[i+k], level[at])
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
