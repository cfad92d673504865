package codebolt

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
)

var (
	anyID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyTime = regexp.MustCompile(`20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)
)

// fixed is data with what differs from run to run replaced.
func fixed(data string) string {
	return anyTime.ReplaceAllString(anyID.ReplaceAllString(data, "ID"), "TIME")
}

func TestTheNineOperations(t *testing.T) {
	c := start(t, Options{}).connect(nil)
	for _, x := range []struct{ op, params, data string }{
		{"createInstance", `{"name":"audit","description":"who did what"}`,
			`{"instance":{"id":"ID","name":"audit","description":"who did what","createdAt":"TIME","updatedAt":"TIME"}}`},
		{"createInstance", `{"name":"bare"}`, `{"instance":{"id":"ID","name":"bare","createdAt":"TIME","updatedAt":"TIME"}}`},
		{"getInstance", `{"instanceId":"audit"}`,
			`{"instance":{"id":"ID","name":"audit","description":"who did what","createdAt":"TIME","updatedAt":"TIME"}}`},
		{"updateInstance", `{"instanceId":"bare","name":"plain","description":"d"}`,
			`{"instance":{"id":"ID","name":"plain","description":"d","createdAt":"TIME","updatedAt":"TIME"}}`},
		{"appendEvent", `{"instanceId":"audit"}`,
			`{"event":{"id":"ID","instanceId":"ID","stream_id":"default","event_type":"event","payload":{},"metadata":{},"timestamp":"TIME","sequence_number":1}}`},
		{"appendEvent", `{"instanceId":"audit","streamId":"s","eventType":"login","payload":{"n":1e3, "big":9223372036854775808,"z":0.1000,"a":"\u0000"},"metadata":{"v":"1"},"timestamp":"2024-01-19T10:00:00+01:00","id":"mine"}`,
			`{"event":{"id":"mine","instanceId":"ID","stream_id":"s","event_type":"login","payload":{"n":1e3,"big":9223372036854775808,"z":0.1000,"a":"\u0000"},"metadata":{"v":"1"},"timestamp":"2024-01-19T09:00:00.000Z","sequence_number":1}}`},
		{"appendEvent", `{"instanceId":"audit","stream_id":"s","event_type":"login","payload":{"n":1e3,"big":9223372036854775808,"z":0.1000,"a":"\u0000"},"metadata":{"v":"1"},"timestamp":1705654800000,"id":"mine"}`,
			`{"event":{"id":"mine","instanceId":"ID","stream_id":"s","event_type":"login","payload":{"n":1e3,"big":9223372036854775808,"z":0.1000,"a":"\u0000"},"metadata":{"v":"1"},"timestamp":"2024-01-19T09:00:00.000Z","sequence_number":1,"duplicate":true}}`},
		{"appendEvents", `{"instanceId":"audit","events":[{"streamId":"s","payload":{"duration":5}},{"streamId":"t","eventType":null,"payload":null},{"stream_id":"s","event_type":"logout"}]}`,
			`{"events":[{"id":"ID","instanceId":"ID","stream_id":"s","event_type":"event","payload":{"duration":5},"metadata":{},"timestamp":"TIME","sequence_number":2},` +
				`{"id":"ID","instanceId":"ID","stream_id":"t","event_type":"event","payload":{},"metadata":{},"timestamp":"TIME","sequence_number":1},` +
				`{"id":"ID","instanceId":"ID","stream_id":"s","event_type":"logout","payload":{},"metadata":{},"timestamp":"TIME","sequence_number":3}],"count":3}`},
		{"appendEvent", `{"instanceId":"made on the fly","autoCreateInstance":true}`,
			`{"event":{"id":"ID","instanceId":"ID","stream_id":"default","event_type":"event","payload":{},"metadata":{},"timestamp":"TIME","sequence_number":1}}`},
		{"queryEvents", `{"query":{"from":{"instance":"audit","stream":"s"},"where":[{"field":"event_type","operator":"in","value":["logout","none"]}],"limit":10}}`,
			`{"result":{"events":[{"id":"ID","instanceId":"ID","stream_id":"s","event_type":"logout","payload":{},"metadata":{},"timestamp":"TIME","sequence_number":3}],"total":1,"limit":10,"offset":0}}`},
		{"queryEvents", `{"query":{"from":{"instance":"audit"},"select":["instanceId","payload.duration"],"orderBy":{"field":"payload.duration","direction":"desc"},"limit":2}}`,
			`{"result":{"events":[{"instanceId":"ID","payload":{"duration":5}},{"instanceId":"ID"}],"total":5,"limit":2,"offset":0,"next_cursor":"CURSOR"}}`},
		{"queryEvents", `{"query":{"from":{"instance":"audit"},"limit":0}}`, `{"result":{"events":[],"total":5,"limit":0,"offset":0}}`},
		{"queryEvents", `{"query":{"from":{"instance":"audit"},"reduce":{"type":"count"}}}`, `{"result":{"aggregation":{"value":5},"total":5}}`},
		{"queryEvents", `{"query":{"from":{"instance":"audit"},"reduce":{"type":"count","groupBy":["event_type"]},"orderBy":{"field":"timestamp","direction":"desc"}}}`,
			`{"result":{"aggregation":[{"group":{"event_type":"event"},"value":3},{"group":{"event_type":"login"},"value":1},{"group":{"event_type":"logout"},"value":1}],"total":5}}`},
		{"getInstanceStats", `{"instanceId":"audit"}`, `{"instanceId":"ID","name":"audit","eventCount":5,"createdAt":"TIME","updatedAt":"TIME"}`},
		{"deleteInstance", `{"instanceId":"plain"}`,
			`{"instance":{"id":"ID","name":"plain","description":"d","createdAt":"TIME","updatedAt":"TIME"}}`},
	} {
		got := regexp.MustCompile(`"next_cursor":"[^"]+"`).ReplaceAllString(fixed(c.must(x.op, x.params)), `"next_cursor":"CURSOR"`)
		if diff := cmp.Diff(x.data, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", x.op, x.params, diff)
		}
	}
	var list struct{ Instances []struct{ Name string } }
	if err := json.Unmarshal([]byte(c.must("listInstances", `{}`)), &list, json.MatchCaseInsensitiveNames(true)); err != nil || len(list.Instances) != 3 {
		t.Errorf("listInstances: %v, %v", list, err)
	}
}

