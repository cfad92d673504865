package codebolt

import (
	"testing"

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
