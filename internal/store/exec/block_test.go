package exec

import (
	"cmp"
	"context"
	"encoding/json/jsontext"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/query"
)

// layout says how events are cut into blocks, so that a test meets every shape
// that a block may have.
type layout struct {
	rows  int          // most rows of a block; 0 = all in one
	order column.Order // 0 = ByPosition
	plain bool         // strings in plain form instead of dictionaries
	// vague is the share of rows whose value at a path is left to Other.
	vague float64
	seed  uint64
	// stored has the ids that callers brought; nil = all.
	stored func(id string) bool
	// shredded makes the blocks with package column instead.
	shredded bool
	// sealed writes them to segments.
	sealed bool
	// cached keeps columns of these.
	cached bool
}

// snapshotOf cuts events, in order of position, into blocks.
func snapshotOf(events []event.Event, l layout) Snapshot {
	s := Snapshot{InstanceID: "i1"}
	if len(events) > 0 {
		s.InstanceID = events[0].InstanceID
		s.LastPosition = events[len(events)-1].Position
	}
	size := l.rows
	if size <= 0 {
		size = max(len(events), 1)
	}
	if l.sealed {
		var cache *segment.Cache
		if l.cached {
			cache = segment.NewCache(1 << 20)
		}
		return sealedSnapshot(rowsOf(events, l.stored), size, cache)
	}
	n := 0
	for chunk := range slices.Chunk(events, size) {
		n++
		s.Blocks = append(s.Blocks, refOf(newRowBlock(chunk, l), "segment-"+strconv.Itoa(n/2)))
	}
	return s
}

func refOf(b *rowBlock, segment string) BlockRef {
	ref := BlockRef{Segment: segment, Rows: len(b.events)}
	for i, e := range b.events {
		at, rec := e.Timestamp.UnixMicro(), e.RecordedAt.UnixMilli()
		if i == 0 {
			ref.FirstPosition, ref.LastPosition = e.Position, e.Position
			ref.MinTimestamp, ref.MaxTimestamp, ref.MinRecorded, ref.MaxRecorded = at, at, rec, rec
		}
		ref.FirstPosition, ref.LastPosition = min(ref.FirstPosition, e.Position), max(ref.LastPosition, e.Position)
		ref.MinTimestamp, ref.MaxTimestamp = min(ref.MinTimestamp, at), max(ref.MaxTimestamp, at)
		ref.MinRecorded, ref.MaxRecorded = min(ref.MinRecorded, rec), max(ref.MaxRecorded, rec)
	}
	ref.MayHold = b.mayHold
	var block column.Block = b
	if b.layout.shredded {
		block = shred(b)
	}
	ref.Open = func(context.Context) (column.Block, func(), error) {
		b.open.Add(1)
		return block, func() { b.open.Add(-1) }, nil
	}
	return ref
}

// shred builds the block that package column makes of the same rows.
func shred(b *rowBlock) column.Block {
	meta := column.Meta{InstanceID: b.events[0].InstanceID, Order: b.Order()}
	meta.MakeID = func(position, _ int64) string { return b.idAt(position) }
	builder := column.NewBuilder(meta)
	rows := rowsOf(b.events, b.layout.stored)
	for i := range rows {
		if err := builder.Append(&rows[i]); err != nil {
			panic(err)
		}
	}
	return builder.Snapshot()
}

// rowsOf are events on their way into columns, with the ids that stored says
// callers brought; nil = all.
func rowsOf(events []event.Event, stored func(id string) bool) []column.Row {
	rows := make([]column.Row, len(events))
	for i := range events {
		e := &events[i]
		rows[i] = column.Row{
			Position: e.Position, SequenceNumber: e.SequenceNumber, Timestamp: e.Timestamp.UnixMicro(), RecordedAt: e.RecordedAt.UnixMilli(),
			Severity: e.Severity, StreamID: e.StreamID, EventType: e.EventType, Actor: e.Actor, Subject: e.Subject,
			Payload: e.Payload, Metadata: e.Metadata,
		}
		if stored == nil || stored(e.ID) {
			rows[i].ID = e.ID
		}
	}
	return rows
}

func (b *rowBlock) idAt(position int64) string {
	for i := range b.events {
		if b.events[i].Position == position {
			return b.events[i].ID
		}
	}
	return ""
}

// rowBlock is a column.Block that makes its columns from events on demand.
type rowBlock struct {
	events []event.Event
	layout layout
	open   atomic.Int64
	asked  atomic.Int64
}

