package table

import (
	"errors"
	"fmt"

	"github.com/firnlog/firn/target"
)

// Harmless is the row, in place of an index, that nobody can object to but a
// database that takes none.
const Harmless = -1

// Rows are the rows of a batch on their way into a transaction that is open.
type Rows struct {
	// Len is how many there are.
	Len int
	// Insert inserts the rows from lo to before hi: all of them, or none and an
	// error that leaves the transaction usable if OfOne holds for it.
	Insert func(lo, hi int) error
	// Try inserts one row, or Harmless, and takes it out again.
	Try func(row int) error
	// OfOne reports whether an error may be the fault of a single row.
	OfOne func(error) bool
	// Plain is an error of a row in words for people, without its values. nil: the
	// error as it is.
	Plain func(error) error
}

// neighbours is how many other rows are tried to prove that one is at fault.
const neighbours = 8

// Fill inserts as many rows from the front as go in, and says why the next does
// not: a *target.RefusedError where that row fails while others go in, a
// *target.PauseError where none goes in. Without an error, and with a refused
// row, what went in may be committed; else the transaction is to be rolled back.
func (r Rows) Fill() (inserted int, err error) {
	inserted, err = r.fill(0, r.Len)
	if err == nil || !r.OfOne(err) {
		return inserted, err
	}
	proven := inserted > 0
	if !proven {
		var tryErr error
		if proven, tryErr = r.othersGoIn(inserted); tryErr != nil {
			return inserted, tryErr
		}
	}
	if r.Plain != nil {
		err = r.Plain(err)
	}
	if !proven {
		return inserted, &target.PauseError{Err: fmt.Errorf("every row fails: %w", err)}
	}
	return inserted, &target.RefusedError{Err: err}
}

// fill halves what fails, until it has the first row that fails alone.
func (r Rows) fill(lo, hi int) (inserted int, err error) {
	if lo >= hi {
		return 0, nil
	}
	err = r.Insert(lo, hi)
	switch {
	case err == nil:
		return hi - lo, nil
	case !r.OfOne(err) || hi-lo == 1:
		return 0, err
	}
	middle := lo + (hi-lo)/2
	inserted, err = r.fill(lo, middle)
	if err != nil {
		return inserted, err
	}
	rest, err := r.fill(middle, hi)
	return inserted + rest, err
}

// othersGoIn proves that a database that refuses a row takes another.
func (r Rows) othersGoIn(refused int) (bool, error) {
	others := []int{Harmless}
	for i := refused + 1; i < r.Len && i <= refused+neighbours; i++ {
		others = append(others, i)
	}
	for _, row := range others {
		err := r.Try(row)
		if err == nil {
			return true, nil
		}
		if !r.OfOne(err) {
			return false, err
		}
	}
	return false, nil
}

// CheckEpoch keeps an earlier life of a log from writing behind a later one: two
// processes, one of them on the directory from before a restore.
func CheckEpoch(cursor target.Cursor, log target.Identity) error {
	if cursor.Epoch <= log.Epoch {
		return nil
	}
	return &target.StopError{Err: fmt.Errorf(
		"a later life of this log (epoch %d) has written here, this one is epoch %d: it was restored from a backup, and another Firn runs on the restored one",
		cursor.Epoch, log.Epoch)}
}

// Committable reports whether the rows that Fill inserted may be committed.
func Committable(err error) bool {
	var refused *target.RefusedError
	return err == nil || errors.As(err, &refused)
}
