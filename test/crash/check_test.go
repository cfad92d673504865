package crash

import (
	"bufio"
	"context"
	"encoding/json/v2"
	"fmt"
	"net/http"
)

// stored is an event as the server exports it.
type stored struct {
	ID       string  `json:"id"`
	Stream   string  `json:"stream_id"`
	Sequence int64   `json:"sequence_number"`
	Position int64   `json:"position"`
	Type     string  `json:"event_type"`
	Recorded string  `json:"recorded_at"`
	Payload  payload `json:"payload"`
}

// check reads everything that the server has and holds it against the ledger.
func (l *ledger) check(ctx context.Context, url string) error {
	instances := map[string]bool{}
	for _, b := range l.batches {
		if b.receipts != nil {
			instances[b.instance] = true // it was made by that append, or before
		}
	}
	found := map[string][]stored{} // by batch
	for i := range 3 {
		name := fmt.Sprintf("app-%d", i)
		events, err := export(ctx, url, name)
		if err != nil {
			return err
		}
		if events == nil && instances[name] {
			return fmt.Errorf("instance %s is gone", name)
		}
		if err := checkNumbers(name, events); err != nil {
			return err
		}
		for _, e := range events {
			b := l.batches[e.Payload.Batch]
			if b == nil || b.instance != name {
				return fmt.Errorf("instance %s has an event nobody sent there: %+v", name, e)
			}
			found[b.name] = append(found[b.name], e)
		}
	}
	for _, b := range l.batches {
		if err := b.check(found[b.name]); err != nil {
			return fmt.Errorf("batch %s (own ids: %v, sent %d times, acknowledged: %v): %w",
				b.name, b.ownIDs, b.sends, b.receipts != nil, err)
		}
	}
	return nil
}

// checkNumbers: positions and times grow, each stream counts from 1, ids are
// unique.
func checkNumbers(instance string, events []stored) error {
	sequences := map[string]int64{}
	ids := map[string]bool{}
	var before stored
	for _, e := range events {
		sequences[e.Stream]++
		switch {
		case e.Position <= before.Position:
			return fmt.Errorf("instance %s: position %d comes after %d", instance, e.Position, before.Position)
		case e.Recorded < before.Recorded:
			return fmt.Errorf("instance %s: position %d was recorded at %s, the one before it at %s", instance, e.Position, e.Recorded, before.Recorded)
		case e.Sequence != sequences[e.Stream]:
			return fmt.Errorf("instance %s, stream %s: number %d at position %d, want %d", instance, e.Stream, e.Sequence, e.Position, sequences[e.Stream])
		case ids[e.ID]:
			return fmt.Errorf("instance %s: id %s is there twice", instance, e.ID)
		}
		ids[e.ID] = true
		before = e
	}
	return nil
}

// check holds what is there of a batch against what was sent and acknowledged.
func (b *batch) check(got []stored) error {
	if len(got) == 0 && b.receipts == nil {
		return nil
	}
	if len(got) != len(b.events) {
		return fmt.Errorf("%d of its %d events are there", len(got), len(b.events))
	}
	for i, e := range got {
		want := b.events[i]
		if e.Payload != want.Payload || e.Stream != want.Stream || e.Type != want.Type || want.ID != "" && e.ID != want.ID {
			return fmt.Errorf("event %d is %+v, was sent as %+v", i, e, want)
		}
		if e.Position != got[0].Position+int64(i) {
			return fmt.Errorf("event %d is at position %d, the first at %d", i, e.Position, got[0].Position)
		}
		if b.receipts == nil {
			continue
		}
		if r := b.receipts[i]; r.ID != e.ID || r.Stream != e.Stream || r.Sequence != e.Sequence || r.Position != e.Position {
			return fmt.Errorf("event %d is %+v, was acknowledged as %+v", i, e, r)
		}
	}
	return nil
}

// export reads an instance, nil if there is none.
func export(ctx context.Context, url, instance string) ([]stored, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/instances/"+instance+"/export?format=ndjson", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("export of %s: the server answered %s", instance, resp.Status)
	}
	events := []stored{}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var e stored
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("export of %s: line %q: %w", instance, lines.Bytes(), err)
		}
		events = append(events, e)
	}
	return events, lines.Err()
}
