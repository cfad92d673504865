package postgres

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firnlog/firn/target"
)

// States of PostgreSQL that are told apart by name. The rest goes by class, the
// first two characters.
const (
	duplicateTable  = "42P07"
	sequenceAtEnd   = "2200H" // of class 22, data, and yet every row's fault
	uniqueViolation = "23505"
	diskFull        = "53100"
	readOnly        = "25006"
)

// fault sorts an error for the delivery. Neither SQL nor values nor anything of
// the connection's secrets is in what it says.
func (d *database) fault(operation string, err error) error {
	if err == nil {
		return nil
	}
	if pause, sorted := errors.AsType[*target.PauseError](err); sorted {
		return &target.PauseError{Err: fmt.Errorf("PostgreSQL at %s: %s: %w", d.server(), operation, pause.Err)}
	}
	wrapped := fmt.Errorf("PostgreSQL at %s: %s: %w", d.server(), operation, plain(err))
	code := state(err)
	switch {
	case code == sequenceAtEnd:
		return &target.PauseError{Err: fmt.Errorf("%w; make its id a bigint: ALTER TABLE %s ALTER id TYPE bigint, ALTER SEQUENCE %s_id_seq AS bigint", wrapped, d.table, d.table)}
	case code == uniqueViolation && d.ofPrimaryKey(err):
		return &target.PauseError{Err: fmt.Errorf("%w; its sequence is behind its ids: SELECT setval('%s_id_seq', (SELECT max(id) FROM %s))", wrapped, d.table, d.table)}
	case code == diskFull, code == readOnly:
		return &target.PauseError{Err: wrapped}
	}
	switch class(code) {
	case "28", "3D", "3F", "42", "0A", "2B": // who may do what; what is missing
		return &target.PauseError{Err: wrapped}
	}
	return wrapped // 08, 40, 53, 55, 57, 58, and what is no word of the server's
}

// ofOneRow reports whether a single row may be at fault: its data (22), a rule
// that it breaks (23, 44, a trigger's P0, 38 and 39), a limit (54: an index entry
// too large). Fill proves it.
func (d *database) ofOneRow(err error) bool {
	code := state(err)
	switch class(code) {
	case "22", "38", "39", "44", "54", "P0":
		return code != sequenceAtEnd
	case "23":
		return code != uniqueViolation || !d.ofPrimaryKey(err)
	}
	return false
}

func (d *database) ofPrimaryKey(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.ConstraintName == d.table+"_pkey"
}

// state is the SQLSTATE of a server's error, "" for an error of another origin.
func state(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func class(code string) string { return code[:min(2, len(code))] }

// plain is an error without what it quotes: of a server's error its message and
// state (not its detail, which has values), of a failed connection its cause (not
// the user and the database).
func plain(err error) error {
	var server *pgconn.PgError
	var connect *pgconn.ConnectError
	var network *net.OpError
	switch {
	case errors.As(err, &server):
		return said{err: err, text: server.Message + " (SQLSTATE " + server.Code + ")"}
	case errors.As(err, &connect) && errors.As(err, &network): // of several tries, with TLS and without
		return said{err: err, text: network.Error()}
	case errors.As(err, &connect):
		return said{err: err, text: strings.ReplaceAll(connect.Unwrap().Error(), "\n", "; ")}
	}
	return err
}

// said is an error with words of its own.
type said struct {
	err  error
	text string
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.err }