func newRowBlock(events []event.Event, l layout) *rowBlock {
	events = slices.Clone(events)
	if l.order == column.ByStream {
		slices.SortFunc(events, func(a, b event.Event) int {
			return cmp.Or(cmp.Compare(a.StreamID, b.StreamID), cmp.Compare(a.SequenceNumber, b.SequenceNumber))
		})
	}
	return &rowBlock{events: events, layout: l}
}

func (b *rowBlock) Rows() int        { return len(b.events) }
func (b *rowBlock) BytesRead() int64 { return b.asked.Load() }

func (b *rowBlock) Reading(column.Budget) (column.Block, func()) { return b, func() {} }

func (b *rowBlock) Fit(rows []int32, limit int64) (n int, bytes int64) {
	for i, row := range rows {
		size := int64(2 * eventSize(&b.events[row]))
		if i > 0 && bytes+size > limit {
			return i, bytes
		}
		bytes += size
	}
	return len(rows), bytes
}

func (b *rowBlock) Order() column.Order { return max(b.layout.order, column.ByPosition) }

func (b *rowBlock) mayHold(f query.Field, value string) bool {
	for i := range b.events {
		v, ok := b.stringAt(i, f)
		if ok && v == value {
			return true
		}
	}
	return false
}

func (b *rowBlock) stringAt(row int, f query.Field) (string, bool) {
	e := &b.events[row]
	switch f.Root {
	case query.Payload, query.Metadata:
		v, ok, _ := b.Value(row, f.Root, f.Path)
		return event.Unquoted(v), ok && event.KindOf(v) == '"'
	case query.ID:
		return e.ID, true
	}
	return envelopeString(e, f.Root)
}

func envelopeString(e *event.Event, root query.Root) (string, bool) {
	deref := func(s *string) (string, bool) {
		if s == nil {
			return "", false
		}
		return *s, true
	}
	switch root {
	case query.ID:
		return e.ID, true
	case query.StreamID:
		return e.StreamID, true
	case query.EventType:
		return e.EventType, true
	case query.Category:
		return e.Category(), true
	case query.Actor:
		return deref(e.Actor)
	default:
		return deref(e.Subject)
	}
}

func (b *rowBlock) Envelope(root query.Root) (*column.Vector, error) {
	b.asked.Add(1)
	v := &column.Vector{Len: len(b.events)}
	integer := func(of func(*event.Event) int64) (*column.Vector, error) {
		v.Kind = column.Int
		for i := range b.events {
			v.Ints = append(v.Ints, of(&b.events[i]))
		}
		return v, nil
	}
	switch root {
	case query.Position:
		return integer(func(e *event.Event) int64 { return e.Position })
	case query.SequenceNumber:
		return integer(func(e *event.Event) int64 { return e.SequenceNumber })
	case query.Timestamp:
		return integer(func(e *event.Event) int64 { return e.Timestamp.UnixMicro() })
	case query.RecordedAt:
		return integer(func(e *event.Event) int64 { return e.RecordedAt.UnixMilli() })
	case query.Severity:
		return integer(func(e *event.Event) int64 { return int64(e.Severity) })
	}
	values := make([]*string, len(b.events))
	for i := range b.events {
		s, ok := envelopeString(&b.events[i], root)
		if ok && (root != query.ID || b.layout.stored == nil || b.layout.stored(s)) {
			values[i] = &s
		}
	}
	return b.strings(column.String, values), nil
}

// strings is a String or JSON column in the layout's form; nil values are
// missing and leave rubbish where their code would be.
func (b *rowBlock) strings(kind column.Kind, values []*string) *column.Vector {
	v := &column.Vector{Kind: kind, Len: len(values)}
	full := !slices.Contains(values, nil)
	if !full {
		v.Valid = make(column.Bitmap, words(len(values)))
	}
	if b.layout.plain {
		v.Offsets = []uint32{0}
	} else {
		v.Codes = []uint32{}
	}
	codes := map[string]uint32{}
	for i, s := range values {
		if s != nil && !full {
			v.Valid[i>>6] |= 1 << (i & 63)
		}
		switch {
		case b.layout.plain:
			if s != nil {
				v.Bytes = append(v.Bytes, *s...)
			}
			v.Offsets = append(v.Offsets, uint32(len(v.Bytes)))
		case s == nil:
			v.Codes = append(v.Codes, 0xdeadbeef)
		default:
			code, ok := codes[*s]
			if !ok {
				code = uint32(len(v.Dict))
				codes[*s] = code
				v.Dict = append(v.Dict, *s)
			}
			v.Codes = append(v.Codes, code)
		}
	}
	return v
}

