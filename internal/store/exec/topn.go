package exec

import "sort"

// topN keeps the n first of the things pushed, by the order before. It belongs
// to one goroutine.
type topN[T any] struct {
	n      int
	before func(a, b *T) bool
	size   int // bytes charged for one
	meter  meter

	kept  []T
	full  bool // n come before worst or are it: what comes after it is not wanted
	worst T
}

// admits reports whether v would be among the first n of what was pushed so far.
func (t *topN[T]) admits(v *T) bool { return t.n > 0 && (!t.full || !t.before(&t.worst, v)) }

// push adds v if it is admitted. ErrMemory where there is no room for it.
func (t *topN[T]) push(v *T) error {
	if !t.admits(v) {
		return nil
	}
	if err := t.meter.add(t.size); err != nil {
		return err
	}
	t.kept = append(t.kept, *v)
	if len(t.kept) >= 2*t.n && len(t.kept) >= 64 {
		t.cut()
	}
	return nil
}

// cut drops what is not among the first n and puts the rest in order.
func (t *topN[T]) cut() {
	sort.Sort(t)
	if len(t.kept) < t.n {
		return
	}
	t.meter.owed -= int64((len(t.kept) - t.n) * t.size)
	clear(t.kept[t.n:])
	t.kept = t.kept[:t.n]
	if last := t.n - 1; t.n > 0 && (!t.full || t.before(&t.kept[last], &t.worst)) {
		t.full, t.worst = true, t.kept[last]
	}
}

// sorted is what was kept, in order.
func (t *topN[T]) sorted() []T {
	t.cut()
	return t.kept
}

// Len, Less and Swap are for package sort, which compares in place.
func (t *topN[T]) Len() int           { return len(t.kept) }
func (t *topN[T]) Less(i, j int) bool { return t.before(&t.kept[i], &t.kept[j]) }
func (t *topN[T]) Swap(i, j int)      { t.kept[i], t.kept[j] = t.kept[j], t.kept[i] }
