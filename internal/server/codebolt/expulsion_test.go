package codebolt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/firnlog/firn/internal/auth"
)

// keyed makes the next connections those of a new key, and returns what revokes
// it.
func (r *running) keyed(permissions auth.Set) (revoke func()) {
	r.t.Helper()
	keys := auth.NewKeys(r.log, auth.KeysOptions{})
	made, secret, err := keys.Create(r.t.Context(), auth.Owner(), auth.NewKey{Name: "k", Permissions: permissions})
	if err != nil {
		r.t.Fatal(err)
	}
	if r.caller, err = auth.NewGate(keys, auth.GateOptions{}).Authenticate(secret, netip.Addr{}); err != nil {
		r.t.Fatal(err)
	}
	return func() {
		r.t.Helper()
		if _, err := keys.Revoke(r.t.Context(), auth.Owner(), made.ID); err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestRevocationClosesIdleConnections: nobody sends a thing.
func TestRevocationClosesIdleConnections(t *testing.T) {
	r := start(t, Options{})
	revoke := r.keyed(auth.All())
	idle, used := r.connect(nil), r.connect(nil)
	used.must("listInstances", `{}`)
	r.caller = auth.Owner()
	other := r.connect(nil)
	revoke()
	idle.expelled()
	used.expelled()
	other.must("listInstances", `{}`)
}

// TestRevocationCutsWhoDoesNotAnswer: a client that never closes, and in the
// middle of a frame, has no connection for long; within a second the end is
// there, of which half is left to the client.
func TestRevocationCutsWhoDoesNotAnswer(t *testing.T) {
	if farewell >= time.Second {
		t.Fatalf("clients are left %v to go", farewell)
	}
	r := start(t, Options{})
	revoke := r.keyed(auth.All())
	for _, begun := range [][]byte{nil, {0x81, 0xfe, 0x10, 0, 1, 2, 3, 4, 'x'}} { // the second: 4 KiB are to follow
		conn := r.upgrade()
		if _, err := conn.Write(begun); err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		defer func() {
			rest, err := io.ReadAll(conn)
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the connection ends with %v", err)
			}
			if len(rest) < 2 || rest[0] != 0x88 || !strings.Contains(string(rest), expelledText) {
				t.Errorf("before the end came %q, want a close frame", rest)
			}
		}()
	}
	revoke()
}

// upgrade makes a connection that answers nothing.
func (r *running) upgrade() net.Conn {
	r.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /codebolt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
		r.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		r.t.Fatalf("%v, %v", answer, err)
	}
	_ = answer.Body.Close()
	return conn
}

// TestNothingOfARevokedKeyIsStored revokes a key whose appends wait behind an
// operation of the same connection, and whose query runs.
func TestNothingOfARevokedKeyIsStored(t *testing.T) {
	r := start(t, Options{})
	block, begun := make(chan struct{}), make(chan struct{}, 2)
	withOperations(t, map[string]*operation{
		"eventLog.slow": {ordered: true, run: func(context.Context, *conn, *request) (func(*writer) error, error) {
			begun <- struct{}{}
			<-block
			return func(w *writer) error { w.raw("{}"); return nil }, nil
		}},
		"eventLog.slowRead": {run: func(ctx context.Context, _ *conn, _ *request) (func(*writer) error, error) {
			begun <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}},
	})
	owner := r.connect(nil)
	owner.must("createInstance", `{"name":"a"}`)
	revoke := r.keyed(auth.All())
	c := r.connect(nil)
	c.send(`{"type":"eventLog.slow"}`)
	c.send(`{"type":"eventLog.slowRead"}`)
	<-begun
	<-begun
	c.send(`{"type":"eventLog.appendEvent","params":{"instanceId":"a"}}`)
	c.send(`{"type":"eventLog.createInstance","params":{"name":"b"}}`)
	c.must("listInstances", `{}`) // so they have arrived
	revoke()
	c.expelled()
	close(block)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r.shutdown(ctx) // everything has ended
	if stats, err := r.log.InstanceStats(t.Context(), "a"); err != nil || stats.Events != 0 {
		t.Errorf("%d events of a revoked key are stored, %v", stats.Events, err)
	}
	if _, err := r.log.Instance("b"); err == nil {
		t.Error("a revoked key has made an instance")
	}
	if logged := r.logged.String(); logged != "" {
		t.Errorf("the server's log has %s", logged)
	}
}

// TestHangingUpIsNoFault: a query that runs while its client goes is not told in
// the server's log.
func TestHangingUpIsNoFault(t *testing.T) {
	r := start(t, Options{})
	begun, ended := make(chan struct{}), make(chan struct{})
	withOperations(t, map[string]*operation{"eventLog.slowRead": {run: func(ctx context.Context, _ *conn, _ *request) (func(*writer) error, error) {
		defer close(ended)
		close(begun)
		<-ctx.Done()
		return nil, fmt.Errorf("query: %w", ctx.Err())
	}}})
	c := r.connect(nil)
	c.send(`{"type":"eventLog.slowRead"}`)
	<-begun
	if err := c.ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	<-ended
	r.serving.Wait()
	if logged := r.logged.String(); logged != "" {
		t.Errorf("the server's log has %s", logged)
	}
}
