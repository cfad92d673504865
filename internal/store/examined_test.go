package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/query"
)

// examined is a damaged log.
type examined struct {
	d       *damageable
	all     damages
	fs      *vfstest.FS
	before  map[string][]byte
	mu      sync.Mutex
	reports []string
	added   map[string]map[int64]event.Event // by instance, after the damage
}

func (x *examined) report(r Report) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reports = append(x.reports, r.Message)
}

// open opens the log, asks for everything, appends, and closes it.
func (x *examined) open(what string) (err error) {
	l, err := Open("/data", Options{FS: x.fs, Quiet: true, SealRows: 60, Report: x.report})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx := context.Background()
	first := what == "opened"
	// What the manifest does not know to be carried out is, before anything else in
	// the background.
	if err := l.carryOutAll(ctx); err != nil {
		return err
	}
	verified := 0
	verifyFirst := x.all[0].bits > 8
	if verifyFirst {
		r, err := l.Verify(ctx, nil)
		if err != nil {
			return err
		}
		verified = len(r.Problems)
	}
	for i := range x.d.instances {
		if err := x.instance(ctx, l, &x.d.instances[i], first); err != nil {
			return fmt.Errorf("instance %q: %w", x.d.instances[i].name, err)
		}
	}
	if !verifyFirst {
		r, err := l.Verify(ctx, nil)
		if err != nil {
			return err
		}
		verified = len(r.Problems)
	}
	if first && x.mustBeFound() && verified+len(x.reports) == 0 {
		return errors.New("nothing was found, by opening nor by verify")
	}
	if !first {
		return nil
	}
	if err := kept(x.d.files, x.before, x.fs); err != nil {
		return err
	}
	return l.round(ctx) // it replaces files
}

// mustBeFound says whether the damage is in the bytes of events.
func (x *examined) mustBeFound() bool {
	return slices.ContainsFunc(x.all, func(c damageCase) bool {
		switch c.where() {
		case "segment":
			return c.kind != "exchange" || c.file != c.other
		case "wal":
			return c.kind == "flip" && !slices.ContainsFunc(x.all, func(o damageCase) bool {
				return o.file == c.file && o.kind != "flip" // which may have taken away what was flipped
			})
		}
		return false
	})
}

// torn says whether the end of the write-ahead log was cut as torn, or is
// missing: nobody can know then what was there. Nor where the manifest, which
// knows what was freed or removed of a write-ahead log, is damaged with it.
func (x *examined) torn() bool {
	if x.all.of("wal") && x.all.of("manifest") {
		return true
	}
	newest := x.d.files[len(x.d.files)-1]
	return slices.ContainsFunc(x.all, func(c damageCase) bool {
		if x.d.closed || c.where() != "wal" || c.kind == "flip" {
			return false
		}
		return c.file == newest || c.other == newest && c.kind == "exchange"
	})
}

func (x *examined) instance(ctx context.Context, l *Log, in *knownInstance, first bool) error {
	info, err := l.Instance(in.id)
	if err != nil {
		if slices.ContainsFunc(x.reports, func(r string) bool { return strings.Contains(r, in.id) }) {
			return nil // its making is lost, and that was told
		}
		return err
	}
	_ = info
	q := &query.Query{Instance: in.id, Limit: query.MaxLimit}
	r, err := l.Query(ctx, q)
	if err != nil {
		return err
	}
	served, err := x.served(in, r.Events, r.Lost, first)
	if err != nil {
		return err
	}
	if err := x.got(ctx, l, in, served); err != nil {
		return err
	}
	if in.name == SystemInstance {
		return nil
	}
	return x.again(ctx, l, in, served, len(served) == len(in.events))
}

