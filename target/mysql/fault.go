package mysql

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/firnlog/firn/target"
)

// Numbers of errors that are told apart.
const (
	noSuchThread   = 1094
	duplicateEntry = 1062
	constraint     = 4025 // MariaDB: a CHECK, and that JSON is JSON
	outOfRange     = 1264
	outOfRangeID   = 167 // MariaDB's, of an AUTO_INCREMENT at its end

	autoIncrementEnds = 1467
)

// everyRow are errors that no event is to blame for: rights, missing things, a
// full disk, a server that only reads, an id at its end.
var everyRow = []uint16{
	3, 1021, 1030, 1114, // disk or table full, a storage engine that cannot write
	1044, 1045, 1130, 1142, 1143, 1227, 1698, // rights
	1049, 1054, 1136, 1146, 1364, // missing database, column, table, default
	1290, 1792, 1836, // read only
	autoIncrementEnds,
}

// oneRow are errors of a row that have no class of their own.
var oneRow = []uint16{
	1118, 1526, 3140, 3157, 3819, constraint, // a row too large, without a partition; JSON; CHECK
	1265, 1366, 1406, outOfRange, 1292, // a value that does not fit
}

// fault sorts an error for the delivery. Neither SQL nor values nor anything of
// the connection's secrets is in what it says.
func (d *database) fault(operation string, err error) error {
	if err == nil {
		return nil
	}
	if pause, sorted := errors.AsType[*target.PauseError](err); sorted {
		return &target.PauseError{Err: fmt.Errorf("MySQL at %s: %s: %w", d.config.Addr, operation, pause.Err)}
	}
	wrapped := fmt.Errorf("MySQL at %s: %s: %w", d.config.Addr, operation, plain(err))
	switch {
	case ofPrimaryKey(err):
		return &target.PauseError{Err: fmt.Errorf("%w; if its ids are at their end: ALTER TABLE %s MODIFY id BIGINT NOT NULL AUTO_INCREMENT", wrapped, d.owner.Table)}
	case slices.Contains(everyRow, number(err)):
		return &target.PauseError{Err: wrapped}
	}
	return wrapped
}

// ofOneRow reports whether a single row may be at fault: its data (class 22), a
// rule that it breaks (23, a trigger's 45), or one of oneRow. Fill proves it.
func ofOneRow(err error) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) || ofPrimaryKey(err) || slices.Contains(everyRow, e.Number) {
		return false
	}
	switch string(e.SQLState[:2]) {
	case "22", "23", "45":
		return true
	}
	return slices.Contains(oneRow, e.Number)
}

// ofPrimaryKey reports whether an id is taken: the table's counter is at fault.
func ofPrimaryKey(err error) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case autoIncrementEnds:
		return true
	case duplicateEntry:
		return strings.HasSuffix(e.Message, "PRIMARY'")
	case outOfRange, outOfRangeID:
		return strings.Contains(e.Message, "'id'")
	}
	return false
}

// number is the server's number of an error, 0 for an error of another origin.
func number(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// plain is an error without what it quotes of SQL and values.
func plain(err error) error {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return err
	}
	text := e.Message
	switch e.Number {
	case 1064:
		text = "the server does not understand the statement"
	case duplicateEntry:
		_, key, _ := strings.Cut(text, " for key ")
		text = "duplicate entry for key " + key
	case outOfRange, 1292, 1366:
		text = "a value does not fit its column"
	case constraint, 3140, 3157:
		text += "; a JSON column of MariaDB's nests 31 deep, of MySQL's 100"
	}
	return said{err: err, text: fmt.Sprintf("%s (error %d, SQLSTATE %s)", text, e.Number, e.SQLState[:])}
}

// said is an error with words of its own.
type said struct {
	err  error
	text string
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.err }
