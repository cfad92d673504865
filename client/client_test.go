package client_test

import (
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
)

func TestAppendAndRead(t *testing.T) {
	web, _ := open(t, nil)
	c := connect(t, web.URL, client.Options{})
	ctx := t.Context()
	at := time.Date(2025, 3, 30, 12, 0, 0, 123456000, time.UTC)
	drafts := []event.Draft{
		{EventType: "a.b", Timestamp: at, Severity: event.Error, Actor: new("al,ice"), Payload: jsontext.Value(`{"n": 1e3, "s":"\u0000"}`)},
		{EventType: "c", StreamID: "other", ID: "mine/.."},
	}
	receipts, err := c.Append(ctx, "shop", drafts, client.AppendOptions{AutoCreate: true, Stream: "s"})
	if err != nil {
		t.Fatal(err)
	}
	if len(receipts) != 2 || receipts[0].StreamID != "s" || receipts[0].SequenceNumber != 1 || !receipts[0].Timestamp.Equal(at) ||
		receipts[1].Position != 2 || receipts[1].ID != "mine/.." || receipts[1].Duplicate {
		t.Errorf("%+v", receipts)
	}
	if drafts[0].ID != "" {
		t.Error("the caller's drafts were changed")
	}
	got, err := c.Event(ctx, "shop", receipts[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	want := event.Event{ID: receipts[0].ID, InstanceID: got.InstanceID, StreamID: "s", SequenceNumber: 1, Position: 1, EventType: "a.b",
		Timestamp: at, RecordedAt: got.RecordedAt, Severity: event.Error, Actor: new("al,ice"),
		Payload: jsontext.Value(`{"n":1e3,"s":"\u0000"}`), Metadata: jsontext.Value(`{}`)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if _, err := c.Event(ctx, "shop", "mine/.."); err != nil {
		t.Errorf("an id with a slash and dots: %v", err)
	}
	var answered *client.Error
	for _, id := range []string{"..", ".", "%2F", "x?y#z"} {
		if _, err := c.Event(ctx, "shop", id); !errors.As(err, &answered) || answered.Code != "not_found" || !strings.Contains(answered.Detail, "event") {
			t.Errorf("id %q: %v", id, err)
		}
	}
	var listed []event.Event
	for e, err := range c.Events(ctx, "shop", client.Filter{Actors: []string{"al,ice", "bob"}, MinSeverity: event.Warning, Since: at, Until: at.Add(time.Microsecond)}, client.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, e)
	}
	if diff := cmp.Diff([]event.Event{want}, listed); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	web, _ := open(t, nil)
	c := connect(t, web.URL, client.Options{})
	ctx := t.Context()
	one := []event.Draft{{EventType: "a"}}
	if _, err := c.Append(ctx, "s", one, client.AppendOptions{AutoCreate: true}); err != nil {
		t.Fatal(err)
	}
	var e *client.Error
	_, err := c.Append(ctx, "s", one, client.AppendOptions{ExpectedSequence: new(int64(7))})
	if !errors.As(err, &e) || e.Code != "sequence_conflict" || e.Status != 409 || *e.Actual != 1 || *e.Expected != 7 || e.RequestID == "" {
		t.Errorf("%#v", err)
	}
	_, err = c.QueryJSON(ctx, jsontext.Value(`{"from":{"instance":"s"},"where":[{"field":"a","operator":"eq","value":1}]}`))
	if !errors.As(err, &e) || e.Code != "malformed" || len(e.Fields) != 1 || e.Fields[0].Field != "where[0].field" {
		t.Errorf("%v", err)
	}
	var bad *event.InvalidError
	if _, err = c.Append(ctx, "s", []event.Draft{{EventType: "a"}, {}}, client.AppendOptions{}); !errors.As(err, &bad) || bad.Index != 1 {
		t.Errorf("%v", err)
	}
	for _, url := range []string{"", "localhost:7070", "ftp://x", "http://"} {
		if _, err := client.New(url, client.Options{}); err == nil {
			t.Errorf("New(%q) is taken", url)
		}
	}
}

// TestLostAnswersStoreNothingTwice loses a third of all answers: every batch is
// stored once.
func TestLostAnswersStoreNothingTwice(t *testing.T) {
	web, log := open(t, nil)
	random := rand.New(rand.NewPCG(1, 2))
	f := &flaky{conns: map[net.Conn]bool{}, lose: func(*http.Request) bool { return random.IntN(3) == 0 }}
	c := connect(t, web.URL, client.Options{HTTP: f.client(), Attempts: 20, Backoff: time.Microsecond})
	ctx := t.Context()
	const batches = 200
	expected := int64(0)
	for i := range batches {
		receipts, err := c.Append(ctx, "s", []event.Draft{{EventType: "a"}, {EventType: "b"}},
			client.AppendOptions{AutoCreate: true, ExpectedSequence: &expected})
		if err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
		expected = receipts[1].SequenceNumber
	}
	stats, err := log.InstanceStats(ctx, "s")
	if err != nil || stats.Events != 2*batches || expected != 2*batches {
		t.Errorf("%d events, last number %d, want %d; %v", stats.Events, expected, 2*batches, err)
	}
	if f.lost.Load() < 10 {
		t.Errorf("only %d answers were lost", f.lost.Load())
	}
}

// TestBusyServerIsAskedAgain answers 503 twice before it answers.
func TestBusyServerIsAskedAgain(t *testing.T) {
	var refused atomic.Int64
	web, _ := open(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if refused.Add(1) <= 2 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	c := connect(t, web.URL, client.Options{Backoff: time.Microsecond})
	if _, err := c.Append(t.Context(), "s", []event.Draft{{EventType: "a"}}, client.AppendOptions{AutoCreate: true}); err != nil {
		t.Error(err)
	}
	refused.Store(0)
	once := connect(t, web.URL, client.Options{Attempts: 1})
	var e *client.Error
	if _, err := once.Instances(t.Context()); !errors.As(err, &e) || e.Status != 503 {
		t.Errorf("%v", err)
	}
}

// TestTailResumes cuts the connection again and again while events arrive.
func TestTailResumes(t *testing.T) {
	web, log := open(t, nil)
	f := &flaky{conns: map[net.Conn]bool{}}
	c := connect(t, web.URL, client.Options{HTTP: f.client(), Backoff: time.Microsecond})
	if _, err := log.CreateInstance(t.Context(), firn.Instance{Name: "live"}); err != nil {
		t.Fatal(err)
	}
	const total = 4000
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		for range total / 10 {
			batch := make([]event.Draft, 10)
			for i := range batch {
				batch[i] = event.Draft{EventType: []string{"kept", "other"}[i%2]}
			}
			if _, err := log.Append(ctx, firn.AppendRequest{Instance: "live", Events: batch}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	want, cuts := int64(1), 0
	for m, err := range c.Tail(ctx, "live", client.Filter{Types: []string{"kept"}}, client.TailOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Event == nil || m.Event.Position != want || m.Position != want {
			t.Fatalf("%+v, want position %d", m, want)
		}
		if want += 2; want > total {
			break
		}
		if want%101 == 0 {
			cuts++
			f.cut()
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if want < total || cuts < 10 {
		t.Errorf("ended at %d after %d cuts", want, cuts)
	}
}

func TestTailEnds(t *testing.T) {
	var asked func() // called at each request for a tail
	web, log := open(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked()
			next.ServeHTTP(w, r)
		})
	})
	asked = func() {}
	c := connect(t, web.URL, client.Options{Backoff: time.Microsecond})
	var e *client.Error
	for _, err := range c.Tail(t.Context(), "none", client.Filter{}, client.TailOptions{}) {
		if !errors.As(err, &e) || e.Code != "not_found" {
			t.Errorf("%v", err)
		}
	}
	if _, err := log.CreateInstance(t.Context(), firn.Instance{Name: "live"}); err != nil {
		t.Fatal(err)
	}
	// The end of its context is no error.
	ctx, cancel := context.WithCancel(t.Context())
	asked = cancel
	for m, err := range c.Tail(ctx, "live", client.Filter{}, client.TailOptions{FromNow: true}) {
		t.Errorf("%+v, %v", m, err)
	}
	// A silent connection is made again, and nothing is lost.
	connections := 0
	asked = func() {
		if connections++; connections != 3 {
			return
		}
		if _, err := log.Append(t.Context(), firn.AppendRequest{Instance: "live", Events: []event.Draft{{EventType: "a"}}}); err != nil {
			t.Error(err)
		}
	}
	quick := connect(t, web.URL, client.Options{Backoff: time.Microsecond, Silence: 5 * time.Millisecond})
	for m, err := range quick.Tail(t.Context(), "live", client.Filter{}, client.TailOptions{}) {
		if err != nil || m.Event.EventType != "a" {
			t.Errorf("%+v, %v", m, err)
		}
		break
	}
}

func TestStreamIn(t *testing.T) {
	web, log := open(t, nil)
	c := connect(t, web.URL, client.Options{})
	lines, feed := io.Pipe()
	go func() {
		for i := range 25_000 {
			fmt.Fprintf(feed, `{"event_type":"a","payload":{"i":%d}}`+"\n", i)
		}
		_ = feed.Close()
	}()
	var sum, last int64
	err := c.AppendNDJSON(t.Context(), "in", lines, client.AppendOptions{AutoCreate: true}, func(chunk client.Chunk) error {
		if chunk.FirstPosition != last+1 || chunk.LastPosition != last+chunk.Count {
			t.Errorf("%+v after %d", chunk, last)
		}
		sum, last = sum+chunk.Count, chunk.LastPosition
		return nil
	})
	if err != nil || sum != 25_000 {
		t.Errorf("%d events acknowledged, %v", sum, err)
	}
	bad := strings.Repeat(`{"event_type":"a"}`+"\n", 10_000) + "{\n"
	err = c.AppendNDJSON(t.Context(), "in", strings.NewReader(bad), client.AppendOptions{}, nil)
	var e *client.Error
	if !errors.As(err, &e) || e.Line != 10_001 || e.FirstLineNotStored != 10_001 {
		t.Errorf("%v", err)
	}
	if stats, err := log.InstanceStats(t.Context(), "in"); err != nil || stats.Events != 35_000 {
		t.Errorf("%d events are stored, %v", stats.Events, err)
	}
}

func TestInstances(t *testing.T) {
	web, _ := open(t, nil)
	c := connect(t, web.URL, client.Options{})
	ctx := t.Context()
	made, err := c.CreateInstance(ctx, client.NewInstance{Name: "a b/ä", RetentionDays: 3})
	if err != nil || made.RetentionDays != 3 || made.Validation != "warn" || made.CreatedAt.IsZero() {
		t.Fatalf("%+v, %v", made, err)
	}
	if found, err := c.Instance(ctx, "a b/ä"); err != nil || found != made {
		t.Errorf("%+v, %v, want %+v", found, err, made)
	}
	changed, err := c.UpdateInstance(ctx, made.ID, client.InstanceUpdate{Name: new("b"), RetentionDays: new(0)})
	if err != nil || changed.Name != "b" || changed.RetentionDays != 0 {
		t.Errorf("%+v, %v", changed, err)
	}
	all, err := c.Instances(ctx)
	if err != nil || len(all) != 2 { // and system
		t.Errorf("%+v, %v", all, err)
	}
	if err := c.DeleteInstance(ctx, "b"); err != nil {
		t.Error(err)
	}
}

func TestReadAndPurge(t *testing.T) {
	web, _ := open(t, nil)
	c := connect(t, web.URL, client.Options{})
	ctx := t.Context()
	if _, err := c.CreateInstance(ctx, client.NewInstance{Name: "b"}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if _, err := c.Append(ctx, "b", []event.Draft{{EventType: "x", StreamID: fmt.Sprint("s", i)}}, client.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	var err error
	for cursor, more := "", true; more; more = cursor != "" {
		var page []client.Stream
		if page, cursor, err = c.Streams(ctx, "b", "s", cursor, 2); err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			names = append(names, s.Name)
		}
	}
	if diff := cmp.Diff([]string{"s0", "s1", "s2", "s3", "s4"}, names); diff != "" {
		t.Error(diff)
	}
	stats, err := c.InstanceStats(ctx, "b")
	if err != nil || stats.Events != 5 || stats.ByType["x"] != 5 || stats.BySeverity["info"] != 5 || stats.FirstTimestamp == nil {
		t.Errorf("%+v, %v", stats, err)
	}
	export, err := c.Export(ctx, "b", client.CSV, client.Filter{Streams: []string{"s1", "s2"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(export)
	if err := errors.Join(err, export.Close()); err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("%s, %v", text, err)
	}
	result, err := c.Query(ctx, client.Query{From: client.From{Instance: "b"}, OrderBy: []client.OrderBy{{Field: "stream_id", Direction: "desc"}}, Limit: new(1)})
	if err != nil || *result.Total != 5 || result.NextCursor == "" {
		t.Fatalf("%+v, %v", result, err)
	}
	if events, err := result.Decode(); err != nil || events[0].StreamID != "s4" {
		t.Errorf("%+v, %v", events, err)
	}
	result, err = c.Query(ctx, client.Query{From: client.From{Instance: "b"}, Reduce: []client.Reduce{{As: "n", Type: "count"}}})
	if err != nil || string(result.Aggregation) != `{"values":{"n":5}}` {
		t.Errorf("%s, %v", result.Aggregation, err)
	}
	if n, err := c.Purge(ctx, "b", client.Filter{Streams: []string{"s0"}}, true); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := c.Purge(ctx, "b", client.Filter{}, false); err == nil {
		t.Error("an empty filter purges")
	}
	if n, err := c.Purge(ctx, "b", client.Filter{Search: "X"}, false); err != nil || n != 5 {
		t.Errorf("%d, %v", n, err)
	}
}
