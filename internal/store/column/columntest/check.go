package columntest

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// ID makes the ids that a test log makes.
func ID(position, recordedAtMillis int64) string {
	return fmt.Sprintf("made-%d-%d", position, recordedAtMillis)
}

// Meta is what blocks of Rows are built with.
var Meta = column.Meta{InstanceID: "instance", MakeID: ID}

// Event is what a row must come back as.
func Event(r *column.Row) event.Event {
	e := event.Event{
		ID: r.ID, InstanceID: Meta.InstanceID, StreamID: r.StreamID, SequenceNumber: r.SequenceNumber, Position: r.Position,
		EventType: r.EventType, Timestamp: time.UnixMicro(r.Timestamp).UTC(), RecordedAt: time.UnixMilli(r.RecordedAt).UTC(),
		Severity: r.Severity, Actor: r.Actor, Subject: r.Subject, Payload: r.Payload, Metadata: r.Metadata,
	}
	if e.ID == "" {
		e.ID = ID(r.Position, r.RecordedAt)
	}
	if e.Payload == nil {
		e.Payload = jsontext.Value("{}")
	}
	if e.Metadata == nil {
		e.Metadata = jsontext.Value("{}")
	}
	return e
}

// Check tells where a block and the rows it was made of disagree, rows[i]
// being the block's row i.
func Check(b column.Block, rows []column.Row) error {
	if b.Rows() != len(rows) {
		return fmt.Errorf("block has %d rows, want %d", b.Rows(), len(rows))
	}
	all := make([]int32, len(rows))
	want := make([]event.Event, len(rows))
	for i := range rows {
		all[i], want[i] = int32(i), Event(&rows[i])
	}
	got, err := b.Events(nil, all, column.Need{Payload: true, Metadata: true})
	if err != nil {
		return err
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Errorf("events differ (-want +got):\n%s", diff)
	}
	for i := len(rows) - 1; i >= 0; i -= 3 {
		got, err := b.Events(nil, all[i:i+1], column.Need{Payload: true, Metadata: true})
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want[i:i+1], got); diff != "" {
			return fmt.Errorf("event %d differs (-want +got):\n%s", i, diff)
		}
	}
	if err := checkEnvelope(b, want); err != nil {
		return err
	}
	return checkPaths(b, want)
}

func checkEnvelope(b column.Block, want []event.Event) error {
	types, err := b.Envelope(query.Category)
	if err != nil {
		return err
	}
	times, err := b.Envelope(query.Timestamp)
	if err != nil {
		return err
	}
	actors, err := b.Envelope(query.Actor)
	if err != nil {
		return err
	}
	for i := range want {
		if got := types.Text(i); got != want[i].Category() {
			return fmt.Errorf("category of row %d is %q, want %q", i, got, want[i].Category())
		}
		if got := times.Ints[i]; got != want[i].Timestamp.UnixMicro() {
			return fmt.Errorf("timestamp of row %d is %d, want %d", i, got, want[i].Timestamp.UnixMicro())
		}
		if actors.IsValid(i) != (want[i].Actor != nil) {
			return fmt.Errorf("actor of row %d: valid is %v", i, actors.IsValid(i))
		}
	}
	return nil
}

// checkPaths compares Path and Value with the texts on every path that occurs.
func checkPaths(b column.Block, want []event.Event) error {
	for _, root := range []query.Root{query.Payload, query.Metadata} {
		texts := make([]jsontext.Value, len(want))
		paths := map[string][]query.Step{"": nil, "nowhere": {{Key: "nowhere"}}, "index": {{IsIndex: true}}}
		for i := range want {
			texts[i] = want[i].Payload
			if root == query.Metadata {
				texts[i] = want[i].Metadata
			}
			collectPaths(texts[i], nil, paths)
		}
		var some [][]query.Step // a third of them together
		for _, path := range paths {
			if err := checkPath(b, root, path, texts); err != nil {
				return fmt.Errorf("root %d, path %v: %w", root, path, err)
			}
			if len(path) > 0 && len(some) <= len(paths)/3 {
				some = append(some, path)
			}
		}
		if err := checkNarrowed(b, root, some, want); err != nil {
			return fmt.Errorf("root %d, only paths %v: %w", root, some, err)
		}
	}
	return nil
}

