package store

import (
	"bytes"
	"context"
	"errors"

	"github.com/firnlog/firn/event"
)

// errStale says that the sealed ids have changed since they were looked up.
var errStale = errors.New("look the ids up again")

// callerID is an id that the caller brought.
type callerID struct {
	id          string
	index       int
	fingerprint uint64
	// position and recorded are what the id says if the log has made it.
	position, recorded int64
	// sealed is the receipt of the event that has the id, if it is sealed.
	sealed *Receipt
	// lost says that what may have the id is at a lost position.
	lost error
}

// sameContent reports whether event i of b is event j of c, as far as its
// caller said. recordedAt (milliseconds) is when c was stored, 0 = not yet: a
// timestamp equal to it was made by the log and is no content.
func (b *batch) sameContent(i int, c *batch, j int, recordedAt int64) bool {
	x, err := b.raw(i)
	y, err2 := c.raw(j)
	if err != nil || err2 != nil || b.streams[b.streamOf(i)].name != c.streams[c.streamOf(j)].name {
		return false
	}
	if y.flags&hasTimestamp != 0 && y.timestamp == recordedAt*1000 {
		y.flags &^= hasTimestamp
	}
	return x.same(&y)
}

// same compares all but the stream and the id.
func (e *rawEvent) same(o *rawEvent) bool {
	if e.flags&o.flags&hasTimestamp != 0 && e.timestamp != o.timestamp {
		return false
	}
	const nullable = hasActor | hasSubject
	return e.flags&nullable == o.flags&nullable && e.severity == o.severity &&
		bytes.Equal(e.eventType, o.eventType) && bytes.Equal(e.actor, o.actor) && bytes.Equal(e.subject, o.subject) &&
		bytes.Equal(e.payload, o.payload) && bytes.Equal(e.metadata, o.metadata)
}

// sameEvent is sameContent for a stored event.
func (b *batch) sameEvent(i int, e *event.Event) bool {
	d := event.Draft{StreamID: e.StreamID, EventType: e.EventType, Severity: e.Severity, Actor: e.Actor, Subject: e.Subject, Payload: e.Payload, Metadata: e.Metadata}
	if !e.Timestamp.Equal(e.RecordedAt) {
		d.Timestamp = e.Timestamp
	}
	x, err := b.raw(i)
	if err != nil || b.streams[b.streamOf(i)].name != e.StreamID {
		return false
	}
	y := rawDraft(&d, 0)
	return x.same(&y)
}

// lookUp finds the events that the instance holds already. It returns the batch
// without them, nil if none is left.
func (a *appendOp) lookUp(in *instance, made bool) (*batch, error) {
	b := a.batch
	if len(a.ids) == 0 {
		return b, nil
	}
	if !made && (a.looked != in || a.cuts != in.cuts.Load()) {
		return nil, errStale
	}
	for i := range a.ids {
		id := &a.ids[i]
		if made {
			id.identify(in)
			continue
		}
		r, err := a.holder(in, id)
		if err != nil {
			return nil, err
		}
		if r != nil {
			if a.first == nil {
				a.first = map[int]Receipt{}
			}
			a.first[id.index] = *r
		}
	}
	if len(a.first) == 0 && len(a.same) == 0 {
		return b, nil
	}
	drop := make([]bool, b.len())
	a.place = make([]int, b.len())
	kept := 0
	for i := range drop {
		_, stored := a.first[i]
		_, twice := a.same[i]
		if drop[i] = stored || twice; !drop[i] {
			a.place[i] = kept
			kept++
		}
	}
	if kept == 0 {
		return nil, nil
	}
	return b.without(drop), nil
}

// placeOf is the index of event i in what is written; false if it is not.
func (a *appendOp) placeOf(i int) (int, bool) {
	if a.place == nil {
		return i, true
	}
	if _, dup := a.first[i]; dup {
		return 0, false
	}
	if _, dup := a.same[i]; dup {
		return 0, false
	}
	return a.place[i], true
}

// identify computes what an id is looked up by.
func (id *callerID) identify(in *instance) {
	id.fingerprint = in.fingerprint([]byte(id.id))
	id.position, id.recorded, _ = in.codec.Decode(id.id)
}

// holder is the receipt of the event that holds an id, nil if none does, or the
// conflict. It runs in the sequencer.
func (a *appendOp) holder(in *instance, id *callerID) (*Receipt, error) {
	var at *idRef
	in.ids.find(id.fingerprint, func(ref idRef) bool {
		held, err := ref.batch.raw(int(ref.index))
		if err == nil && string(held.id) == id.id {
			at = &ref
			return false
		}
		return true
	})
	if at == nil && id.position > 0 {
		at = in.unsealed(id.position, id.recorded)
	}
	if at == nil {
		return id.sealed, nil
	}
	if !a.batch.sameContent(id.index, at.batch.batch, int(at.index), at.batch.recordedAt) {
		return nil, &IDConflictError{ID: id.id, Index: id.index}
	}
	e, err := at.batch.at(int(at.index), &in.identity)
	if err != nil {
		return nil, err
	}
	return new(receiptOf(&e)), nil
}

// unsealed finds an event of the head, or one on its way there, by what its made
// id says. It runs in the sequencer.
func (in *instance) unsealed(position, recorded int64) *idRef {
	b := in.current().find(position)
	for _, r := range in.recent {
		if r.first <= position && position <= r.last() {
			b = r
		}
	}
	if b == nil || b.recordedAt != recorded {
		return nil
	}
	i := int(position - b.first)
	if raw, err := b.raw(i); err != nil || raw.flags&hasID != 0 {
		return nil
	}
	return &idRef{batch: b, index: uint32(i)}
}

// lookUpSealed finds the ids in the instance's segments, in the caller's own
// goroutine.
func (a *appendOp) lookUpSealed(ctx context.Context, l *Log) error {
	in, err := l.instance(a.instance)
	if errors.Is(err, ErrNotFound) {
		a.looked = nil
		return nil
	}
	if err != nil {
		return err
	}
	a.looked, a.cuts = in, in.cuts.Load()
	return l.tryAgain(in, func() error { return a.lookUpOnce(ctx, l, in) })
}

func (a *appendOp) lookUpOnce(ctx context.Context, l *Log, in *instance) error {
	v, release, err := in.acquire()
	if err != nil {
		return err
	}
	defer release()
	for i := range a.ids {
		a.ids[i].identify(in)
		a.ids[i].sealed = nil
	}
	var conflict *IDConflictError // the first of the batch
	err = l.sealedEvents(ctx, in, v, a.ids, func(i int, e *event.Event) {
		id := &a.ids[i]
		if a.batch.sameEvent(id.index, e) {
			id.sealed = new(receiptOf(e))
		} else if conflict == nil || id.index < conflict.Index {
			conflict = &IDConflictError{ID: id.id, Index: id.index}
		}
	})
	if err == nil && conflict != nil {
		err = conflict
	}
	return err
}
