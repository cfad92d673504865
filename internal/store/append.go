package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firnlog/firn/event"
)

// errStale says that the sealed ids have changed since they were looked up.
var errStale = errors.New("look the ids up again")

// Append stores a batch, all of it or nothing, in the order given; package firn
// has the whole promise. It trusts that the events have been checked.
func (l *Log) Append(ctx context.Context, r AppendRequest) ([]Receipt, error) {
	if err := checkBatch(&r); err != nil {
		return nil, err
	}
	a, err := newAppend(&r, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return l.append(ctx, a)
}

func (l *Log) append(ctx context.Context, a *appendOp) ([]Receipt, error) {
	memory := a.batch.memory()
	if err := l.makeRoom(ctx, memory); err != nil {
		return nil, err
	}
	defer l.leaveRoom(memory)
	if err := l.coverAppend(int64(len(a.batch.section))); err != nil {
		return nil, err
	}
	for {
		if len(a.ids) > 0 {
			if err := a.lookUpSealed(ctx, l); err != nil {
				return nil, err
			}
		}
		err := l.submitBytes(ctx, a, memory)
		if errors.Is(err, errStale) {
			continue
		}
		if err != nil {
			return nil, err
		}
		receipts := a.receipts()
		l.stats.appends.Add(1)
		l.stats.duplicates.Add(int64(a.batch.len() - a.stored()))
		return receipts, nil
	}
}

func checkBatch(r *AppendRequest) error {
	if len(r.Events) == 0 {
		return fmt.Errorf("%w: a batch needs at least one event", ErrInvalid)
	}
	if r.ExpectedSequence == nil {
		return nil
	}
	if *r.ExpectedSequence < 0 {
		return fmt.Errorf("%w: expected_sequence is %d; it is at least 0", ErrInvalid, *r.ExpectedSequence)
	}
	for i := range r.Events {
		if a, b := streamOf(&r.Events[0]), streamOf(&r.Events[i]); a != b {
			return fmt.Errorf("%w: with expected_sequence all events are of one stream; event 0 is of %q, event %d of %q", ErrInvalid, a, i, b)
		}
	}
	return nil
}

// appendOp is an append on its way through the sequencer.
type appendOp struct {
	instance string
	create   bool
	expected *int64
	actor    string
	own      bool   // the log's own events for the instance system
	batch    *batch // as it came

	ids    []callerID
	same   map[int]int // event → an earlier one of the batch with its id and content
	looked *instance   // whose sealed ids were looked up
	cuts   int64       // instance.cuts at that time

	// The sequencer's answer.
	to      *instance
	written *stampedBatch // what is stored; nil = all were there
	place   []int         // event → its index in written; nil = the same
	first   map[int]Receipt
}

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

func newAppend(r *AppendRequest, actor string) (*appendOp, error) {
	a := &appendOp{instance: r.Instance, create: r.AutoCreate, expected: r.ExpectedSequence, actor: actor, batch: encodeBatch(r.Events)}
	var seen map[string]int
	for i := range r.Events {
		id := r.Events[i].ID
		if id == "" {
			continue
		}
		if seen == nil {
			seen = make(map[string]int, len(r.Events))
		}
		first, twice := seen[id]
		if !twice {
			seen[id] = i
			a.ids = append(a.ids, callerID{id: id, index: i})
			continue
		}
		if !a.batch.sameContent(i, a.batch, first, 0) {
			return nil, &IDConflictError{ID: id, Index: i}
		}
		if a.same == nil {
			a.same = map[int]int{}
		}
		a.same[i] = first
	}
	return a, nil
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

// decide is the sequencer's part of an append.
func (a *appendOp) decide(s *sequencer) (*entry, error) {
	a.to, a.written, a.place, a.first = nil, nil, nil, nil
	in, err := s.resolve(a.instance)
	made := false
	if a.create && errors.Is(err, ErrNotFound) {
		if _, isName := parseUUID(a.instance); isName != nil {
			in, err = s.newInstance(Instance{Name: a.instance})
			made = err == nil
		}
	}
	if err != nil {
		return nil, err
	}
	if err := a.checkOwn(s, in); err != nil {
		return nil, err
	}
	b, err := a.lookUp(in, made)
	if err != nil || b == nil {
		a.to = in
		return nil, err
	}
	if a.expected != nil {
		if actual := in.lastOf(b.streams[0].name); actual != *a.expected {
			return nil, &SequenceError{Stream: b.streams[0].name, Expected: *a.expected, Actual: actual}
		}
	}
	a.to = in
	e := &entry{}
	if made {
		s.create(e, in, a.actor)
	}
	if splitBatches && b.len() > 1 {
		a.written = s.stampTwice(e, in, b)
	} else {
		a.written = s.stamp(e, in, b)
	}
	for i := range a.ids {
		if at, stored := a.placeOf(a.ids[i].index); stored {
			in.ids.add(a.ids[i].fingerprint, idRef{batch: a.written, index: uint32(at)})
		}
	}
	return e, nil
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

// checkOwn refuses a client's events of the log's own types in system.
func (a *appendOp) checkOwn(s *sequencer, in *instance) error {
	if a.own || in != s.byName[SystemInstance] {
		return nil
	}
	for i := range a.batch.len() {
		raw, err := a.batch.raw(i)
		if err != nil {
			return err
		}
		if ownType(string(raw.eventType)) {
			return &event.InvalidError{
				Index: i, Path: "event_type", Code: CodeReserved, Offset: -1,
				Message: fmt.Sprintf("%q is Firn's own in the instance %q; use another type or another instance", raw.eventType, SystemInstance),
			}
		}
	}
	return nil
}

// CodeReserved is the code of an event of a type that only the log itself
// records in its instance system.
const CodeReserved event.Code = "reserved_type"

// stored is how many events of the batch are newly stored.
func (a *appendOp) stored() int {
	if a.written == nil {
		return 0
	}
	return a.written.len()
}

// receipts says where each event of the batch is.
func (a *appendOp) receipts() []Receipt {
	out := make([]Receipt, a.batch.len())
	for i := range out {
		if r, ok := a.first[i]; ok {
			out[i] = r
			continue
		}
		if j, ok := a.same[i]; ok {
			out[i] = out[j]
			out[i].Duplicate = true
			continue
		}
		at := i
		if a.place != nil {
			at = a.place[i]
		}
		out[i] = a.written.receipt(at, &a.to.identity)
	}
	return out
}

// receipt is event i's.
func (b *stampedBatch) receipt(i int, in *identity) Receipt {
	raw, _ := b.raw(i)
	r := Receipt{
		ID: string(raw.id), StreamID: b.streams[b.streamOf(i)].name, SequenceNumber: b.sequence(i),
		Position: b.first + int64(i), RecordedAt: millis(b.recordedAt),
	}
	r.Timestamp = r.RecordedAt
	if raw.flags&hasTimestamp != 0 {
		r.Timestamp = time.UnixMicro(raw.timestamp).UTC()
	}
	if r.ID == "" {
		r.ID = in.codec.ID(r.Position, b.recordedAt)
	}
	return r
}

// receiptOf is the receipt of an event that was there already.
func receiptOf(e *event.Event) Receipt {
	return Receipt{
		ID: e.ID, StreamID: e.StreamID, SequenceNumber: e.SequenceNumber, Position: e.Position,
		Timestamp: e.Timestamp, RecordedAt: e.RecordedAt, Duplicate: true,
	}
}

// Limits are the limits of what is appended.
func (l *Log) Limits() event.Limits { return l.opts.Limits }

// Record appends one of the log's own events to system.
func (l *Log) Record(ctx context.Context, d event.Draft) (Receipt, error) {
	r := AppendRequest{Instance: SystemInstance, Events: []event.Draft{d}}
	a, err := newAppend(&r, "")
	if err != nil {
		return Receipt{}, err
	}
	a.own = true
	receipts, err := l.append(ctx, a)
	if err != nil {
		return Receipt{}, err
	}
	return receipts[0], nil
}
