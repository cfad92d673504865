package segment

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
)

// checkWritten writes rows and compares all events with what comes back.
func checkWritten(t *testing.T, rows []column.Row) *Segment {
	t.Helper()
	data, _ := write(t, rows)
	s := open(t, data, NewCache(64<<20))
	all := withIDs(byStream(rows))
	i := 0
	for r, err := range column.Rows(s.Groups()[0].Block(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(r.Payload), string(all[i].Payload); got != want {
			t.Fatalf("row %d: payload %.200s, want %.200s", i, got, want)
		}
		i++
	}
	if i != len(rows) {
		t.Fatalf("%d rows, want %d", i, len(rows))
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

func rowsWith(n int, payload func(i int) string) []column.Row {
	rows := columntest.NewSampler(1).Rows(n)
	for i := range rows {
		rows[i].Payload = []byte(payload(i))
	}
	return rows
}

func TestManyKeys(t *testing.T) {
	t.Parallel()
	rows := rowsWith(200, func(i int) string {
		var b strings.Builder
		b.WriteByte('{')
		for k := range 500 {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"key %d of %d":"value %d"`, k, i%7, i*k)
		}
		return b.String() + "}"
	})
	s := checkWritten(t, rows)
	if len(s.paths) > 520 {
		t.Fatalf("%d path columns", len(s.paths))
	}
}

func TestManyShapes(t *testing.T) {
	t.Parallel()
	checkWritten(t, rowsWith(20_000, func(i int) string {
		return fmt.Sprintf(`{"common":%d,"only_%d":{"deep":"x%d"},"n":null}`, i, i%10_000, i)
	}))
}

func TestHugeAndDeepPayloads(t *testing.T) {
	t.Parallel()
	checkWritten(t, rowsWith(40, func(i int) string {
		switch i % 4 {
		case 0:
			return `{"text":"` + strings.Repeat(fmt.Sprint(i), 1<<19) + `"}`
		case 1:
			return strings.Repeat(`{"a":`, 127) + fmt.Sprint(i) + strings.Repeat("}", 127)
		case 2:
			return `{"list":[` + strings.Repeat(`{"x":1},`, 1<<16) + `0]}`
		}
		var b strings.Builder
		for k := range 20_000 {
			fmt.Fprintf(&b, `"k%d":%d,`, k, k)
		}
		return "{" + b.String() + `"end":true}`
	}))
}

// More rows than a block takes become several row groups, the second one with
// the columns of the first.
// More columns and shapes than a file has: what is left goes to rest.
func TestRareShapesAndPaths(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 400)
	s := checkWritten(t, rowsWith(1990, func(i int) string {
		if i%3 == 0 {
			return fmt.Sprintf(`{"n":%d,"text":"%d","list":[%d]}`, i, i, i)
		}
		return fmt.Sprintf(`{"n":%d,"%s%d":"value %d","list":[%d],"%s-%d":1.5}`, i, long, i, i, i, long, i)
	}))
	if whole := s.doc.Groups[0].Payload.Whole; whole == 0 || whole > 1300 {
		t.Errorf("%d rows are in rest whole", whole)
	}
	if n := len(s.doc.Columns); n != 512 {
		t.Errorf("%d columns of paths", n)
	}
}

func TestSeveralRowGroups(t *testing.T) {
	t.Parallel()
	const extra = 1000
	var out bytes.Buffer
	f := newFileWriter(&out, testInstance, true)
	for i := range int64(column.MaxRows + extra) {
		r := column.Row{Position: i + 1, SequenceNumber: i + 1, StreamID: "s", EventType: "t", Severity: 2, Payload: []byte(`{"n":1}`)}
		if i > column.MaxRows {
			r.Payload = []byte(`{"n":1,"new":"here"}`)
		}
		if err := f.append(&r); err != nil {
			t.Fatal(err)
		}
	}
	info, err := f.close()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, out.Bytes(), nil)
	groups := s.Groups()
	if len(groups) != 2 || groups[1].FirstPosition != column.MaxRows+1 || groups[1].LastPosition != info.LastPosition {
		t.Fatalf("row groups %+v", groups)
	}
	events, err := groups[1].Block().Events(nil, []int32{extra - 1, 0, 1}, column.Need{Payload: true})
	if err != nil {
		t.Fatal(err)
	}
	if p := string(events[0].Payload); p != `{"n":1,"new":"here"}` || events[0].Position != info.LastPosition || events[1].Position != column.MaxRows+1 {
		t.Fatalf("events %+v", events)
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
}