func (b *rowBlock) Path(root query.Root, path []query.Step) (column.PathColumns, error) {
	b.asked.Add(1)
	var (
		n       = len(b.events)
		rnd     = rand.New(rand.NewPCG(b.layout.seed, uint64(len(path))))
		pc      = column.PathColumns{Nulls: make(column.Bitmap, words(n)), Other: make(column.Bitmap, words(n))}
		ints    = &column.Vector{Kind: column.Int, Len: n, Valid: make(column.Bitmap, words(n)), Ints: make([]int64, n)}
		doubles = &column.Vector{Kind: column.Double, Len: n, Valid: make(column.Bitmap, words(n)), Doubles: make([]float64, n)}
		bools   = &column.Vector{Kind: column.Bool, Len: n, Valid: make(column.Bitmap, words(n)), Bools: make(column.Bitmap, words(n))}
		strs    = make([]*string, n)
		rest    = make([]*string, n)
	)
	for i := range n {
		raw, ok, _ := b.Value(i, root, path)
		if rnd.Float64() < b.layout.vague {
			pc.Other[i>>6] |= 1 << (i & 63)
			continue
		}
		if !ok {
			continue
		}
		bit := uint64(1) << (i & 63)
		switch event.KindOf(raw) {
		case 'n':
			pc.Nulls[i>>6] |= bit
		case 't', 'f':
			bools.Valid[i>>6] |= bit
			if raw[0] == 't' {
				bools.Bools[i>>6] |= bit
			}
		case '"':
			s := event.Unquoted(raw)
			if string(event.AppendQuoted(nil, s)) != string(raw) {
				pc.Other[i>>6] |= bit // its spelling would be lost in a column
				break
			}
			strs[i] = &s
		case '0':
			x, integer := canonicalInt(string(raw))
			d, double := canonicalDouble(string(raw))
			switch {
			case integer:
				ints.Ints[i], ints.Valid[i>>6] = x, ints.Valid[i>>6]|bit
			case double:
				doubles.Doubles[i], doubles.Valid[i>>6] = d, doubles.Valid[i>>6]|bit
			default:
				s := string(raw)
				rest[i] = &s
			}
		case '[':
			s := string(raw)
			rest[i] = &s
		default: // an object is never in a column
			pc.Other[i>>6] |= bit
		}
	}
	for _, v := range []*column.Vector{ints, doubles, bools, b.strings(column.String, strs), b.strings(column.JSON, rest)} {
		if v.Valid == nil || !v.Valid.Empty() {
			pc.Vectors = append(pc.Vectors, v)
		}
	}
	return pc, nil
}

func canonicalInt(s string) (int64, bool) {
	x, err := strconv.ParseInt(s, 10, 64)
	return x, err == nil && strconv.FormatInt(x, 10) == s
}

func canonicalDouble(s string) (float64, bool) {
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil && strconv.FormatFloat(x, 'f', -1, 64) == s
}

func (b *rowBlock) Texts(fn func(v *column.Vector) error) (column.Bitmap, error) {
	rest := make(column.Bitmap, words(len(b.events)))
	allRows(rest, len(b.events))
	return rest, nil
}

func (b *rowBlock) Value(row int, root query.Root, path []query.Step) (jsontext.Value, bool, error) {
	v := []byte(b.events[row].Payload)
	if root == query.Metadata {
		v = b.events[row].Metadata
	}
	for _, step := range path {
		var ok bool
		if step.IsIndex {
			v, ok = event.Element(v, step.Index)
		} else {
			v, ok = event.Member(v, step.Key)
		}
		if !ok {
			return nil, false, nil
		}
	}
	return v, true, nil
}

func (b *rowBlock) Events(dst []event.Event, rows []int32, need column.Need) ([]event.Event, error) {
	for _, row := range rows {
		e := b.events[row]
		e.Payload, e.Metadata = nil, nil
		if need.Payload {
			e.Payload = jsontext.Value(strings.Clone(string(b.events[row].Payload)))
		}
		if need.Metadata {
			e.Metadata = jsontext.Value(strings.Clone(string(b.events[row].Metadata)))
		}
		dst = append(dst, e)
	}
	return dst, nil
}
