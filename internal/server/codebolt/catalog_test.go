package codebolt

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	firn "github.com/firnlog/firn"
)

// TestCatalogIsEnforced: a refusal names the place, and is of the request that
// brings the fault alone.
func TestCatalogIsEnforced(t *testing.T) {
	r := start(t, Options{})
	if _, err := r.log.CreateInstance(t.Context(), firn.Instance{Name: "strict", Validation: firn.ValidationEnforce}); err != nil {
		t.Fatal(err)
	}
	c := r.connect(nil)
	c.refused("appendEvent", `{"instanceId":"strict","eventType":"CLICK","payload":{"path":7}}`, "payload.path: must be a string, is a number")
	c.refused("appendEvents", `{"instanceId":"strict","events":[{"eventType":"a"},{"eventType":"CLICK","payload":{"path":7}}]}`, "events[1].payload.path: must be a string")
	c.must("appendEvent", `{"instanceId":"strict","eventType":"CLICK","payload":{"path":"/"}}`)
	for range 20 { // some of which are stored together
		c.send(`{"type":"eventLog.appendEvent","requestId":"good","params":{"instanceId":"strict","eventType":"a"}}`)
		c.send(`{"type":"eventLog.appendEvent","requestId":"bad","params":{"instanceId":"strict","eventType":"CLICK","payload":{"path":7}}}`)
	}
	for range 40 {
		if e := c.next(); e.Success != (string(e.RequestID) == `"good"`) {
			t.Errorf("%s", e.text)
		}
	}
	if n := c.count("strict"); n != `{"result":{"aggregation":{"value":21},"total":21}}` {
		t.Errorf("stored: %s, want 21 events", n)
	}
}

// TestWarningsStandBesideTheEvent: an instance that does not enforce the catalog
// stores the event and says what is wrong with it, to the one who sent it.
func TestWarningsStandBesideTheEvent(t *testing.T) {
	c := start(t, Options{}).connect(nil)
	c.must("createInstance", `{"name":"a"}`)
	const warning = `"message":"must be a string, is a number"}]}`
	if got := c.must("appendEvent", `{"instanceId":"a","eventType":"CLICK","payload":{"path":7}}`); !strings.HasSuffix(got, `,"warnings":[{"field":"payload.path",`+warning) {
		t.Errorf("%s", got)
	}
	if got := c.must("appendEvents", `{"instanceId":"a","events":[{},{"eventType":"CLICK","payload":{"path":7}}]}`); !strings.HasSuffix(got, `"count":2,"warnings":[{"field":"events[1].payload.path",`+warning) {
		t.Errorf("%s", got)
	}
	const rounds = 300 // some of which are stored together, with more faults than are told
	go func() {
		for range rounds {
			for id, payload := range []string{`{"path":"/"}`, `{"path":7}`} {
				frame := fmt.Sprintf(`{"type":"eventLog.appendEvent","requestId":%d,"params":{"instanceId":"a","eventType":"CLICK","payload":%s}}`, id, payload)
				if c.ws.Write(context.Background(), websocket.MessageText, []byte(frame)) != nil {
					return
				}
			}
		}
	}()
	for range 2 * rounds {
		e := c.next()
		warned, unseen := strings.Contains(string(e.Data), warning), strings.Contains(string(e.Data), "not validated")
		if !e.Success || (warned != (string(e.RequestID) == "1") && !unseen) {
			t.Fatalf("%s", e.text)
		}
	}
}
