package codebolt

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// TestArrivalOrder sends appends without waiting: their numbers are in the
// order of their sending, and a refused one costs no other.
func TestArrivalOrder(t *testing.T) {
	c := start(t, Options{}).connect(nil)
	c.must("createInstance", `{"name":"a"}`)
	const n = 3_000
	go func() {
		for i := range n {
			instance, id := "a", ""
			switch {
			case i%5 == 1:
				instance = "b" // made by the first of them
			case i%100 == 99:
				id = `"id":"taken",` // with other content each time but the first
			}
			frame := fmt.Sprintf(`{"type":"eventLog.appendEvent","requestId":%d,"params":{%s"instanceId":%q,"autoCreateInstance":true,"streamId":"s","payload":{"i":%d}}}`, i, id, instance, i)
			if c.ws.Write(context.Background(), websocket.MessageText, []byte(frame)) != nil {
				return
			}
		}
	}()
	last := map[string]int64{}
	refused := 0
	sent := map[string]int{"a": -1, "b": -1}
	type appended struct {
		Event struct {
			InstanceID string `json:"instanceId"`
			Sequence   int64  `json:"sequence_number"`
			Payload    struct{ I int }
		}
	}
	numbers := map[int]int64{}
	for range n {
		e := c.next()
		var id int
		if err := json.Unmarshal(e.RequestID, &id); err != nil {
			t.Fatal(err)
		}
		if !e.Success {
			refused++
			continue
		}
		var a appended
		if err := json.Unmarshal(e.Data, &a, json.MatchCaseInsensitiveNames(true)); err != nil || a.Event.Payload.I != id {
			t.Fatalf("request %d is answered by %s: %v", id, e.text, err)
		}
		numbers[id] = a.Event.Sequence
	}
	for i := range n {
		name := "a"
		if i%5 == 1 {
			name = "b"
		}
		number, stored := numbers[i]
		if !stored {
			continue
		}
		if number != last[name]+1 || i <= sent[name] {
			t.Fatalf("request %d to %s has number %d behind %d of request %d", i, name, number, last[name], sent[name])
		}
		last[name], sent[name] = number, i
	}
	if refused != n/100-1 {
		t.Errorf("%d were refused, want all but the first of %d with one id", refused, n/100)
	}
}

