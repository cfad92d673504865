package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
)

// A record of the write-ahead log is what happens at once: a version byte, then
// sections, each a kind, a length and its content. docs/storage-format.md has
// the layout; this file and record_decode.go are all the code that knows it.

const recordVersion = 1

const (
	sectionControl byte = 1 // JSON of a change of instances or settings
	sectionEvents  byte = 2 // a batch of events of one instance
)

const (
	recordHeader   = 1 // version
	sectionHeader  = 5 // kind, length
	eventsHeader   = 16 + 8 + 8 + 4 + 4
	offPosition    = 16 // places that the sequencer stamps, from the section's content
	offRecordedAt  = 24
	offEventCount  = 32
	offStreamCount = 36
)

const (
	hasID = 1 << iota
	hasTimestamp
	hasActor
	hasSubject
	hasPayload
	hasMetadata
)

// batch is an encoded batch of events of one instance, ready but for the places
// that the sequencer stamps.
type batch struct {
	section []byte // the events section with its header
	streams []batchStream
	offsets []uint32 // of each event in section
	// ordinals is each event's number within its stream and batch, from 0; nil
	// where the batch has one stream.
	ordinals []uint32
	stream   []uint32 // each event's stream, an index of streams; nil where there is one
	ids      int      // events whose ids their caller brought
	timed    int      // events whose timestamps their caller brought
	low      int64    // the least and the greatest of these timestamps
	high     int64
}

// note counts what an event of the batch has brought.
func (b *batch) note(e *rawEvent) {
	if e.flags&hasID != 0 {
		b.ids++
	}
	if e.flags&hasTimestamp == 0 {
		return
	}
	if b.timed == 0 {
		b.low, b.high = e.timestamp, e.timestamp
	}
	b.low, b.high = min(b.low, e.timestamp), max(b.high, e.timestamp)
	b.timed++
}

// memory is how many bytes of memory the batch takes until it is sealed, about.
func (b *batch) memory() int64 {
	n := 128 + cap(b.section) + 4*(cap(b.offsets)+cap(b.ordinals)+cap(b.stream)) + idMemory*b.ids
	for i := range b.streams {
		n += 48 + len(b.streams[i].name)
	}
	return int64(n)
}

// idMemory is about how many bytes an unsealed id takes where ids are looked up.
const idMemory = 48

// batchStream is a stream of a batch.
type batchStream struct {
	name  string
	place int    // of the first sequence number in the section
	count uint32 // events of the batch in the stream
}

func (b *batch) len() int { return len(b.offsets) }

// stamp writes what the sequencer decides into the section.
func (b *batch) stamp(instance uuid, position, recordedAt int64) {
	content := b.section[sectionHeader:]
	copy(content, instance[:])
	binary.LittleEndian.PutUint64(content[offPosition:], uint64(position))
	binary.LittleEndian.PutUint64(content[offRecordedAt:], uint64(recordedAt))
}

// stampStream writes the first sequence number of stream i of the batch.
func (b *batch) stampStream(i int, first int64) {
	binary.LittleEndian.PutUint64(b.section[b.streams[i].place:], uint64(first))
}

// encodeBatch encodes drafts, which have been checked, in their order.
func encodeBatch(drafts []event.Draft) *batch {
	b := &batch{offsets: make([]uint32, len(drafts))}
	size := sectionHeader + eventsHeader
	index := make(map[string]uint32, 1)
	of := make([]uint32, len(drafts))
	ordinals := make([]uint32, len(drafts))
	for i := range drafts {
		d := &drafts[i]
		name := streamOf(d)
		s, ok := index[name]
		if !ok {
			s = uint32(len(b.streams))
			index[name] = s
			// The batch outlives the caller's drafts, which may be parts of a buffer
			// that is used again.
			b.streams = append(b.streams, batchStream{name: strings.Clone(name)})
			size += binary.MaxVarintLen32 + len(name) + 12
		}
		of[i], ordinals[i] = s, b.streams[s].count
		b.streams[s].count++
		size += draftSize(d)
	}
	if len(b.streams) > 1 {
		b.stream, b.ordinals = of, ordinals
	}
	buf := make([]byte, sectionHeader+eventsHeader, size)
	buf[0] = sectionEvents
	content := buf[sectionHeader:]
	binary.LittleEndian.PutUint32(content[offEventCount:], uint32(len(drafts)))
	binary.LittleEndian.PutUint32(content[offStreamCount:], uint32(len(b.streams)))
	for i := range b.streams {
		buf = appendString(buf, b.streams[i].name)
		b.streams[i].place = len(buf)
		buf = binary.LittleEndian.AppendUint64(buf, 0)
		buf = binary.LittleEndian.AppendUint32(buf, b.streams[i].count)
	}
	for i := range drafts {
		b.offsets[i] = uint32(len(buf))
		e := rawDraft(&drafts[i], of[i])
		b.note(&e)
		buf = e.append(buf)
	}
	binary.LittleEndian.PutUint32(buf[1:], uint32(len(buf)-sectionHeader))
	b.section = buf
	return b
}

