package server

import (
	"io"
	"net"
	"strings"
	"testing"
)

// TestUnwantedBytes: a connection throws away as many bytes as are unwanted, which
// it counts, and reads those behind them.
func TestUnwantedBytes(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := connections{l}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	const unwanted = 300_000
	go func() {
		_, _ = io.WriteString(client, strings.Repeat("x", unwanted)+"wanted") // a fault is one of the reader's too
		_ = client.Close()                                                    // likewise
	}()
	c := accepted.(*connection)
	c.unwanted = unwanted
	p := make([]byte, 64<<10)
	for left := int64(unwanted); left > 0; {
		n, err := c.Read(p)
		if left -= int64(n); err != nil || n == 0 || left != c.unwanted {
			t.Fatalf("%d bytes, %v; %d are left, it says %d", n, err, left, c.unwanted)
		}
	}
	if rest, err := io.ReadAll(c); err != nil || string(rest) != "wanted" {
		t.Errorf("behind them: %q, %v", rest, err)
	}
	c.unwanted = 1
	if n, err := c.Read(p); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
}
