package sqlite

import (
	"errors"
	"fmt"

	"github.com/firnlog/firn/target"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// fault sorts an error of SQLite for the delivery.
func (f *file) fault(operation string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s: %s: %w", f.path, operation, err)
	switch code(err) & 0xff {
	case lib.SQLITE_FULL, lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_AUTH, lib.SQLITE_CANTOPEN,
		lib.SQLITE_ERROR, lib.SQLITE_SCHEMA:
		// SQLITE_ERROR is a table that went away: Open makes it, or says what is there.
		return &target.PauseError{Err: wrapped}
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_FORMAT:
		return &target.StopError{Err: wrapped}
	}
	return wrapped
}

// ofOneRow reports whether a single row may be at fault: a constraint or a
// trigger of the user's, a value too large.
func ofOneRow(err error) bool {
	switch code(err) & 0xff {
	case lib.SQLITE_CONSTRAINT:
		return code(err) != lib.SQLITE_CONSTRAINT_PRIMARYKEY && code(err) != lib.SQLITE_CONSTRAINT_ROWID
	case lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH:
		return true
	}
	return false
}

// code is SQLite's extended result code, 0 for an error of another origin.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}