func TestMistakesAreExplained(t *testing.T) {
	c := start(t, Options{Limits: event.Limits{EventBytes: 1_000}}).connect(nil)
	c.must("createInstance", `{"name":"audit"}`)
	for _, x := range []struct {
		op, params string
		words      []string
	}{
		{"createInstance", `{"name":"audit"}`, []string{"exists"}},
		{"createInstance", `{}`, []string{"name", "missing"}},
		{"createInstance", `{"name":""}`, []string{"name"}},
		{"createInstance", `{"name":7}`, []string{"name: must be a string"}},
		{"createInstance", `{"name":"x","name":"y"}`, []string{"duplicate"}},
		{"createInstance", `{"name":"x","descripton":"y"}`, []string{"descripton", "known: name, description"}},
		{"createInstance", `[]`, []string{"params: must be an object"}},
		{"createInstance", `"x"`, []string{"params: must be an object"}},
		{"getInstance", `{"instanceId":"none"}`, []string{`"none"`, "not found"}},
		{"getInstance", `{}`, []string{"instanceId", "missing"}},
		{"getInstance", `null`, []string{"instanceId", "missing"}},
		{"listInstances", `{"limit":1}`, []string{"limit"}},
		{"updateInstance", `{"instanceId":"audit","name":""}`, []string{"name"}},
		{"updateInstance", `{"name":"x"}`, []string{"instanceId"}},
		{"updateInstance", `{"instanceId":"none","name":"x"}`, []string{"not found"}},
		{"deleteInstance", `{"instanceId":"system"}`, []string{"system"}},
		{"deleteInstance", `{"instanceId":"none"}`, []string{"not found"}},
		{"getInstanceStats", `{"instanceId":"none"}`, []string{"not found"}},
		{"appendEvent", `{"instanceId":"none"}`, []string{"not found"}},
		{"appendEvent", `{"payload":{}}`, []string{"instanceId"}},
		{"appendEvent", `[]`, []string{"params"}},
		{"appendEvent", `{"instanceId":"audit","instance_id":"audit"}`, []string{"twice"}},
		{"appendEvent", `{"instanceId":7}`, []string{"instanceId"}},
		{"appendEvent", `{"instanceId":"audit","payload":[1]}`, []string{"payload: must be an object"}},
		{"appendEvent", `{"instanceId":"audit","payload":{"a":{"b":1,"b":2}}}`, []string{`payload.a: duplicate key "b"`}},
		{"appendEvent", `{"instanceId":"audit","payload":{"a":"\ud800"}}`, []string{"payload.a", "surrogate"}},
		{"appendEvent", "{\"instanceId\":\"audit\",\"payload\":{\"a\":\"\xff\"}}", []string{"payload.a", "UTF-8"}},
		{"appendEvent", `{"instanceId":"audit","payload":{"a":1e9999}}`, []string{"payload.a"}},
		{"appendEvent", `{"instanceId":"audit","payload":` + strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat("}", 200) + `}`, []string{"nested deeper"}},
		{"appendEvent", `{"instanceId":"audit","payload":{"a":"` + strings.Repeat("x", 1_000) + `"}}`, []string{"over the limit of 1000"}},
		{"appendEvent", `{"instanceId":"audit","evenType":"x"}`, []string{"evenType", "event_type"}},
		{"appendEvent", `{"instanceId":"audit","eventType":"x","event_type":"x"}`, []string{"event_type"}},
		{"appendEvent", `{"instanceId":"audit","sequence_number":1}`, []string{"sequence_number", "set by the log"}},
		{"appendEvent", `{"instanceId":"audit","autoCreateInstance":"yes"}`, []string{"autoCreateInstance: must be true or false"}},
		{"appendEvent", `{"instanceId":"audit","timestamp":"yesterday"}`, []string{"timestamp"}},
		{"appendEvents", `{"instanceId":"audit"}`, []string{"events: is missing"}},
		{"appendEvents", `{"instanceId":"audit","events":{}}`, []string{"events: must be a list"}},
		{"appendEvents", `{"instanceId":"audit","events":[]}`, []string{"at least one"}},
		{"appendEvents", `{"instanceId":"audit","events":[{},7]}`, []string{"events[1]"}},
		{"appendEvents", `{"instanceId":"audit","events":[{},{"payload":{"a":1,"a":1}}]}`, []string{`events[1].payload: duplicate key "a"`}},
		{"appendEvents", `{"instanceId":"audit","events":[{},{"instanceId":"audit"}]}`, []string{"events[1]", "instanceId"}},
		{"appendEvents", `{"instanceId":"audit","events":[{}],"payload":{}}`, []string{"payload", "known: instanceId, events"}},
		{"appendEvents", `{"instanceId":"audit","events":[{"id":"x"},{"id":"x","eventType":"other"}]}`, []string{`"x"`}},
		{"queryEvents", `{}`, []string{"query"}},
		{"queryEvents", `{"query":{"from":{"instance":"none"}}}`, []string{"not found"}},
		{"queryEvents", `{"query":{"where":[]}}`, []string{"from: is missing"}},
		{"queryEvents", `{"query":{"from":{"instance":"audit"},"where":[{"field":"event_type","operator":"eq","value":"x"},{"field":"event_type","operator":"like","value":"x"}]}}`,
			[]string{`where[1].operator: "like" is not an operator; one of eq, neq`}},
		{"queryEvents", `{"query":{"from":{"instance":"audit","instance":"audit"}}}`, []string{"instance"}},
		{"queryEvents", `{"from":{"instance":"audit"}}`, []string{"from", "known: query"}},
		{"queryEvents", `{"query":7}`, []string{"object"}},
		{"archive", `{}`, []string{`"eventLog.archive" is no operation`, "eventLog.appendEvent"}},
	} {
		c.refused(x.op, x.params, x.words...)
	}
	if got, want := c.count("audit"), `{"result":{"aggregation":{"value":0},"total":0}}`; got != want {
		t.Errorf("after refusals alone: %s", got)
	}
}

