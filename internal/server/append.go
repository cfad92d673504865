package server

import (
	"fmt"
	"math"
	"net/http"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

func appendRoutes() []route {
	return []route{{method: "POST", path: eventsPath, name: "appendEvents", permission: eventsAppend, stream: true,
		about: "Appends events. JSON, one event or an array, is one atomic batch. NDJSON is a stream: it is stored in chunks, " +
			"each atomic and answered by a line while the body is still read; a chunk ends at 10,000 lines, 8 MiB or 100 ms after its first line. " +
			"What is acknowledged is on disk. After a 5xx or a lost connection the outcome is unknown: send it again with the same ids.",
		params: []param{
			{name: "stream", about: "The stream of events that name none."},
			{name: "expected_sequence", kind: integer, min: 0, max: math.MaxInt64,
				about: "The last number that the stream must have, 0 = it never had an event. All events must be of one stream."},
			{name: "auto_create", kind: boolean, about: "true makes the instance if there is none of that name."},
			{name: "return", kind: enum, oneOf: []string{"receipt", "full"},
				about: "full answers with whole events; for application/json only."},
		},
		headers: []param{{name: "Content-Encoding", kind: enum, oneOf: []string{"identity", "gzip", "zstd"}, about: "How the body is compressed."}},
		body:    []media{jsonMedia, ndjsonMedia}, bodySchema: "Append",
		answers: []answer{
			{status: 201, about: "Where each event is, in the order given.", media: []media{jsonMedia}, schema: "Appended"},
			{status: 200, about: "NDJSON: a line a chunk; a line with error says from which line on nothing is stored, and ends the answer.",
				media: []media{ndjsonMedia}, schema: "Chunk"},
			{status: 404, about: "No such instance."},
			{status: 408, about: "The body stalled."},
			{status: 409, about: "The stream is elsewhere than expected_sequence says (actual says where), or an id is held by an event with other content."},
			{status: 422, about: "A payload is not what the schema of its type says, and the instance's validation is enforce; errors name each place."},
			{status: 507, about: "The disk is full; nothing was stored."},
		},
		serve: (*Server).append}}
}

func (s *Server) append(w http.ResponseWriter, r *request) error {
	kind, err := mediaOf(r)
	if err != nil {
		return err
	}
	if len(r.params["stream"]) > event.MaxStream {
		return malformed("stream", "is %d bytes long; the most is %d", len(r.params["stream"]), event.MaxStream)
	}
	if err := s.appends.ask(r.ContentLength); err != nil {
		s.readAway(r)
		return err
	}
	if kind == ndjsonMedia {
		return s.appendLines(w, r)
	}
	b, err := s.receiveTimes(r, int64(s.opts.Limits.BatchBytes), 2) // the batch is encoded beside it
	if err != nil {
		return err
	}
	defer b.release() // the drafts are parts of it
	admitted, err := s.appends.enter(int64(len(b.bytes)))
	if err != nil {
		return err
	}
	defer admitted.end()
	var drafts []event.Draft
	err = s.appends.parse(r.Context(), func() (err error) {
		drafts, err = event.ParseBatch(b.bytes, s.opts.Limits)
		return err
	})
	if err != nil {
		return err
	}
	batch, err := s.batchOf(r, drafts)
	if err != nil {
		return err
	}
	var faults []firn.Fault
	batch.Warn = func(told []firn.Fault) { faults = told }
	receipts, err := s.log.Append(r.Context(), batch)
	if err != nil {
		return err
	}
	admitted.end()
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	if r.params["return"] != "full" {
		return out.receipts(receipts, faults)
	}
	instance, err := s.log.Instance(batch.Instance)
	if err != nil {
		return fmt.Errorf("appended, but the instance is gone: %w", err)
	}
	return out.stored(instance.ID, drafts, receipts, faults)
}

// batchOf is what the parameters and drafts of a request ask for.
func (s *Server) batchOf(r *request, drafts []event.Draft) (firn.AppendRequest, error) {
	create, err := s.mayCreate(r)
	if err != nil {
		return firn.AppendRequest{}, err
	}
	batch := firn.AppendRequest{Instance: r.PathValue("instance"), Events: drafts, AutoCreate: create, Checked: true}
	if r.params.has("expected_sequence") {
		batch.ExpectedSequence = new(r.params.integer("expected_sequence", 0))
	}
	nameStream(drafts, r.params["stream"])
	return batch, nil
}

// nameStream gives the drafts that name no stream this one.
func nameStream(drafts []event.Draft, stream string) {
	if stream == "" {
		return
	}
	for i := range drafts {
		if drafts[i].StreamID == "" {
			drafts[i].StreamID = stream
		}
	}
}

// receipts answers an append. It writes the JSON by hand: a batch of a
// thousand events is answered as fast as it is parsed.
func (w *writer) receipts(receipts []firn.Receipt, faults []firn.Fault) error {
	w.status = http.StatusCreated
	w.raw(`{"events":[`)
	for i := range receipts {
		if err := w.room(); err != nil {
			return nil //nolint:nilerr // stored, and nobody there to tell
		}
		if i > 0 {
			w.raw(",")
		}
		r := &receipts[i]
		w.raw(`{"id":`)
		w.text(r.ID)
		w.raw(`,"stream_id":`)
		w.text(r.StreamID)
		w.raw(`,"sequence_number":`)
		w.integer(r.SequenceNumber)
		w.raw(`,"position":`)
		w.integer(r.Position)
		w.raw(`,"timestamp":`)
		w.instant(r.Timestamp)
		if r.Duplicate {
			w.raw(`,"duplicate":true`)
		}
		w.raw("}")
	}
	w.endAppended(faults)
	return nil
}

// endAppended ends the answer to an append, with the warnings if there are any.
func (w *writer) endAppended(faults []firn.Fault) {
	w.raw("]")
	w.warnings(faults, nil)
	w.raw("}\n")
	_ = w.finish(http.StatusCreated) // stored, and nobody there to tell
}

// warnings writes the member warnings if there are faults to tell of: they name
// the event of the batch, or the line of each if lines are given.
func (w *writer) warnings(faults []firn.Fault, lines []int64) {
	for i := range faults {
		if i == 0 {
			w.raw(`,"warnings":[`)
		} else {
			w.raw(",")
		}
		f := fieldOfFault(&faults[i], lines)
		w.raw(`{"field":`)
		w.text(f.Field)
		if f.Line > 0 {
			w.raw(`,"line":`)
			w.integer(f.Line)
		}
		w.raw(`,"message":`)
		w.text(f.Message)
		w.raw("}")
	}
	if len(faults) > 0 {
		w.raw("]")
	}
}

// stored answers an append with whole events: what was given and what the log
// added is all there is to them.
func (w *writer) stored(instanceID string, drafts []event.Draft, receipts []firn.Receipt, faults []firn.Fault) error {
	w.status = http.StatusCreated
	w.raw(`{"events":[`)
	for i := range receipts {
		if err := w.room(); err != nil {
			return nil //nolint:nilerr // stored, and nobody there to tell
		}
		if i > 0 {
			w.raw(",")
		}
		e := storedEvent(instanceID, &drafts[i], &receipts[i])
		w.buf = e.AppendJSON(w.buf)
		if receipts[i].Duplicate {
			w.buf = append(w.buf[:len(w.buf)-1], `,"duplicate":true}`...)
		}
	}
	w.endAppended(faults)
	return nil
}

func storedEvent(instanceID string, d *event.Draft, r *firn.Receipt) event.Event {
	e := event.Event{ID: r.ID, InstanceID: instanceID, StreamID: r.StreamID, SequenceNumber: r.SequenceNumber,
		Position: r.Position, EventType: d.EventType, Timestamp: r.Timestamp, RecordedAt: r.RecordedAt,
		Severity: d.Severity, Actor: d.Actor, Subject: d.Subject, Payload: d.Payload, Metadata: d.Metadata}
	if e.Severity == 0 {
		e.Severity = event.Info
	}
	if e.Payload == nil {
		e.Payload = emptyObject
	}
	if e.Metadata == nil {
		e.Metadata = emptyObject
	}
	return e
}

var emptyObject = []byte("{}")
