package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
)

// TestRevokedKeysGetNothingTheyHaveNotRead: a reader stalls on an answer that
// does not fit the buffers between, and reads on when its key is revoked. What
// comes then is what was on its way, and not the rest.
func TestRevokedKeysGetNothingTheyHaveNotRead(t *testing.T) {
	r := start(t, Options{})
	r.instance("shop")
	const events, size = 32, 1 << 20
	big := []event.Draft{{EventType: "big", Payload: fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("x", size))}}
	for range events {
		if _, err := r.log.Append(t.Context(), firn.AppendRequest{Instance: "shop", Events: big, Checked: true}); err != nil {
			t.Fatal(err)
		}
	}
	_, other := r.key(auth.NewKey{})
	for _, path := range []string{"tail?after=0", "export?format=ndjson", "export?format=csv", "events"} {
		k, secret := r.key(auth.NewKey{})
		revoked, kept := r.stall(path, secret), io.Reader(nil)
		if path != "tail?after=0" { // which does not end
			kept = r.stall(path, other)
		}
		if _, err := r.Keys().Revoke(t.Context(), auth.Owner(), k.ID); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(revoked) // it is cut
		if n := bytes.Count(rest, []byte("\n")); len(rest) >= events*size/2 {
			t.Errorf("%s: behind the revocation came %d bytes, %d lines", path, len(rest), n)
		}
		if kept == nil {
			continue
		}
		if whole, err := io.ReadAll(kept); err != nil || len(whole) < events*size { // the control
			t.Errorf("%s of another key: %d bytes, %v", path, len(whole), err)
		}
	}
}

// stall asks and reads no further than the first byte.
func (r *running) stall(path, secret string) io.Reader {
	r.t.Helper()
	transport := &http.Transport{DisableCompression: true, DialContext: (&net.Dialer{}).DialContext}
	r.t.Cleanup(transport.CloseIdleConnections)
	req, err := http.NewRequestWithContext(r.t.Context(), "GET", r.url+"/v1/instances/shop/"+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := (&http.Client{Transport: transport, Timeout: 5 * time.Minute}).Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %s", path, resp.Status)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		r.t.Fatal(err)
	}
	return resp.Body
}