// TestEveryFrameIsAnswered sends what no client should, over one connection.
func TestEveryFrameIsAnswered(t *testing.T) {
	r := start(t, Options{})
	c := r.connect(nil)
	for _, x := range []struct{ frame, kind, id, says string }{
		{"", "error", "", "not"},
		{"hello", "error", "", "not valid JSON"},
		{`[]`, "error", "", "must be a JSON object"},
		{`"x"`, "error", "", "must be a JSON object"},
		{`null`, "error", "", "must be a JSON object"},
		{`{}`, "error", "", "type: is missing"},
		{`{"requestId":"a"}`, "error", `"a"`, "type: is missing"},
		{`{"requestId":"a","type":7}`, "error", `"a"`, "type: must be a string"},
		{`{"requestId":"a","type":""}`, "error", `"a"`, "type: must be a string"},
		{`{"requestId":"a","type":"` + strings.Repeat("x", maxEcho) + `"}`, "error", `"a"`, "type"},
		{"{\"requestId\":\"a\",\"type\":\"\xff\"}", "error", `"a"`, "type"},
		{`{"requestId":"a","type":"\ud800"}`, "error", `"a"`, "type"},
		{"{\"requestId\":\"\xff\",\"type\":\"eventLog.listInstances\"}", "eventLog.listInstances", "", "requestId"},
		{`{"requestId":{},"type":"eventLog.listInstances"}`, "eventLog.listInstances", "", "requestId"},
		{`{"requestId":"a","type":"fs.readFile","params":{}}`, "fs.readFile", `"a"`, "no operation"},
		{`{"type":"eventLog.getInstance","requestId":"a","params":{"instanceId":`, "eventLog.getInstance", `"a"`, "not valid JSON"},
		{`{"type":"eventLog.getInstance","requestId":"a"} {}`, "eventLog.getInstance", `"a"`, "nothing behind"},
		{`{"type":"eventLog.getInstance","requestId":"a","type":"x"}`, "eventLog.getInstance", `"a"`, "twice"},
		{`{"type":"eventLog.getInstance","requestId":"a","requestId":"b"}`, "eventLog.getInstance", `"a"`, "twice"},
		{`{"type":"eventLog.getInstance","requestId":17,"params":{"instanceId":"x"}}`, "eventLog.getInstance", "17", "not found"},
		{`{"type":"eventLog.getInstance","params":{"instanceId":"x"}}`, "eventLog.getInstance", "", "not found"},
		{"\n { \"params\" : { \"instanceId\" : \"x\" } , \"requestId\" : \"\\u0061\" , \"type\" : \"eventLog.get\\u0049nstance\" } ", "eventLog.getInstance", `"\u0061"`, "not found"},
		{strings.Repeat("[", 100_000), "error", "", "not valid JSON"},
	} {
		c.send(x.frame)
		e := c.next()
		if e.Success || e.Type != x.kind || string(e.RequestID) != x.id || !strings.Contains(e.Error, x.says) {
			t.Errorf("%.200q is answered by %.500s", x.frame, e.text)
		}
	}
	c.sendAs(websocket.MessageBinary, `{"type":"eventLog.listInstances","requestId":"b"}`)
	if e := c.next(); !e.Success || string(e.RequestID) != `"b"` {
		t.Errorf("a binary frame is answered by %s", e.text)
	}
	if logged := r.logged.String(); logged != "" {
		t.Errorf("what clients do wrong is no matter of the server's log: %s", logged)
	}
}