// served holds what was served against what there was.
func (x *examined) served(in *knownInstance, events []event.Event, lost []Gap, first bool) (map[int64]event.Event, error) {
	served := map[int64]event.Event{}
	numbers := map[string]map[int64]bool{}
	for _, e := range events {
		if numbers[e.StreamID] == nil {
			numbers[e.StreamID] = map[int64]bool{}
		}
		if numbers[e.StreamID][e.SequenceNumber] {
			return nil, fmt.Errorf("number %d of stream %q is there twice", e.SequenceNumber, e.StreamID)
		}
		numbers[e.StreamID][e.SequenceNumber] = true
		if e.Position > in.last || x.added[in.name] != nil && x.added[in.name][e.Position].ID != "" {
			if first && in.name != SystemInstance {
				return nil, fmt.Errorf("position %d was never there", e.Position)
			}
			continue
		}
		served[e.Position] = e
	}
	for _, e := range in.events {
		now, ok := served[e.Position]
		if !ok {
			at := func(g Gap) bool { return g.First <= e.Position && e.Position <= g.Last }
			if !slices.ContainsFunc(lost, at) && !x.torn() {
				return nil, fmt.Errorf("position %d is missing and not told as lost: %v", e.Position, lost)
			}
			continue
		}
		if reflect.DeepEqual(e, now) {
			continue // faster than telling the difference
		}
		if d := cmp.Diff(e, now); d != "" {
			return nil, fmt.Errorf("position %d is another event (-was +is):\n%s", e.Position, d)
		}
	}
	if len(served) > len(in.events) && !x.torn() {
		return nil, fmt.Errorf("%d events, there were %d: what was removed is back", len(served), len(in.events))
	}
	return served, nil
}

// got gets some events by their ids.
func (x *examined) got(ctx context.Context, l *Log, in *knownInstance, served map[int64]event.Event) error {
	for i := 0; i < len(in.events); i += 17 {
		want := in.events[i]
		e, err := l.Get(ctx, in.id, want.ID)
		_, there := served[want.Position]
		if there && (err != nil || e.Position != want.Position) {
			return fmt.Errorf("Get %q of position %d: %d, %v", want.ID, want.Position, e.Position, err)
		}
		if _, again := x.added[in.name][e.Position]; !there && !again && err == nil && e.Position <= in.last {
			return fmt.Errorf("Get %q has position %d, which no query has", want.ID, e.Position)
		}
	}
	return nil
}

// again appends what there was once more: what is served is a duplicate, the
// rest is stored, and no number is given twice.
func (x *examined) again(ctx context.Context, l *Log, in *knownInstance, served map[int64]event.Event, whole bool) error {
	if x.added == nil {
		x.added = map[string]map[int64]event.Event{}
	}
	added := x.added[in.name]
	if added == nil {
		added = map[int64]event.Event{}
		x.added[in.name] = added
	}
	numbers := map[string]int64{}
	for _, e := range served {
		numbers[e.StreamID] = max(numbers[e.StreamID], e.SequenceNumber)
	}
	store := func(d event.Draft) (Receipt, error) {
		r, err := l.Append(ctx, AppendRequest{Instance: in.id, Events: []event.Draft{d}})
		if err != nil {
			return Receipt{}, err
		}
		if r[0].Duplicate {
			return r[0], nil
		}
		added[r[0].Position] = event.Event{ID: r[0].ID, StreamID: r[0].StreamID, SequenceNumber: r[0].SequenceNumber}
		if r[0].Position <= in.last && !x.torn() {
			return r[0], fmt.Errorf("position %d is given again", r[0].Position)
		}
		if r[0].SequenceNumber <= numbers[r[0].StreamID] {
			return r[0], fmt.Errorf("number %d of stream %q is given again", r[0].SequenceNumber, r[0].StreamID)
		}
		return r[0], nil
	}
	n := 0
	for position, draft := range in.drafts {
		if n++; n%9 != 0 {
			continue
		}
		r, err := store(draft)
		if err != nil {
			return fmt.Errorf("append %q again: %w", draft.ID, err)
		}
		if _, there := served[position]; there && (!r.Duplicate || r.Position != position) {
			return fmt.Errorf("%q of position %d is stored again: %+v", draft.ID, position, r)
		}
	}
	for _, stream := range []string{"s1", "gone", "gone too"} {
		last, known := in.streams[stream]
		if !known {
			continue
		}
		for _, e := range added {
			if e.StreamID == stream {
				last = max(last, e.SequenceNumber)
			}
		}
		fresh := sample(0)
		fresh.StreamID = stream
		r, err := store(fresh)
		if err != nil {
			return err
		}
		if r.SequenceNumber <= last && x.numbersAreKnown() || whole && r.SequenceNumber != last+1 {
			return fmt.Errorf("the next number of stream %q is %d after %d", stream, r.SequenceNumber, last)
		}
	}
	return nil
}

// numbersAreKnown says whether last numbers cannot have been lost: they are in
// two places, but for those that the write-ahead log alone has.
func (x *examined) numbersAreKnown() bool {
	return !x.all.of("wal") && len(x.all) == 1
}
