package app

import (
	"bufio"
	"io"
	"testing"
)

// TestBinaryIsToldWithoutWaiting: what a pipe has brought is looked at, and not
// waited for more.
func TestBinaryIsToldWithoutWaiting(t *testing.T) {
	for text, refused := range map[string]bool{"{\"event_type\":\"x\"}\n": false, "PAR1 and more": true, "a\x00b": true} {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, text) }() // and it stays open
		in := bufio.NewReader(r)
		if err := refuseBinary(in, "-"); (err != nil) != refused {
			t.Errorf("%q: %v, want refused %v", text, err, refused)
		}
		if head, err := in.Peek(len(text)); string(head) != text {
			t.Errorf("%q: consumed, %q %v is left", text, head, err)
		}
		r.Close()
	}
}