func TestFramesOverTheLimitAreAnswered(t *testing.T) {
	const limit = 64 << 10
	c := start(t, Options{Limits: event.Limits{BatchBytes: limit}}).connect(nil)
	head, tail := `{"type":"eventLog.appendEvent","requestId":"big","params":{"instanceId":"x","autoCreateInstance":true,"payload":{"a":"`, `"}}}`
	for _, size := range []int{limit - 1, limit, limit + 1, 3 * limit} {
		c.send(head + strings.Repeat("x", size-len(head)-len(tail)) + tail)
		e := c.next()
		if e.Success != (size <= limit) || string(e.RequestID) != `"big"` || e.Type != "eventLog.appendEvent" {
			t.Errorf("%d bytes are answered by %.300s", size, e.text)
		}
		if !e.Success && !strings.Contains(e.Error, "65536") {
			t.Errorf("%d bytes: error %q does not say the limit", size, e.Error)
		}
	}
	c.send(strings.Repeat("x", (discardMost+2)*limit))
	if _, _, err := c.ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a frame without end is answered by %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := start(t, Options{})
	c := r.connect(nil)
	if !r.memory.TryAcquire(testMemory - 10_000) {
		t.Fatal("somebody holds memory")
	}
	c.send(`{"type":"eventLog.appendEvent","requestId":"big","params":{"instanceId":"x","autoCreateInstance":true,"payload":{"a":"` + strings.Repeat("x", 20_000) + `"}}}`)
	if e := c.next(); e.Success || string(e.RequestID) != `"big"` || !strings.Contains(e.Error, "busy") {
		t.Errorf("too much is answered by %.300s", e.text)
	}
	c.must("appendEvent", `{"instanceId":"x","autoCreateInstance":true}`)
	r.memory.Release(testMemory - 10_000)
}

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
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
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