// TestABatchIsAllOrNothing appends batches of which some have a bad event.
func TestABatchIsAllOrNothing(t *testing.T) {
	c := start(t, Options{}).connect(nil)
	c.must("createInstance", `{"name":"a"}`)
	c.must("appendEvent", `{"instanceId":"a","id":"held","eventType":"first"}`)
	for i := range 20 {
		bad := []string{`{"payload":7}`, `{"id":"held","eventType":"other"}`, `{"eventType":""}`}[i%3]
		events := strings.Repeat(`{"payload":{"k":1}},`, i) + bad + strings.Repeat(`,{"payload":{"k":1}}`, 20-i)
		c.send(`{"type":"eventLog.appendEvents","requestId":"bad","params":{"instanceId":"a","events":[` + events + `]}}`)
		c.send(`{"type":"eventLog.appendEvents","requestId":"good","params":{"instanceId":"a","events":[{},{}]}}`)
		for range 2 {
			if e := c.next(); e.Success != (string(e.RequestID) == `"good"`) {
				t.Fatalf("round %d: %s", i, e.text)
			}
		}
	}
	if got, want := c.count("a"), `{"result":{"aggregation":{"value":41},"total":41}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestReadsDoNotWait asks beside an operation that does not end.
func TestReadsDoNotWait(t *testing.T) {
	r := start(t, Options{})
	block, begun := make(chan struct{}), make(chan struct{}, 2)
	slow := &operation{run: func(context.Context, *conn, *request) (func(*writer) error, error) {
		begun <- struct{}{}
		<-block
		return func(w *writer) error { w.raw("{}"); return nil }, nil
	}}
	ordered := *slow
	ordered.ordered = true
	withOperations(t, map[string]*operation{"eventLog.slow": slow, "eventLog.slowWrite": &ordered})
	c := r.connect(nil)
	c.send(`{"type":"eventLog.slow","requestId":"slow"}`)
	c.send(`{"type":"eventLog.slowWrite","requestId":"slow"}`)
	<-begun
	<-begun
	c.must("listInstances", `{}`)
	close(block)
	for range 2 {
		if e := c.next(); string(e.RequestID) != `"slow"` || !e.Success {
			t.Errorf("%s", e.text)
		}
	}
}

// withOperations adds operations for the length of a test.
func withOperations(t *testing.T, more map[string]*operation) {
	t.Helper()
	for name, op := range more {
		operations[name] = op
	}
	t.Cleanup(func() {
		for name := range more {
			delete(operations, name)
		}
	})
}

func TestPanicsAreAnswered(t *testing.T) {
	r := start(t, Options{})
	early := func(context.Context, *conn, *request) (func(*writer) error, error) { panic("early") }
	late := func(context.Context, *conn, *request) (func(*writer) error, error) {
		return func(*writer) error { panic("late") }, nil
	}
	withOperations(t, map[string]*operation{"eventLog.read": {run: early}, "eventLog.write": {run: early, ordered: true}, "eventLog.late": {run: late}})
	c := r.connect(nil)
	for _, op := range []string{"read", "write", "late"} {
		c.refused(op, `{}`, "something broke")
	}
	c.must("listInstances", `{}`)
	if logged := r.logged.String(); strings.Count(logged, "an operation panicked") != 3 {
		t.Errorf("the server's log has %s", logged)
	}
}

func TestShutdownAnswersThenCloses(t *testing.T) {
	r := start(t, Options{})
	block, begun := make(chan struct{}), make(chan struct{})
	withOperations(t, map[string]*operation{"eventLog.slow": {run: func(context.Context, *conn, *request) (func(*writer) error, error) {
		close(begun)
		<-block
		return func(w *writer) error { w.raw("{}"); return nil }, nil
	}}})
	idle, busy := r.connect(nil), r.connect(nil)
	idle.must("listInstances", `{}`)
	busy.send(`{"type":"eventLog.slow","requestId":"slow"}`)
	<-begun
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		r.shutdown(ctx)
	}()
	if _, _, err := idle.ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("an idle connection ends with %v", err)
	}
	for {
		busy.send(`{"type":"eventLog.listInstances","requestId":"more"}`)
		if e := busy.next(); !e.Success && strings.Contains(e.Error, "stopping") {
			break // it may take a moment until the connection has heard of it
		}
	}
	close(block)
	if e := busy.next(); !e.Success || string(e.RequestID) != `"slow"` {
		t.Errorf("what had begun is answered by %s", e.text)
	}
	if _, _, err := busy.ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("a busy connection ends with %v", err)
	}
	<-ended
	if ws, _, err := websocket.Dial(t.Context(), r.url, nil); err == nil { //nolint:bodyclose // none was accepted
		t.Error("a connection was accepted after the end")
		_ = ws.CloseNow()
	}
}

// TestWhatArrivedIsStored hangs up right after sending.
func TestWhatArrivedIsStored(t *testing.T) {
	r := start(t, Options{})
	c := r.connect(nil)
	c.must("createInstance", `{"name":"a"}`)
	for range 100 {
		c.send(`{"type":"eventLog.appendEvent","params":{"instanceId":"a"}}`)
	}
	if err := c.ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r.shutdown(ctx)
	stats, err := r.log.InstanceStats(t.Context(), "a")
	if err != nil || stats.Events != 100 {
		t.Errorf("%d of 100 events are there: %v", stats.Events, err)
	}
}

func TestPings(t *testing.T) {
	r := start(t, Options{PingEvery: 10 * time.Millisecond})
	pinged := make(chan struct{}, 1_000)
	c := r.connect(&websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool {
		pinged <- struct{}{}
		return false // no pong: still nobody hangs up
	}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan []byte, 1)
	go func() {
		_, text, _ := c.ws.Read(ctx)
		got <- text
	}()
	for range 5 {
		<-pinged
	}
	c.send(`{"type":"eventLog.listInstances"}`)
	if text := string(<-got); !strings.Contains(text, `"success":true`) {
		t.Errorf("after pings without pongs: %q", text)
	}
}

func TestLongAnswersGoInPieces(t *testing.T) {
	c := start(t, Options{}).connect(nil)
	c.must("createInstance", `{"name":"a"}`)
	events := strings.TrimSuffix(strings.Repeat(`{"payload":{"text":"`+strings.Repeat("é", 500)+`"}},`, 1_000), ",")
	if got := c.must("appendEvents", `{"instanceId":"a","events":[`+events+`]}`); !strings.HasSuffix(got, `"count":1000}`) {
		t.Errorf("ends with %s", got[len(got)-100:])
	}
	got := c.must("queryEvents", `{"query":{"from":{"instance":"a"}}}`)
	if strings.Count(got, strings.Repeat("é", 500)) != 1_000 {
		t.Errorf("%d bytes came", len(got))
	}
}

// TestWhoDoesNotReadIsLetGo asks for much and reads nothing: the connection is
// cut, and start checks that its memory comes back.
func TestWhoDoesNotReadIsLetGo(t *testing.T) {
	r := start(t, Options{WriteTimeout: 50 * time.Millisecond})
	// Not through the door: a busy machine may take longer to read an answer than
	// it has patience for.
	events := slices.Repeat([]event.Draft{{EventType: "a", Payload: fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 1_000))}}, 1_000)
	if _, err := r.log.Append(t.Context(), firn.AppendRequest{Instance: "a", Events: events, AutoCreate: true}); err != nil {
		t.Fatal(err)
	}
	c := r.connect(nil)
	for range 100 {
		if c.ws.Write(t.Context(), websocket.MessageText, []byte(`{"type":"eventLog.queryEvents","params":{"query":{"from":{"instance":"a"}}}}`)) != nil {
			break // it was cut already
		}
	}
	r.serving.Wait()
}