// without encodes the batch anew without the events that drop names.
func (b *batch) without(drop []bool) *batch {
	n := &batch{}
	renumber := make([]uint32, len(b.streams))
	kept := make([]uint32, len(b.streams))
	for i := range b.offsets {
		if !drop[i] {
			kept[b.streamOf(i)]++
		}
	}
	for i, s := range b.streams {
		if kept[i] > 0 {
			renumber[i] = uint32(len(n.streams))
			n.streams = append(n.streams, batchStream{name: s.name, count: kept[i]})
		}
	}
	buf := make([]byte, sectionHeader+eventsHeader, len(b.section))
	buf[0] = sectionEvents
	for i := range n.streams {
		buf = appendString(buf, n.streams[i].name)
		n.streams[i].place = len(buf)
		buf = binary.LittleEndian.AppendUint64(buf, 0)
		buf = binary.LittleEndian.AppendUint32(buf, n.streams[i].count)
	}
	next := make([]uint32, len(n.streams))
	for i := range b.offsets {
		if drop[i] {
			continue
		}
		s := renumber[b.streamOf(i)]
		n.offsets = append(n.offsets, uint32(len(buf)))
		n.stream = append(n.stream, s)
		n.ordinals = append(n.ordinals, next[s])
		next[s]++
		e, _ := b.raw(i)
		n.note(&e)
		e.stream = s
		buf = e.append(buf)
	}
	if len(n.streams) <= 1 {
		n.stream, n.ordinals = nil, nil
	}
	content := buf[sectionHeader:]
	binary.LittleEndian.PutUint32(content[offEventCount:], uint32(len(n.offsets)))
	binary.LittleEndian.PutUint32(content[offStreamCount:], uint32(len(n.streams)))
	binary.LittleEndian.PutUint32(buf[1:], uint32(len(buf)-sectionHeader))
	n.section = buf
	return n
}

func (b *batch) streamOf(i int) uint32 {
	if b.stream == nil {
		return 0
	}
	return b.stream[i]
}

func (b *batch) ordinal(i int) int64 {
	if b.ordinals == nil {
		return int64(i)
	}
	return int64(b.ordinals[i])
}

// raw decodes event i of the batch.
func (b *batch) raw(i int) (rawEvent, error) {
	e, _, err := decodeEvent(b.section[b.offsets[i]:])
	return e, err
}

// rawEvent is an event as the log's record holds it; its strings are slices of
// the record.
type rawEvent struct {
	flags     byte
	severity  event.Severity
	stream    uint32 // index in the batch's streams
	eventType []byte
	id        []byte
	timestamp int64 // microseconds since the epoch, if flags has hasTimestamp
	actor     []byte
	subject   []byte
	payload   []byte // {} where flags has no hasPayload
	metadata  []byte
}

var emptyObject = []byte("{}")

// rawDraft is the raw form of a draft, defaults filled in.
func rawDraft(d *event.Draft, stream uint32) rawEvent {
	e := rawEvent{severity: d.Severity, stream: stream, eventType: []byte(d.EventType), payload: d.Payload, metadata: d.Metadata}
	if e.severity == 0 {
		e.severity = event.Info
	}
	if d.ID != "" {
		e.flags |= hasID
		e.id = []byte(d.ID)
	}
	if !d.Timestamp.IsZero() {
		e.flags |= hasTimestamp
		e.timestamp = d.Timestamp.UnixMicro()
	}
	if d.Actor != nil {
		e.flags |= hasActor
		e.actor = []byte(*d.Actor)
	}
	if d.Subject != nil {
		e.flags |= hasSubject
		e.subject = []byte(*d.Subject)
	}
	e.setObjects()
	return e
}

