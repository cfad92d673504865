package store

import (
	"encoding/binary"

	"github.com/firnlog/firn/event"
)

// section is one section of a record.
type section struct {
	kind    byte
	content []byte
	whole   []byte // with its header
}

// decodeRecord takes a record apart. A record of a later version is ErrNewer.
func decodeRecord(body []byte) ([]section, error) {
	if len(body) < recordHeader {
		return nil, recordError("it is empty")
	}
	if body[0] != recordVersion {
		return nil, recordError("version %d is not known: %w", body[0], ErrNewer)
	}
	var out []section
	for rest := body[recordHeader:]; len(rest) > 0; {
		if len(rest) < sectionHeader {
			return nil, recordError("%d bytes are left over", len(rest))
		}
		n := int64(binary.LittleEndian.Uint32(rest[1:]))
		if int64(len(rest)-sectionHeader) < n {
			return nil, recordError("a section of %d bytes has %d", n, len(rest)-sectionHeader)
		}
		end := sectionHeader + int(n)
		out = append(out, section{kind: rest[0], content: rest[sectionHeader:end], whole: rest[:end:end]})
		rest = rest[end:]
	}
	return out, nil
}

// stampedBatch is a batch with its numbers.
type stampedBatch struct {
	*batch
	instance   uuid
	first      int64   // position
	recordedAt int64   // milliseconds since the epoch
	sequences  []int64 // first sequence number of each stream
}

func (b *stampedBatch) last() int64 { return b.first + int64(b.len()) - 1 }

func (b *stampedBatch) sequence(i int) int64 { return b.sequences[b.streamOf(i)] + b.ordinal(i) }

// decodeBatch decodes the events section whole, which keeps it.
func decodeBatch(whole []byte) (*stampedBatch, error) {
	if len(whole) < sectionHeader+eventsHeader {
		return nil, recordError("an events section of %d bytes", len(whole))
	}
	content := whole[sectionHeader:]
	b := &stampedBatch{
		batch:      &batch{section: whole},
		first:      int64(binary.LittleEndian.Uint64(content[offPosition:])),
		recordedAt: int64(binary.LittleEndian.Uint64(content[offRecordedAt:])),
	}
	copy(b.instance[:], content)
	count := int(binary.LittleEndian.Uint32(content[offEventCount:]))
	streams := int(binary.LittleEndian.Uint32(content[offStreamCount:]))
	if count > len(whole) || streams > count || count == 0 || b.first < 1 {
		return nil, recordError("%d events of %d streams from position %d", count, streams, b.first)
	}
	at, err := b.decodeStreams(sectionHeader+eventsHeader, streams)
	if err != nil {
		return nil, err
	}
	return b, b.decodeOffsets(at, count)
}

func (b *stampedBatch) decodeStreams(at, streams int) (int, error) {
	whole := b.section
	for range streams {
		name, n := cutString(whole[at:])
		if n == 0 || len(whole)-at-n < 12 {
			return 0, recordError("stream table ends early")
		}
		at += n
		b.sequences = append(b.sequences, int64(binary.LittleEndian.Uint64(whole[at:])))
		b.streams = append(b.streams, batchStream{name: string(name), place: at, count: binary.LittleEndian.Uint32(whole[at+8:])})
		at += 12
	}
	return at, nil
}

func (b *stampedBatch) decodeOffsets(at, count int) error {
	b.offsets = make([]uint32, count)
	if len(b.streams) > 1 {
		b.stream, b.ordinals = make([]uint32, count), make([]uint32, count)
	}
	seen := make([]uint32, len(b.streams))
	for i := range count {
		b.offsets[i] = uint32(at)
		e, n, err := decodeEvent(b.section[at:])
		if err != nil {
			return recordError("event %d: %w", i, err)
		}
		if int(e.stream) >= len(b.streams) {
			return recordError("event %d is of stream %d of %d", i, e.stream, len(b.streams))
		}
		b.note(&e)
		if b.stream != nil {
			b.stream[i], b.ordinals[i] = e.stream, seen[e.stream]
		}
		seen[e.stream]++
		at += n
	}
	for i, s := range b.streams {
		if seen[i] != s.count {
			return recordError("stream %q has %d events where %d are told", s.name, seen[i], s.count)
		}
	}
	if at != len(b.section) {
		return recordError("%d bytes follow the last event", len(b.section)-at)
	}
	return nil
}

// decodeEvent decodes one event and returns how many bytes it took.
func decodeEvent(src []byte) (rawEvent, int, error) {
	content, total := cutString(src)
	if total == 0 || len(content) < 2 {
		return rawEvent{}, 0, recordError("an event ends early")
	}
	e := rawEvent{flags: content[0], severity: event.Severity(content[1]), payload: emptyObject, metadata: emptyObject}
	rest := content[2:]
	stream, n := binary.Uvarint(rest)
	if n <= 0 || stream > 1<<31 {
		return rawEvent{}, 0, recordError("an event's stream is missing")
	}
	e.stream, rest = uint32(stream), rest[n:]
	ok := true
	next := func(dst *[]byte, present bool) {
		if !present || !ok {
			return
		}
		s, n := cutString(rest)
		if ok = n > 0; ok {
			*dst, rest = s, rest[n:]
		}
	}
	next(&e.eventType, true)
	next(&e.id, e.flags&hasID != 0)
	if e.flags&hasTimestamp != 0 && ok {
		if ok = len(rest) >= 8; ok {
			e.timestamp, rest = int64(binary.LittleEndian.Uint64(rest)), rest[8:]
		}
	}
	next(&e.actor, e.flags&hasActor != 0)
	next(&e.subject, e.flags&hasSubject != 0)
	next(&e.payload, e.flags&hasPayload != 0)
	next(&e.metadata, e.flags&hasMetadata != 0)
	if !ok || len(rest) != 0 {
		return rawEvent{}, 0, recordError("an event's fields do not fill its length")
	}
	return e, total, nil
}

// cutString cuts a length-prefixed string off src; n is 0 where there is none.
func cutString(src []byte) (s []byte, n int) {
	l, w := binary.Uvarint(src)
	if w <= 0 || l > uint64(len(src)-w) {
		return nil, 0
	}
	end := w + int(l)
	return src[w:end:end], end
}
