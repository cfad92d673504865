package server

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// packed compresses a text and then many times another.
func packed(t *testing.T, encoding, first, then string, times int) string {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if encoding == "zstd" {
		z, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	_, err := io.WriteString(w, first)
	for range times {
		if err == nil {
			_, err = io.WriteString(w, then)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestStreamedBombs: what costs the sender nothing is refused before it has cost
// the server much: behind 10,000 blank lines, or 64 MiB.
func TestStreamedBombs(t *testing.T) {
	r := start(t, Options{})
	r.instance("shop")
	const event = `{"event_type":"a"}` + "\n"
	mib := 1 << 20
	for _, encoding := range []string{"gzip", "zstd"} {
		for _, x := range []struct {
			name, first, then string
			times, status     int
			says              string
		}{
			{"blank lines", "", strings.Repeat("\n", mib), 64, 400, "has 10000 blank lines"},
			{"lines of blanks", "", strings.Repeat(" ", mib-1) + "\n", 64, 400, "has 8 blank lines (8388608 bytes) and no event, from line 1"},
			{"blank lines behind an event", event, strings.Repeat("\n", mib), 64, 200, `"first_line_not_stored":10001`},
			{"padded events", "", strings.TrimSuffix(event, "\n") + strings.Repeat(" ", 4*mib) + "\n", 64, 200, "compressed more than 256 to 1"},
		} {
			answer := r.ask("POST", "/v1/instances/shop/events", packed(t, encoding, x.first, x.then, x.times), "Content-Type", ndjsonMedia, "Content-Encoding", encoding)
			if answer.status != x.status || !strings.Contains(string(answer.body), x.says) {
				t.Errorf("%s of %s: %s", encoding, x.name, answer)
			}
		}
		// What merely compresses well, with blank lines between, is welcome.
		good := packed(t, encoding, "", strings.Repeat(event+"\n\n", 100), 40)
		if got := r.must(200, "POST", "/v1/instances/shop/events", good, "Content-Type", ndjsonMedia, "Content-Encoding", encoding); bytes.Contains(got.body, []byte("error")) {
			t.Errorf("%s: %s", encoding, got)
		}
	}
}