// checkNarrowed compares what is selected of whole objects with what is selected
// of those that only have to hold some paths.
func checkNarrowed(b column.Block, root query.Root, paths [][]query.Step, want []event.Event) error {
	need := column.Need{Payload: true, Metadata: true, PayloadPaths: paths}
	if root == query.Metadata {
		need = column.Need{Payload: true, Metadata: true, MetadataPaths: paths}
	}
	var fields []query.Field
	for _, p := range paths {
		fields = append(fields, query.Field{Root: root, Path: p})
	}
	rows := make([]int32, len(want))
	for i := range rows {
		rows[i] = int32(i)
	}
	got, err := b.Events(nil, rows, need)
	if err != nil {
		return err
	}
	projection := query.NewProjection(fields)
	for i := range want {
		if w, g := projection.Append(nil, &want[i]), projection.Append(nil, &got[i]); !bytes.Equal(w, g) {
			return fmt.Errorf("row %d: %s, want %s", i, g, w)
		}
	}
	return nil
}

func checkPath(b column.Block, root query.Root, path []query.Step, texts []jsontext.Value) error {
	cols, err := b.Path(root, path)
	if err != nil {
		return err
	}
	kinds := map[column.Kind]bool{}
	for _, v := range cols.Vectors {
		if kinds[v.Kind] || v.Len != len(texts) {
			return fmt.Errorf("vector of kind %d twice or of %d rows", v.Kind, v.Len)
		}
		kinds[v.Kind] = true
	}
	for row, text := range texts {
		want, ok := Walk(text, path)
		got, gotOK, err := b.Value(row, root, path)
		if err != nil {
			return err
		}
		if ok != gotOK || !bytes.Equal(want, got) {
			return fmt.Errorf("row %d: Value is %q, %v, want %q, %v", row, got, gotOK, want, ok)
		}
		if err := checkRow(cols, row, want, ok); err != nil {
			return fmt.Errorf("row %d (%s): %w", row, text, err)
		}
	}
	return nil
}

// checkRow checks that the columns say the right thing about one row.
func checkRow(cols column.PathColumns, row int, want jsontext.Value, ok bool) error {
	valid := 0
	for _, v := range cols.Vectors {
		if v.IsValid(row) {
			valid++
			if err := checkScalar(v, row, want); err != nil {
				return err
			}
		}
	}
	null, other := cols.Nulls.Get(row), cols.Other.Get(row)
	switch {
	case valid > 1 || valid == 1 && (null || other) || null && other:
		return fmt.Errorf("%d vectors, null %v, other %v", valid, null, other)
	case null && string(want) != "null":
		return fmt.Errorf("null, want %q", want)
	case ok && valid == 0 && !null && !other:
		return fmt.Errorf("missing, want %q", want)
	}
	return nil
}

func checkScalar(v *column.Vector, row int, want jsontext.Value) error {
	var got string
	switch v.Kind {
	case column.Int:
		got = fmt.Sprint(v.Ints[row])
	case column.Double:
		var d float64
		if err := json.Unmarshal(want, &d); err != nil || d != v.Doubles[row] {
			return fmt.Errorf("double %v, want %q", v.Doubles[row], want)
		}
		return nil
	case column.Bool:
		got = fmt.Sprint(v.Bools.Get(row))
	case column.JSON:
		got = v.Text(row)
	case column.String:
		var s string
		if err := json.Unmarshal(want, &s); err != nil || s != v.Text(row) {
			return fmt.Errorf("string %q, want %q", v.Text(row), want)
		}
		return nil
	}
	if got != string(want) {
		return fmt.Errorf("kind %d: %q, want %q", v.Kind, got, want)
	}
	return nil
}
