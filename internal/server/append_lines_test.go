package server

import (
	"bufio"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// chunkLine is a line of the answer to a streamed append.
type chunkLine struct {
	Count      int64    `json:"count"`
	First      int64    `json:"first_position"`
	Last       int64    `json:"last_position"`
	Duplicates int64    `json:"duplicates"`
	Error      *problem `json:"error"`
	NotStored  int64    `json:"first_line_not_stored"`
}

// streamed is a streamed append of a test: lines go in while answers come out.
type streamed struct {
	t       *testing.T
	in      *io.PipeWriter
	out     *bufio.Scanner
	answer  *http.Response
	started chan error
}

func (r *running) stream(path string) *streamed {
	r.t.Helper()
	body, in := io.Pipe()
	request, err := http.NewRequestWithContext(r.t.Context(), "POST", r.url+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Content-Type", ndjsonMedia)
	s := &streamed{t: r.t, in: in, started: make(chan error, 1)}
	go func() {
		var err error
		s.answer, err = r.http.Do(request) //nolint:bodyclose // closed by the clean-up below
		s.started <- err
	}()
	r.t.Cleanup(func() {
		_ = in.Close()
		if s.out != nil {
			_ = s.answer.Body.Close()
		}
	})
	return s
}

func (s *streamed) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, text); err != nil {
		s.t.Fatal(err)
	}
}

// next waits for the next line of the answer.
func (s *streamed) next() (line chunkLine, ok bool) {
	s.t.Helper()
	if s.out == nil {
		if err := <-s.started; err != nil {
			s.t.Fatal(err)
		}
		if s.answer.StatusCode != 200 {
			text, _ := io.ReadAll(s.answer.Body)
			s.t.Fatalf("%d %s", s.answer.StatusCode, text)
		}
		s.out = bufio.NewScanner(s.answer.Body)
	}
	if !s.out.Scan() {
		if err := s.out.Err(); err != nil {
			s.t.Fatalf("the answer was cut off: %v", err)
		}
		return line, false
	}
	if err := json.Unmarshal(s.out.Bytes(), &line); err != nil {
		s.t.Fatalf("%s: %v", s.out.Bytes(), err)
	}
	return line, true
}

// TestLinesAreAnsweredWhileTheBodyIsOpen sends one line and waits for its
// answer before the next: without duplex it would hang.
func TestLinesAreAnsweredWhileTheBodyIsOpen(t *testing.T) {
	r := start(t, Options{timing: timing{chunk: time.Millisecond}})
	s := r.stream("/v1/instances/live/events?auto_create=true&stream=s&expected_sequence=0")
	for i := int64(1); i <= 20; i++ {
		s.send(fmt.Sprintf(`{"event_type":"a","payload":{"i":%d}}`+"\n", i))
		line, ok := s.next()
		if !ok || line.Error != nil || line.Count != 1 || line.First != i || line.Last != i {
			t.Fatalf("line %d is answered by %+v", i, line)
		}
	}
	if err := s.in.Close(); err != nil {
		t.Fatal(err)
	}
	if line, ok := s.next(); ok {
		t.Errorf("after the end: %+v", line)
	}
}

func TestChunksCloseByLinesAndBytes(t *testing.T) {
	r := start(t, Options{timing: timing{chunk: time.Hour}})
	small := strings.Repeat(`{"event_type":"a"}`+"\n", 2*chunkLines+500)
	answer := r.must(200, "POST", "/v1/instances/c/events?auto_create=true", small, "Content-Type", ndjsonMedia)
	if got := counts(t, answer); fmt.Sprint(got) != fmt.Sprint([]int64{chunkLines, chunkLines, 500}) {
		t.Errorf("chunks of %v events", got)
	}
	large := strings.Repeat(`{"event_type":"a","payload":{"x":"`+strings.Repeat("x", 1<<20)+`"}}`+"\n", 20)
	answer = r.must(200, "POST", "/v1/instances/c/events", large, "Content-Type", ndjsonMedia)
	if got := counts(t, answer); fmt.Sprint(got) != "[8 8 4]" {
		t.Errorf("chunks of %v events of 1 MiB", got)
	}
}

