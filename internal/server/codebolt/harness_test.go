package codebolt

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
	"golang.org/x/sync/semaphore"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/logtest"
	"github.com/firnlog/firn/internal/server/door"
)

// net/http lingers for half a second on a connection that it cuts off.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// running is a door of a test before a log of its own.
type running struct {
	*eventLog
	t      *testing.T
	url    string
	memory *semaphore.Weighted
	logged *logtest.Buffer
	// caller is who the next connection is.
	caller auth.Caller
}

const testMemory = 256 << 20

func start(t *testing.T, opts Options) *running {
	t.Helper()
	types, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	log, err := firn.Open(t.TempDir(), firn.Options{Limits: opts.Limits, Catalog: types})
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, memory: semaphore.NewWeighted(testMemory), caller: auth.Owner(), logged: &logtest.Buffer{}}
	if opts.Memory == nil {
		opts.Memory = r.memory
	}
	opts.Logger = slog.New(slog.NewTextHandler(r.logged, nil))
	r.eventLog = newEventLog(log, opts)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		hr = hr.WithContext(auth.WithCaller(hr.Context(), r.caller))
		if err := r.serve(w, //nolint:contextcheck // it is in the request
			&door.Request{Request: hr}); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	r.url = server.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		r.shutdown(ctx)
		server.Close()
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if !r.memory.TryAcquire(testMemory) {
			t.Error("memory was not given back")
		}
	})
	return r
}

// client is one connection of a test.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

func (r *running) connect(opts *websocket.DialOptions) *client {
	r.t.Helper()
	ws, answer, err := websocket.Dial(r.t.Context(), r.url+"/codebolt?id=ws_1", opts)
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	ws.SetReadLimit(-1)
	r.t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{r.t, ws}
}

// envelope is an answer.
type envelope struct {
	Type      string         `json:"type"`
	Success   bool           `json:"success"`
	Data      jsontext.Value `json:"data"`
	Error     string         `json:"error"`
	Timestamp time.Time      `json:"timestamp"`
	RequestID jsontext.Value `json:"requestId"`

	text string
}

func (c *client) send(frame string) {
	c.t.Helper()
	c.sendAs(websocket.MessageText, frame)
}

func (c *client) sendAs(kind websocket.MessageType, frame string) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), kind, []byte(frame)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) next() envelope {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	_, text, err := c.ws.Read(ctx)
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	e := envelope{text: string(text)}
	if err := json.Unmarshal(text, &e); err != nil {
		c.t.Fatalf("answer %s: %v", text, err)
	}
	if e.Timestamp.IsZero() || e.Success == (e.Error != "") || e.Success != (e.Data != nil) {
		c.t.Errorf("answer %s is not whole", text)
	}
	return e
}

// call does an operation and waits for its answer.
func (c *client) call(op, params string) envelope {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"type":"eventLog.%s","requestId":"r","params":%s}`, op, params))
	e := c.next()
	if e.Type != "eventLog."+op || string(e.RequestID) != `"r"` {
		c.t.Fatalf("%s %s is answered by %s", op, params, e.text)
	}
	return e
}

// must is call that has to succeed; it returns data.
func (c *client) must(op, params string) string {
	c.t.Helper()
	e := c.call(op, params)
	if !e.Success {
		c.t.Fatalf("%s %s: %s", op, params, e.Error)
	}
	return string(e.Data)
}

// refused is call that has to fail, with these words in the error.
func (c *client) refused(op, params string, words ...string) {
	c.t.Helper()
	e := c.call(op, params)
	if e.Success {
		c.t.Errorf("%s %s succeeded: %s", op, params, e.text)
		return
	}
	for _, word := range words {
		if !strings.Contains(e.Error, word) {
			c.t.Errorf("%s %s: error %q does not hold %q", op, params, e.Error, word)
		}
	}
}

// count is how many events an instance has.
func (c *client) count(instance string) string {
	c.t.Helper()
	return c.must("queryEvents", `{"query":{"from":{"instance":"`+instance+`"},"reduce":{"type":"count"}}}`)
}

// expelled reads until the connection is closed, which must be for the key and
// without a word before.
func (c *client) expelled() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	_, text, err := c.ws.Read(ctx)
	var end websocket.CloseError
	if !errors.As(err, &end) || end.Code != websocket.StatusPolicyViolation || end.Reason != expelledText {
		c.t.Errorf("the connection goes on with %s, %v; want it closed for its key", text, err)
	}
}
