package loadtest

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// sent is one event as a client sends it.
type sent struct {
	ID      string  `json:"id,omitzero"`
	Stream  string  `json:"stream_id"`
	Type    string  `json:"event_type"`
	Payload payload `json:"payload"`
}

// payload says which batch an event is of, and its place in it.
type payload struct {
	Batch string `json:"batch"`
	Index int    `json:"index"`
	Text  string `json:"text"`
}

// receipt is what the server acknowledges an event with.
type receipt struct {
	ID       string `json:"id"`
	Stream   string `json:"stream_id"`
	Sequence int64  `json:"sequence_number"`
	Position int64  `json:"position"`
	// A retry of a batch whose answer was lost is told so.
	Duplicate bool   `json:"duplicate"`
	Timestamp string `json:"timestamp"`
}

// batch is what a client sent at once, and what is known of it.
type batch struct {
	name     string
	instance string
	events   []sent
	ownIDs   bool
	sends    int
	// unknown says that an answer was lost: it may be stored.
	unknown bool
	// receipts are the acknowledgement; after a check also what the check has
	// found of an unknown batch, for that must stay. nil = neither.
	receipts []receipt
	retried  bool // acknowledged at another try than the first
	purge    purgeState
}

// purgeState says whether a batch was to be purged.
type purgeState int

const (
	kept   purgeState = iota
	asked             // the answer was lost: it may be there or not
	purged            // it must not be there
)

func (b *batch) String() string {
	return fmt.Sprintf("batch %s (instance %s, own ids: %v, sent %d times, an answer lost: %v, acknowledged: %v)",
		b.name, b.instance, b.ownIDs, b.sends, b.unknown, b.receipts != nil)
}

// Instances are those that clients append to.
const Instances = 3

func newBatch(rng *rand.Rand, name string) *batch {
	b := &batch{name: name, instance: fmt.Sprintf("app-%d", rng.IntN(Instances)), ownIDs: rng.IntN(2) == 0}
	size := 1
	if rng.IntN(3) > 0 {
		size += rng.IntN(20)
	}
	for range size {
		b.add(rng, fmt.Sprintf("stream-%d", rng.IntN(6)))
	}
	return b
}

// add adds an event to the batch.
func (b *batch) add(rng *rand.Rand, stream string) {
	i := len(b.events)
	e := sent{
		Stream:  stream,
		Type:    fmt.Sprintf("kind.%d", rng.IntN(4)),
		Payload: payload{Batch: b.name, Index: i, Text: strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(300))},
	}
	if b.ownIDs {
		e.ID = fmt.Sprintf("%s.%d", b.name, i)
	}
	b.events = append(b.events, e)
}

// Refusal is an answer other than success.
type Refusal struct {
	Status     int
	Type       string // urn:firn:…
	RetryAfter time.Duration
}

func (r *Refusal) Error() string { return fmt.Sprintf("the server answered %d %s", r.Status, r.Type) }

// send sends a batch once. The error is a *Refusal, or nobody knows whether the
// batch is stored.
func send(ctx context.Context, hc *http.Client, url string, b *batch) ([]receipt, error) {
	body, err := json.Marshal(b.events)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		url+"/v1/instances/"+b.instance+"/events?auto_create=true", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	var parsed struct {
		Events []receipt `json:"events"`
	}
	if err := do(hc, req, http.StatusCreated, &parsed); err != nil {
		return nil, err
	}
	return parsed.Events, nil
}

// do sends a request and reads the answer that has this status.
func do(hc *http.Client, req *http.Request, status int, answer any) error {
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode == status {
		if err := json.Unmarshal(text, answer); err != nil {
			return fmt.Errorf("answer %q: %w", text, err)
		}
		return nil
	}
	refusal := &Refusal{Status: resp.StatusCode}
	var problem struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(text, &problem) == nil {
		refusal.Type = problem.Type
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		refusal.RetryAfter = time.Duration(seconds) * time.Second
	}
	return refusal
}