func counts(t *testing.T, answer reply) []int64 {
	t.Helper()
	var all []int64
	for text := range strings.Lines(string(answer.body)) {
		var line chunkLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line.Count)
	}
	return all
}

// TestFaultAfterTheFirstChunk stores the chunks before the fault, nothing of
// its chunk, nothing after, and says so.
func TestFaultAfterTheFirstChunk(t *testing.T) {
	r := start(t, Options{timing: timing{chunk: time.Hour}})
	good := `{"event_type":"a"}` + "\n"
	body := strings.Repeat(good, chunkLines+5) + `{"event_type":"a","payload":{"x":01}}` + "\n" + strings.Repeat(good, 50_000)
	answer := r.must(200, "POST", "/v1/instances/f/events?auto_create=true", body, "Content-Type", ndjsonMedia)
	lines := strings.Split(strings.TrimSpace(string(answer.body)), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), answer)
	}
	var last chunkLine
	if err := json.Unmarshal([]byte(lines[1]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Error == nil || last.Error.Status != 400 || last.Error.Line == nil || *last.Error.Line != chunkLines+6 || last.NotStored != chunkLines+1 {
		t.Errorf("the fault is told by %s", lines[1])
	}
	if got := r.count("f"); got != chunkLines {
		t.Errorf("%d events are stored, want %d", got, chunkLines)
	}
}

func (r *running) count(instance string) int64 {
	r.t.Helper()
	q, err := query.Parse(fmt.Appendf(nil, `{"from":{"instance":%q},"limit":0}`, instance), time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	result, err := r.log.Query(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return *result.Total
}

// TestFaultEndsAnOpenUpload has a client that would never stop sending.
func TestFaultEndsAnOpenUpload(t *testing.T) {
	r := start(t, Options{timing: timing{chunk: time.Millisecond}})
	s := r.stream("/v1/instances/o/events?auto_create=true")
	s.send(`{"event_type":"a","id":"1"}` + "\n")
	if line, ok := s.next(); !ok || line.Count != 1 {
		t.Fatalf("%+v", line)
	}
	s.send(`{"event_type":"other","id":"1"}` + "\n")
	line, ok := s.next()
	if !ok || line.Error == nil || line.Error.Status != 409 || line.Error.Type != "urn:firn:id_conflict" || line.NotStored != 2 || *line.Error.Line != 2 {
		t.Fatalf("%+v %+v", line, line.Error)
	}
}

func TestEmptyUpload(t *testing.T) {
	r := start(t, Options{})
	r.must(201, "POST", "/v1/instances", `{"name":"e"}`)
	answer := r.must(200, "POST", "/v1/instances/e/events", " \n\n  \n", "Content-Type", ndjsonMedia)
	if len(answer.body) != 0 {
		t.Errorf("blank lines are answered by %s", answer)
	}
}

// TestConnectionIsFitForTheNextRequest sends requests behind streamed appends
// on one connection: what is left of a body must not be taken for a request.
func TestConnectionIsFitForTheNextRequest(t *testing.T) {
	r := start(t, Options{Limits: event.Limits{BatchEvents: 100}})
	for i := range 20 {
		body := `{"event_type":"a"}` + "\n"
		if i%2 == 1 {
			body += "{}\n" + strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 10_000)
		}
		answer, err := r.try("POST", "/v1/instances/k/events?auto_create=true", body, "Content-Type", ndjsonMedia)
		if want := []int{200, 400}[i%2]; err != nil || answer.status != want {
			t.Fatalf("request %d: %v %s", i, err, answer)
		}
	}
}

// TestChunkSurvivesScarceMemory streams far more than the budget for bodies.
func TestChunkSurvivesScarceMemory(t *testing.T) {
	r := start(t, Options{BodyMemory: 512 << 10, timing: timing{chunk: time.Hour}})
	line := `{"event_type":"a","payload":{"x":"` + strings.Repeat("x", 1000) + `"}}` + "\n"
	answer := r.must(200, "POST", "/v1/instances/m/events?auto_create=true", strings.Repeat(line, 4000), "Content-Type", ndjsonMedia)
	if strings.Contains(string(answer.body), "error") {
		t.Fatal(answer)
	}
	if got := r.count("m"); got != 4000 {
		t.Errorf("%d events are stored, want 4000", got)
	}
}
