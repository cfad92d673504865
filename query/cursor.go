package query

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json/jsontext"
	"hash/crc32"
)

// CursorKind says how a page goes on.
type CursorKind uint8

const (
	// AppendOrder goes on after Position (before it, with Desc) and takes in
	// events that have arrived since.
	AppendOrder CursorKind = iota + 1
	// Sorted goes on after the row with Keys and Position among the events up
	// to Snapshot: later ones do not join.
	Sorted
)

// Cursor says where a page ended. Its text is opaque, checksummed and bound to
// one query of one instance.
type Cursor struct {
	Kind CursorKind
	// Query is the Fingerprint of the query that the cursor belongs to.
	Query uint64
	// Now is what relative times of the first page were resolved against,
	// microseconds since the epoch.
	Now int64
	// Position is that of the last event of the page.
	Position int64
	// Snapshot is the last position that the first page saw. Sorted only.
	Snapshot int64
	// Offset is how many matches precede the next page, the first page's offset
	// included. Sorted only.
	Offset int64
	// Keys are the values of orderBy of the last event as JSON, nil where
	// missing. Sorted only. They are left out where they are long:
	// the page then goes on after the event at Position, which must still be
	// there.
	Keys []jsontext.Value
}

const (
	cursorVersion = 1
	maxCursor     = 1 << 14 // bytes of a cursor's text
	maxCursorKeys = 1 << 12 // bytes of its keys
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode is the cursor's text: URL-safe, without padding. Keys that are long are
// left out.
func (c Cursor) Encode() string {
	size := 0
	for _, key := range c.Keys {
		size += len(key)
	}
	if size > maxCursorKeys {
		c.Keys = nil
	}
	b := []byte{cursorVersion, byte(c.Kind)}
	b = binary.LittleEndian.AppendUint64(b, c.Query)
	for _, i := range []int64{c.Now, c.Position, c.Snapshot, c.Offset, int64(len(c.Keys))} {
		b = binary.AppendVarint(b, i)
	}
	for _, key := range c.Keys {
		b = binary.AppendUvarint(b, uint64(len(key)))
		b = append(b, key...)
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return base64.RawURLEncoding.EncodeToString(b)
}

var errCursor = &Error{Path: "cursor", Message: "is not a cursor of this log; give next_cursor of an answer, unchanged"}

// DecodeCursor reads what Encode wrote. The only error is a *Error at the path
// "cursor".
func DecodeCursor(text string) (Cursor, error) {
	if len(text) > maxCursor {
		return Cursor{}, errCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 14 || b[0] != cursorVersion {
		return Cursor{}, errCursor
	}
	body := b[:len(b)-4]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[len(body):]) {
		return Cursor{}, errCursor
	}
	c := Cursor{Kind: CursorKind(body[1]), Query: binary.LittleEndian.Uint64(body[2:])}
	if c.Kind != AppendOrder && c.Kind != Sorted {
		return Cursor{}, errCursor
	}
	if !c.decode(body[10:]) {
		return Cursor{}, errCursor
	}
	return c, nil
}

func (c *Cursor) decode(b []byte) bool {
	var keys int64
	for _, i := range []*int64{&c.Now, &c.Position, &c.Snapshot, &c.Offset, &keys} {
		n := 0
		if *i, n = binary.Varint(b); n <= 0 {
			return false
		}
		b = b[n:]
	}
	if keys < 0 || keys > maxFields {
		return false
	}
	for range keys {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return false
		}
		var key jsontext.Value
		if size > 0 {
			key = b[n : n+int(size)]
			if !key.IsValid() {
				return false
			}
		}
		c.Keys = append(c.Keys, key)
		b = b[n+int(size):]
	}
	return len(b) == 0 && c.Now >= minMicros && c.Now <= maxMicros &&
		c.Position >= 0 && c.Snapshot >= 0 && c.Offset >= 0
}

// Fingerprint identifies what decides which events a query pages through and in
// which order: instance, stream, where and orderBy. Two pages may differ in
// limit, select and total. Relative times count as they are spelled.
func (q *Query) Fingerprint(instanceID string) uint64 {
	h := sha256.New()
	write := func(text string) {
		h.Write(binary.AppendUvarint(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	write(instanceID)
	if q.Stream != nil {
		write(*q.Stream)
	}
	write("where")
	write(string(printer{relative: true}.condition(nil, q.Where)))
	for _, o := range q.OrderBy {
		write(o.Field.String())
		if o.Desc {
			write("desc")
		}
	}
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// CheckCursor decodes q's cursor; ok is false where it has none. A cursor of
// another query or instance, or one that is damaged, is a *Error.
func (q *Query) CheckCursor(instanceID string) (c Cursor, ok bool, err error) {
	if q.Cursor == "" {
		return Cursor{}, false, nil
	}
	c, err = DecodeCursor(q.Cursor)
	if err != nil {
		return Cursor{}, false, err
	}
	kind := AppendOrder
	if len(q.OrderBy) > 0 {
		kind = Sorted
	}
	if c.Query != q.Fingerprint(instanceID) || c.Kind != kind || (len(c.Keys) > 0 && len(c.Keys) != len(q.OrderBy)) {
		return Cursor{}, false, &Error{Path: "cursor", Message: "belongs to another query or instance; send it with the query whose answer held it"}
	}
	return c, true, nil
}
