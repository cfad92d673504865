package codebolt

import (
	"encoding/json/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
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
