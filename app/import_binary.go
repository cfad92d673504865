package app

import (
	"bufio"
	"bytes"
	"fmt"
)

// magic is how files begin that are no text, and what to do with them.
var magic = []struct{ begin, what, remedy string }{
	{"PAR1", "a Parquet file", "make NDJSON of it first, for example: duckdb -c \"copy (from '%s') to 'events.ndjson'\""},
	{"\x1f\x8b", "compressed with gzip", "unpack it on the way: gunzip -c %s | firn import … -"},
	{"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it on the way: zstdcat %s | firn import … -"},
	{"BZh", "compressed with bzip2", "unpack it on the way: bzcat %s | firn import … -"},
	{"\xfd7zXZ", "compressed with xz", "unpack it on the way: xzcat %s | firn import … -"},
	{"PK\x03\x04", "a ZIP or Excel file", "unpack %s, or save the sheet as CSV"},
	{"SQLite format 3\x00", "an SQLite database", "make NDJSON or CSV of a table first: sqlite3 -csv -header %s 'select * from …'"},
	{"\xff\xfe", "text in UTF-16", "make UTF-8 of it: iconv -f utf-16 -t utf-8 %s | firn import … -"},
	{"\xfe\xff", "text in UTF-16", "make UTF-8 of it: iconv -f utf-16 -t utf-8 %s | firn import … -"},
}

// refuseBinary names what is neither NDJSON nor CSV by its first bytes, which
// it does not consume.
func refuseBinary(in *bufio.Reader, name string) error {
	_, _ = in.Peek(1)                           // an empty file is no fault
	head, _ := in.Peek(min(512, in.Buffered())) // a slow pipe is not waited for
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.begin)) {
			return hint(fmt.Errorf("it is %s; import reads NDJSON and CSV", m.what), "That can be done: "+m.remedy+".", shellWord(name))
		}
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return fmt.Errorf("it is a binary file; import reads NDJSON and CSV")
	}
	return nil
}
