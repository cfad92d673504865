package column

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// picks are columns of chosen rows, each of rows of its own.
type picks struct {
	source  Source
	rows    [][]int32 // by Col; nil = the column is not wanted
	vectors []*Vector // likewise
	at      []int     // likewise: the place in the vector that is next
}

func newPicks(s Source, columns int) *picks {
	return &picks{source: s, rows: make([][]int32, columns), vectors: make([]*Vector, columns), at: make([]int, columns)}
}

// add wants of a row what the text of its object is made of.
func (p *picks) add(s *shape, rest Col, row int32) {
	if s == nil || s.inRest {
		p.rows[rest] = append(p.rows[rest], row)
	}
	if s == nil {
		return
	}
	for _, c := range s.cols {
		if c != noCol {
			p.rows[c] = append(p.rows[c], row)
		}
	}
}

// next returns a column and the place in it of the row that is next: rows are
// asked for in the order in which they were added.
func (p *picks) next(c Col) (v *Vector, at int, err error) {
	v, at = p.vectors[c], p.at[c]
	if v == nil || at >= v.Len {
		return nil, 0, fmt.Errorf("column: column %d was read for %d rows only", c, at)
	}
	p.at[c]++
	return v, at, nil
}

// read reads all columns that are wanted, several at a time: they may have to be
// read from a file.
func (p *picks) read() error {
	var wanted []Col
	for c, rows := range p.rows {
		if rows != nil {
			wanted = append(wanted, Col(c))
		}
	}
	var (
		next  atomic.Int64
		fault atomic.Pointer[error]
		all   sync.WaitGroup
	)
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(wanted) || fault.Load() != nil {
				return
			}
			v, err := p.one(wanted[i])
			if err != nil {
				fault.CompareAndSwap(nil, &err)
			}
			p.vectors[wanted[i]] = v
		}
	}
	for range min(runtime.GOMAXPROCS(0), len(wanted)) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
	if err := fault.Load(); err != nil {
		return *err
	}
	return nil
}

// one reads one column. It turns a panic into an error, because nobody could
// recover from it in a goroutine.
func (p *picks) one(c Col) (v *Vector, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("column: reading column %d failed inside: %v\n%s", c, x, debug.Stack())
		}
	}()
	return p.source.Pick(c, p.rows[c])
}
