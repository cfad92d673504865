package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/firnlog/firn/event"
)

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
