package exec

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// TestOnlyWhatIsNeededIsRead counts the segments that queries read of ten, of
// which a query without condition reads none to count.
func TestOnlyWhatIsNeededIsRead(t *testing.T) {
	t.Parallel()
	events := thousand(1000)
	for i := range events {
		events[i].StreamID = "stream-" + strconv.Itoa(i/100)
	}
	s := snapshotOf(events, layout{rows: 100})
	for i := range s.Blocks {
		s.Blocks[i].Segment = "segment-" + strconv.Itoa(i)
	}
	s.DecodeID = func(id string) (position, recordedAt int64, ok bool) {
		n, err := strconv.ParseInt(strings.TrimPrefix(id, "e"), 10, 64)
		if err != nil || n >= 1000 {
			return 0, 0, false
		}
		return n + 1, events[n].RecordedAt.UnixMilli(), true
	}
	for _, c := range []struct {
		text    string
		scanned int
		total   int64
	}{
		{`"limit":0`, 0, 1000},
		{`"reduce":{"type":"count"}`, 0, 1000},
		{`"where":[{"field":"timestamp","operator":"gte","value":"2025-03-30T12:45:00Z"}],"limit":0`, 0, 100},
		{`"where":[{"field":"timestamp","operator":"gte","value":"2025-03-30T12:45:50Z"}],"limit":0`, 1, 50},
		{`"where":[{"field":"position","operator":"between","value":[150,350]}],"limit":0`, 2, 201},
		{`"where":[{"field":"recorded_at","operator":"lt","value":"2025-03-30T12:30:00Z"}],"limit":0`, 0, 0},
		{`"where":[{"field":"stream_id","operator":"eq","value":"stream-3"}],"limit":0`, 1, 100},
		{`"where":[{"not":{"field":"stream_id","operator":"neq","value":"stream-3"}}],"limit":0`, 1, 100},
		{`"where":[{"field":"payload.text","operator":"in","value":["value 5","value 205","nothing"]}],"limit":0`, 2, 2},
		{`"where":[{"or":[{"field":"stream_id","operator":"eq","value":"stream-1"},{"field":"position","operator":"gt","value":1000}]}],"limit":0`, 1, 100},
		{`"where":[{"field":"id","operator":"eq","value":"e777"}]`, 1, 1},
		{`"where":[{"field":"instance_id","operator":"eq","value":"another"}]`, 0, 0},
		{`"where":[{"field":"severity","operator":"gte","value":"debug"}],"limit":0`, 0, 1000},
	} {
		r, err := Run(context.Background(), parse(t, c.text), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Stats.SegmentsScanned != c.scanned || r.Stats.SegmentsSkipped != 10-c.scanned || *r.Total != c.total {
			t.Errorf("%s: scanned %d, skipped %d, total %d; want %d, %d, %d", c.text, r.Stats.SegmentsScanned, r.Stats.SegmentsSkipped, *r.Total, c.scanned, 10-c.scanned, c.total)
		}
		if rows := int64(c.scanned) * 100; r.Stats.RowsScanned != rows {
			t.Errorf("%s: %d rows scanned, want %d", c.text, r.Stats.RowsScanned, rows)
		}
	}
}

// TestPagesStopEarly: without the total a page reads no block beyond those it
// needs and the few that are looked at ahead.
func TestPagesStopEarly(t *testing.T) {
	t.Parallel()
	events := thousand(10_000)
	s := snapshotOf(events, layout{rows: 100})
	for i := range s.Blocks {
		s.Blocks[i].Segment = "segment-" + strconv.Itoa(i)
	}
	for text, first := range map[string]int64{
		`"total":false,"limit":50`: 1,
		`"total":false,"limit":50,"orderBy":{"field":"position","direction":"desc"}`:      10_000,
		`"total":false,"limit":50,"orderBy":{"field":"timestamp","direction":"desc"}`:     10_000,
		`"total":false,"limit":50,"orderBy":{"field":"created_at","direction":"asc"}`:     1,
		`"total":false,"limit":50,"where":[{"field":"actor","operator":"neq","value":1}]`: 1,
	} {
		r, err := Run(context.Background(), parse(t, text), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Events) != 50 || r.Events[0].Position != first || r.Total != nil || r.NextCursor == "" {
			t.Errorf("%s: %d events from %d, total %v", text, len(r.Events), r.Events[0].Position, r.Total)
		}
		if r.Stats.SegmentsScanned > 20 {
			t.Errorf("%s: %d of 100 segments scanned", text, r.Stats.SegmentsScanned)
		}
	}
}

// TestMadeIDs: an id that the log made is found by its position, and only where
// the time in it is right.
func TestMadeIDs(t *testing.T) {
	t.Parallel()
	events := thousand(50)
	s := snapshotOf(events, layout{rows: 20, shredded: true, stored: func(id string) bool { return id == "e7" }})
	s.DecodeID = func(id string) (int64, int64, bool) {
		n, err := strconv.ParseInt(strings.TrimLeft(id, "ex"), 10, 64)
		if err != nil || n >= 50 {
			return 0, 0, false
		}
		recorded := events[n].RecordedAt.UnixMilli()
		if id[0] == 'x' {
			recorded++ // forged: another time
		}
		return n + 1, recorded, true
	}
	for id, want := range map[string]int{"e7": 1, "e30": 1, "x30": 0, "e99": 0, "": 0} {
		where := query.Is(query.Field{Root: query.ID}, query.In, query.StringValue(id))
		found := 0
		err := Scan(context.Background(), where, s, 0, nil, func(some []event.Event) error {
			found += len(some)
			return nil
		})
		if err != nil || found != want {
			t.Errorf("id %q: %d events, %v; want %d", id, found, err, want)
		}
	}
}
