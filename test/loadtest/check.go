package loadtest

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

// Check reads everything that the server has and holds it against the ledger,
// while no client runs: every acknowledged event is there once, as it was sent;
// numbers have no gap; a batch is there whole or not at all; what was purged is
// gone; nothing else is there. What it sees must be there the next time too, and
// what it does not see must not come back.
func (l *Ledger) Check(ctx context.Context, url string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	made := map[string]bool{}
	for _, b := range l.batches {
		if b.receipts != nil {
			made[b.instance] = true // by that append, or before
		}
	}
	names := []string{purgedInstance}
	for i := range Instances {
		names = append(names, fmt.Sprintf("app-%d", i))
	}
	found := map[string][]stored{} // by batch
	for _, name := range names {
		events, err := export(ctx, url, name)
		if err != nil {
			return err
		}
		if events == nil && made[name] {
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
			return fmt.Errorf("%s: %w", b, err)
		}
	}
	return l.checkReuse()
}

// checkNumbers: positions and times grow; a stream counts from 1, or from any
// number where it is purged; ids are unique.
func checkNumbers(instance string, events []stored) error {
	sequences := map[string]int64{}
	ids := map[string]bool{}
	var before stored
	for _, e := range events {
		last, follows := sequences[e.Stream]
		if instance == purgedInstance && !follows {
			last = e.Sequence - 1
		}
		sequences[e.Stream] = last + 1
		switch {
		case e.Position <= before.Position:
			return fmt.Errorf("instance %s: position %d comes after %d", instance, e.Position, before.Position)
		case e.Recorded < before.Recorded:
			return fmt.Errorf("instance %s: position %d was recorded at %s, the one before it at %s", instance, e.Position, e.Recorded, before.Recorded)
		case e.Sequence != last+1:
			return fmt.Errorf("instance %s, stream %s: number %d at position %d, want %d", instance, e.Stream, e.Sequence, e.Position, last+1)
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
	if len(got) == 0 {
		return b.absent()
	}
	switch {
	case b.purge == purged:
		return fmt.Errorf("%d events are there after their purge", len(got))
	case b.receipts == nil && !b.unknown:
		return fmt.Errorf("it is there, and nobody was told so")
	case len(got) != len(b.events):
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
	if b.receipts == nil { // it was seen, and stays
		for _, e := range got {
			b.receipts = append(b.receipts, receipt{ID: e.ID, Stream: e.Stream, Sequence: e.Sequence, Position: e.Position})
		}
	}
	return nil
}

// absent judges a batch of which nothing is there.
func (b *batch) absent() error {
	if b.receipts != nil && b.purge == kept {
		return fmt.Errorf("0 of its %d events are there", len(b.events))
	}
	if b.purge == asked {
		b.purge = purged // and it stays so
	}
	if !b.ownIDs {
		b.unknown = false // what is not there now must not come back
	}
	return nil
}

// checkReuse: no number that was ever told is told of another event, though the
// first be purged.
func (l *Ledger) checkReuse() error {
	type number struct {
		instance, stream string
		n                int64
	}
	holder := map[number]string{}
	for _, b := range l.batches {
		for i, r := range b.receipts {
			name := fmt.Sprintf("event %d of batch %s", i, b.name)
			for _, n := range []number{{b.instance, r.Stream, r.Sequence}, {b.instance, "", r.Position}} {
				if other, taken := holder[n]; taken {
					return fmt.Errorf("number %+v was given to %s and to %s", n, other, name)
				}
				holder[n] = name
			}
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
	hc, end := newClient()
	defer end()
	resp, err := hc.Do(req)
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
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 8<<20)
	for in.Scan() {
		var e stored
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("export of %s: line %q: %w", instance, in.Bytes(), err)
		}
		events = append(events, e)
	}
	return events, in.Err()
}