// TestKeysAreAskedPerOperation has keys that may do some, revoked in between.
func TestKeysAreAskedPerOperation(t *testing.T) {
	r := start(t, Options{})
	owner := r.connect(nil)
	owner.must("createInstance", `{"name":"mine"}`)
	owner.must("createInstance", `{"name":"other"}`)
	mine, err := r.log.Instance("mine")
	if err != nil {
		t.Fatal(err)
	}
	keys := auth.NewKeys(r.log, auth.KeysOptions{})
	gate := auth.NewGate(keys, auth.GateOptions{})
	made, secret, err := keys.Create(t.Context(), auth.Owner(), auth.NewKey{
		Name: "k", Permissions: auth.SetOf(auth.EventsRead, auth.EventsAppend, auth.InstancesManage), Instances: []string{mine.ID}})
	if err != nil {
		t.Fatal(err)
	}
	if r.caller, err = gate.Authenticate(secret, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	c := r.connect(nil)
	c.must("appendEvent", `{"instanceId":"mine"}`)
	c.must("queryEvents", `{"query":{"from":{"instance":"`+mine.ID+`"}}}`)
	c.must("updateInstance", `{"instanceId":"mine","description":"d"}`)
	if got := c.must("listInstances", `{}`); strings.Count(got, `"name"`) != 1 {
		t.Errorf("a key of one instance sees %s", got)
	}
	for _, x := range []struct{ op, params, says string }{
		{"getInstance", `{"instanceId":"other"}`, "not found"},
		{"getInstanceStats", `{"instanceId":"other"}`, "not found"},
		{"queryEvents", `{"query":{"from":{"instance":"other"}}}`, "not found"},
		{"appendEvent", `{"instanceId":"other"}`, "not found"},
		{"appendEvents", `{"instanceId":"other","events":[{}]}`, "not found"},
		{"updateInstance", `{"instanceId":"other","description":"d"}`, "not found"},
		{"deleteInstance", `{"instanceId":"other"}`, "not found"},
		{"createInstance", `{"name":"new"}`, "instances:manage"},
		{"appendEvent", `{"instanceId":"new","autoCreateInstance":true}`, "instances:manage"},
		{"appendEvent", `{"instanceId":"other","autoCreateInstance":true}`, "instances:manage"},
	} {
		c.refused(x.op, x.params, x.says)
	}
	if _, err := keys.Revoke(t.Context(), auth.Owner(), made.ID); err != nil {
		t.Fatal(err)
	}
	for op := range operations {
		c.refused(strings.TrimPrefix(op, "eventLog."), `{"instanceId":"mine"}`, "revoked")
	}
}

func TestPermissionsOfOperations(t *testing.T) {
	r := start(t, Options{})
	keys := auth.NewKeys(r.log, auth.KeysOptions{})
	gate := auth.NewGate(keys, auth.GateOptions{})
	for _, p := range auth.Permissions() {
		_, secret, err := keys.Create(t.Context(), auth.Owner(), auth.NewKey{Name: "k", Permissions: auth.SetOf(p)})
		if err != nil {
			t.Fatal(err)
		}
		if r.caller, err = gate.Authenticate(secret, netip.Addr{}); err != nil {
			t.Fatal(err)
		}
		c := r.connect(nil)
		for name, op := range operations {
			e := c.call(strings.TrimPrefix(name, "eventLog."), `{"unknown":1}`) // let in, it fails for that
			denied := strings.Contains(e.Error, "lacks the permission "+string(op.permission))
			if denied != (op.permission != p) {
				t.Errorf("%s with %s: %s", name, p, e.Error)
			}
		}
	}
}

func TestKeyInTheURL(t *testing.T) {
	const k = "firn_0123456789012345678901234567890123456789"
	for query, want := range map[string]string{
		"":                              "",
		"id=ws_1":                       "",
		"id=ws_1&threadToken=" + k:      k,
		"pluginToken=" + k + "&FOO=bar": k,
		"agentTask=50% & more;&threadToken=firn%5F" + k[5:] + "&A=%zz": k,
		"threadToken=eyJhbGciOi":                     "",
		"agentTask=a&threadToken=x&threadToken=" + k: k,
		"token=" + k:         "",
		"threadToken=firn_%": "firn_%",
		"threadToken":        "",
	} {
		if got := key(query); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}
