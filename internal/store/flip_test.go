package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/query"
)

// TestDamageAnywhere damages a log in one place, so many times: a flipped bit, a
// cut, a zeroed block, an emptied, missing or exchanged file, anywhere in the
// write-ahead log, the segments, the manifest, the journals of streams and the
// runs of ids; of a log that was closed and of one whose process was killed.
// Each time it opens, serves nothing wrong and nothing twice, names what is
// missing, deletes nothing, and says so in verify.
//
// FIRN_FLIP_ROUNDS is how often; FIRN_FLIP_SEED repeats a run.
func TestDamageAnywhere(t *testing.T) {
	rounds, seed := 200, rand.Uint64() // with the race detector under a minute on two idle cores
	if text := os.Getenv("FIRN_FLIP_ROUNDS"); text != "" {
		rounds = number(t, text)
	}
	if text := os.Getenv("FIRN_FLIP_SEED"); text != "" {
		seed = uint64(number(t, text))
	}
	t.Logf("%d rounds, FIRN_FLIP_SEED=%d", rounds, seed)
	logs := []*damageable{newDamageable(t, true), newDamageable(t, false)}
	var next atomic.Int64
	var mu sync.Mutex
	kinds := map[string]int{}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for !t.Failed() {
				n := int(next.Add(1)) - 1
				if n >= rounds {
					return
				}
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				d := logs[rng.IntN(2)]
				c := d.pick(rng, n)
				mu.Lock()
				kinds[c.kind+" "+c.where()]++
				mu.Unlock()
				if err := d.round(c); err != nil {
					t.Errorf("round %d: %s of %s at %d (%s): %v", n, c.kind, c.file, c.at, c.other, err)
				}
			}
		})
	}
	workers.Wait()
	for _, kind := range slices.Sorted(keysOf(kinds)) {
		t.Logf("%-24s %d", kind, kinds[kind])
	}
	for _, where := range places {
		for _, kind := range damageKinds {
			if !t.Failed() && kinds[kind+" "+where] == 0 {
				t.Errorf("%s of %s did not come", kind, where)
			}
		}
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func keysOf(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// damageable is a log to be damaged, and what is in it.
type damageable struct {
	fs        *vfstest.FS
	closed    bool
	files     []string
	instances []knownInstance
}

// knownInstance is what an instance has.
type knownInstance struct {
	id, name string
	events   []event.Event
	drafts   map[int64]event.Draft // by position, those with an id
	last     int64
	streams  map[string]int64 // last numbers
}

// newDamageable makes a log with everything in it: segments that were merged and
// rewritten, several files of the write-ahead log, two generations of the
// manifest and of streams, runs, events that are not sealed.
func newDamageable(t *testing.T, closed bool) *damageable {
	d := &damageable{fs: vfstest.New(), closed: closed}
	ctx := context.Background()
	l, err := Open("/data", Options{FS: d.fs, Quiet: true, SealRows: 60})
	check(t, err)
	n := 0
	drafts := map[string]map[int64]event.Draft{}
	add := func(instance string, count int) {
		events := withIDs(&n, count)
		for i, r := range appendTo(t, l, instance, events...) {
			if events[i].ID != "" {
				drafts[instance][r.Position] = events[i]
			}
		}
	}
	for _, name := range []string{"app", "side", "quiet"} {
		create(t, l, name)
		drafts[name] = map[int64]event.Draft{}
	}
	for i := range 6 {
		add("app", 30)
		if i%2 == 0 {
			add("side", 20)
		}
		check(t, l.sealAll(ctx, instancesOf(t, l, "app", "side", SystemInstance)))
		check(t, l.round(ctx))
		check(t, l.rotateWAL(ctx))
	}
	_, err = l.Purge(ctx, "app", condition(t, `{"field":"position","operator":"in","value":[3,4,5,160]}`), false)
	check(t, err)
	check(t, l.manifest.journal.Rewrite(l.manifest.state.snapshot()))
	for _, in := range instancesOf(t, l, "app", "side") {
		check(t, l.rewriteStreams(in))
		check(t, l.amend(in, contentEdit{Streams: in.streamsMark()}, func(*version) {}))
	}
	for range 3 {
		add("app", 12)
		add("side", 7)
		add("quiet", 5)
		check(t, l.rotateWAL(ctx))
	}
	check(t, l.sealAll(ctx, instancesOf(t, l, "side")))
	add("app", 9)
	add("quiet", 4)
	for _, h := range l.Heads() {
		in := knownInstance{id: h.Instance.ID, name: h.Instance.Name, last: h.Last, streams: map[string]int64{}}
		in.drafts, in.events = drafts[in.name], all(t, l, in.name)
		streams, err := l.Streams(ctx, in.name, "", "", 100)
		check(t, err)
		for _, s := range streams {
			in.streams[s.Name] = s.LastSequence
		}
		d.instances = append(d.instances, in)
	}
	if closed {
		closeLog(t, l)
	} else {
		t.Cleanup(func() { closeLog(t, l) })
	}
	d.fs = d.fs.CrashClone(0, 100)
	d.files = filesIn(t, d.fs, "/data/log")
	return d
}

func instancesOf(t *testing.T, l *Log, names ...string) (out []*instance) {
	for _, name := range names {
		in, err := l.instance(name)
		check(t, err)
		out = append(out, in)
	}
	return out
}

// filesIn are the files below a directory that hold something of the log.
func filesIn(t *testing.T, fs *vfstest.FS, dir string) (files []string) {
	names, err := fs.List(dir)
	check(t, err)
	for _, name := range names {
		at := path.Join(dir, name)
		info, err := fs.Stat(at)
		check(t, err)
		switch {
		case info.Dir && name != quarantineDir:
			files = append(files, filesIn(t, fs, at)...)
		case !info.Dir && info.Size > 0:
			files = append(files, at)
		}
	}
	return files
}

// damageCase is one damage.
type damageCase struct {
	kind  string
	file  string
	at    int64
	bits  byte
	other string // that it is exchanged with
}

var (
	damageKinds = []string{"flip", "cut", "zeroes", "missing", "empty", "exchange"}
	places      = []string{"wal", "segment", "manifest", "streams", "ids"}
)

func placeOf(file string) string {
	switch base := path.Base(file); {
	case strings.HasSuffix(base, ".wal"):
		return "wal"
	case strings.HasSuffix(base, segmentSuffix):
		return "segment"
	case strings.HasSuffix(base, runSuffix):
		return "ids"
	case strings.HasPrefix(base, streamsName):
		return "streams"
	}
	return "manifest"
}

func (c *damageCase) where() string { return placeOf(c.file) }

// pick chooses a damage, the n-th: as many of each place, half of them flips.
func (d *damageable) pick(rng *rand.Rand, n int) damageCase {
	of := func(place string) (files []string) {
		for _, f := range d.files {
			if placeOf(f) == place {
				files = append(files, f)
			}
		}
		return files
	}
	files := of(places[n%len(places)])
	c := damageCase{kind: "flip", file: files[rng.IntN(len(files))], bits: 1 << rng.IntN(8)}
	if kind, others := n/len(places), damageKinds[1:]; kind%2 == 1 {
		c.kind = others[kind/2%len(others)]
	}
	info, _ := d.fs.Stat(c.file)
	c.at = rng.Int64N(info.Size)
	if c.where() == "wal" && rng.IntN(10) > 0 {
		data, _ := vfs.ReadFile(d.fs, c.file) // not the zeros behind the records
		c.at = rng.Int64N(int64(len(bytes.TrimRight(data, "\x00"))))
	}
	c.other = files[rng.IntN(len(files))]
	return c
}

// do damages a log.
func (c *damageCase) do(fs *vfstest.FS) error {
	data, err := vfs.ReadFile(fs, c.file)
	if err != nil {
		return err
	}
	switch c.kind {
	case "flip":
		fs.Flip(c.file, c.at, c.bits)
		return nil
	case "cut":
		return vfs.WriteFile(fs, c.file, data[:c.at])
	case "zeroes":
		block := c.at / 4096 * 4096
		clear(data[block:min(block+4096, int64(len(data)))])
		return vfs.WriteFile(fs, c.file, data)
	case "missing":
		return fs.Remove(c.file)
	case "empty":
		return vfs.WriteFile(fs, c.file, nil)
	}
	other, err := vfs.ReadFile(fs, c.other)
	if err != nil {
		return err
	}
	return errors.Join(vfs.WriteFile(fs, c.file, other), vfs.WriteFile(fs, c.other, data))
}

// round damages a copy of the log and looks at what becomes of it.
func (d *damageable) round(c damageCase) error {
	fs := d.fs.CrashClone(0, 100)
	if err := c.do(fs); err != nil {
		return err
	}
	x := &examined{d: d, c: c, fs: fs, before: contentsOf(d.files, fs)}
	for _, what := range []string{"opened", "opened again"} {
		if err := x.open(what); err != nil {
			return fmt.Errorf("%s: %w; reported: %q", what, err, x.reports)
		}
	}
	return nil
}

// contentsOf are the contents of files.
func contentsOf(files []string, fs *vfstest.FS) map[string][]byte {
	out := map[string][]byte{}
	for _, f := range files {
		if data, err := vfs.ReadFile(fs, f); err == nil {
			out[f] = data
		}
	}
	return out
}

// kept says whether something is gone: every file is where it was, or in the
// quarantine; the newest of a journal and of the write-ahead log may have been
// gone on in, and older generations of a journal replaced.
func kept(files []string, before map[string][]byte, fs *vfstest.FS) error {
	quarantine := map[string][]byte{}
	names, _ := fs.List("/data/log/quarantine")
	for _, name := range names {
		data, err := vfs.ReadFile(fs, path.Join("/data/log/quarantine", name))
		if err != nil {
			return err
		}
		quarantine[name] = data
	}
	for _, f := range files {
		data, ok := before[f]
		if !ok {
			continue
		}
		now, err := vfs.ReadFile(fs, f)
		if err == nil && (bytes.Equal(now, data) || placeOf(f) == "wal") {
			continue
		}
		place := placeOf(f)
		if place == "manifest" || place == "streams" {
			continue // the next generation replaces them
		}
		aside := slices.ContainsFunc(slices.Collect(valuesOf(quarantine)), func(q []byte) bool { return bytes.Equal(q, data) })
		if !aside && len(data) > 0 {
			return fmt.Errorf("%s is gone: %v; the quarantine has %q", f, err, names)
		}
	}
	return nil
}

func valuesOf(m map[string][]byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// examined is a damaged log.
type examined struct {
	d       *damageable
	c       damageCase
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
	verified := 0
	verifyFirst := x.c.bits > 8
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
	switch x.c.where() {
	case "segment":
		return x.c.kind != "exchange" || x.c.file != x.c.other
	case "wal":
		return x.c.kind == "flip"
	}
	return false
}

// torn says whether the end of the write-ahead log was cut as torn, or is
// missing: nobody can know then what was there.
func (x *examined) torn() bool {
	if x.d.closed || x.c.where() != "wal" || x.c.kind == "flip" {
		return false
	}
	newest := x.d.files[len(x.d.files)-1]
	return x.c.file == newest || x.c.other == newest && x.c.kind == "exchange"
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
	if len(served) > len(in.events) {
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
	fresh := sample(0)
	fresh.StreamID = "s1"
	before := max(numbers["s1"], in.streams["s1"])
	for _, e := range added {
		if e.StreamID == "s1" {
			before = max(before, e.SequenceNumber)
		}
	}
	r, err := store(fresh)
	if err == nil && whole && r.SequenceNumber != before+1 {
		err = fmt.Errorf("the next number of stream s1 is %d after %d, and nothing is lost", r.SequenceNumber, before)
	}
	return err
}