func (e *rawEvent) setObjects() {
	if len(e.payload) > len(emptyObject) {
		e.flags |= hasPayload
	} else {
		e.payload = emptyObject
	}
	if len(e.metadata) > len(emptyObject) {
		e.flags |= hasMetadata
	} else {
		e.metadata = emptyObject
	}
}

// append appends the event's encoding: its length, then its content.
func (e *rawEvent) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.size()))
	dst = append(dst, e.flags, byte(e.severity))
	dst = binary.AppendUvarint(dst, uint64(e.stream))
	dst = appendString(dst, e.eventType)
	if e.flags&hasID != 0 {
		dst = appendString(dst, e.id)
	}
	if e.flags&hasTimestamp != 0 {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(e.timestamp))
	}
	if e.flags&hasActor != 0 {
		dst = appendString(dst, e.actor)
	}
	if e.flags&hasSubject != 0 {
		dst = appendString(dst, e.subject)
	}
	if e.flags&hasPayload != 0 {
		dst = appendString(dst, e.payload)
	}
	if e.flags&hasMetadata != 0 {
		dst = appendString(dst, e.metadata)
	}
	return dst
}

// size is the length of the event's content.
func (e *rawEvent) size() int {
	n := 2 + uvarintLen(uint64(e.stream)) + stringSize(len(e.eventType))
	for _, f := range [...]struct {
		flag byte
		size int
	}{
		{hasID, len(e.id)}, {hasActor, len(e.actor)}, {hasSubject, len(e.subject)},
		{hasPayload, len(e.payload)}, {hasMetadata, len(e.metadata)},
	} {
		if e.flags&f.flag != 0 {
			n += stringSize(f.size)
		}
	}
	if e.flags&hasTimestamp != 0 {
		n += 8
	}
	return n
}

// draftSize is at least the encoded length of a draft, and little more: what is
// too much stays in memory until the event is sealed.
func draftSize(d *event.Draft) int {
	n := 2 + binary.MaxVarintLen32 + stringSize(len(d.EventType))
	if d.ID != "" {
		n += stringSize(len(d.ID))
	}
	if !d.Timestamp.IsZero() {
		n += 8
	}
	if d.Actor != nil {
		n += stringSize(len(*d.Actor))
	}
	if d.Subject != nil {
		n += stringSize(len(*d.Subject))
	}
	for _, object := range [...]int{len(d.Payload), len(d.Metadata)} {
		if object > len(emptyObject) {
			n += stringSize(object)
		}
	}
	return uvarintLen(uint64(n)) + n
}

func streamOf(d *event.Draft) string {
	if d.StreamID == "" {
		return event.DefaultStream
	}
	return d.StreamID
}

func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func stringSize(n int) int { return uvarintLen(uint64(n)) + n }

func uvarintLen(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// event returns event i of a stamped batch as the log gives it.
func (b *batch) event(i int, in *identity, position, recordedAt, sequence int64) (event.Event, error) {
	raw, err := b.raw(i)
	if err != nil {
		return event.Event{}, err
	}
	e := event.Event{
		InstanceID: in.id, StreamID: b.streams[b.streamOf(i)].name, SequenceNumber: sequence, Position: position,
		EventType: string(raw.eventType), RecordedAt: millis(recordedAt), Severity: raw.severity,
		Payload: raw.payload, Metadata: raw.metadata,
	}
	e.Timestamp = e.RecordedAt
	if raw.flags&hasTimestamp != 0 {
		e.Timestamp = time.UnixMicro(raw.timestamp).UTC()
	}
	if raw.flags&hasID != 0 {
		e.ID = string(raw.id)
	} else {
		e.ID = in.codec.ID(position, recordedAt)
	}
	if raw.flags&hasActor != 0 {
		e.Actor = new(string(raw.actor))
	}
	if raw.flags&hasSubject != 0 {
		e.Subject = new(string(raw.subject))
	}
	return e, nil
}

// millis is an instant of the log's own clock.
func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

var errRecord = errors.New("malformed record")

func recordError(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errRecord, fmt.Errorf(format, args...))
}
