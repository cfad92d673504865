// Package table holds what the SQL targets share: which table names are taken,
// how a table that is there is compared with the documented one, how the rows of
// a batch go in although one of them does not, and the table of cursors.
//
// What is SQL is in the package of each target, but for the few statements that
// two databases take word for word (redelivered.go).
package table

import (
	"fmt"
	"hash/crc32"
	"regexp"
)

// Cursors is the table that holds the cursors of the targets that write to a
// database, beside the rows they count and in the same transactions.
const Cursors = "firn_cursor"

// Redelivered is the table of the dead letters that were taken later, by their
// positions. The cursor is beyond them, so it cannot tell that they are there.
const Redelivered = "firn_redelivered"

// nameForm keeps names to what every database takes in quotes and without, folded
// or not.
var nameForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// CheckName says what is wrong with a table_name of the configuration.
func CheckName(name string) error {
	switch {
	case !nameForm.MatchString(name):
		return fmt.Errorf("table_name: %.80q is no table name here: 1 to 63 of a-z, 0-9 and _, no digit first", name)
	case name == Cursors, name == Redelivered:
		return fmt.Errorf("table_name: %s is a table of Firn's own; take another name", name)
	}
	return nil
}

// longestName is what PostgreSQL keeps of a name; MySQL keeps one more.
const longestName = 63

// IndexName is a name for an index of a table: idx_event_logs_type_timestamp for
// the event_logs of the documents. Of a long table name it keeps the front and a
// checksum, so that two tables never share an index name.
func IndexName(prefix, table, suffix string) string {
	name := prefix + table + suffix
	if len(name) <= longestName {
		return name
	}
	sum := fmt.Sprintf("_%08x", crc32.ChecksumIEEE([]byte(table)))
	return prefix + table[:longestName-len(prefix)-len(suffix)-len(sum)] + sum + suffix
}
