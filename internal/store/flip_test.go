package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// TestDamageAnywhere damages a log in one place, so many times: a flipped bit, a
// cut, a zeroed block, a destroyed header, an emptied, missing or exchanged file,
// anywhere in the write-ahead log, the segments, the manifest, the journals of
// streams and the runs of ids; of a log that was closed and of one whose process
// was killed. Each time it opens, serves nothing wrong and nothing twice, names
// what is missing, deletes nothing, and says so in verify.
//
// FIRN_FLIP_ROUNDS is how often; FIRN_FLIP_SEED repeats a run.
func TestDamageAnywhere(t *testing.T) {
	// With the race detector under a minute on two idle cores.
	kinds := damageRounds(t, "FIRN_FLIP", 200, func(d *damageable, rng *rand.Rand, n int) damages {
		return damages{d.pick(rng, n)}
	})
	for _, where := range places {
		for _, kind := range damageKinds {
			if !t.Failed() && kinds[kind+" of "+where] == 0 {
				t.Errorf("%s of %s did not come", kind, where)
			}
		}
	}
}

// TestDamageOfPairs is TestDamageAnywhere with damage in two places at once, of
// all pairs of kinds of files: what one of them knows of the other may be gone.
//
// FIRN_PAIR_ROUNDS is how often; FIRN_PAIR_SEED repeats a run.
func TestDamageOfPairs(t *testing.T) {
	damageRounds(t, "FIRN_PAIR", 45, func(d *damageable, rng *rand.Rand, n int) damages {
		pair, round := n%(len(places)*(len(places)+1)/2), rng.IntN(1<<10)*len(places)
		i, j := 0, 0
		for ; pair > i; i++ {
			pair -= i + 1
		}
		j = pair
		return damages{d.pick(rng, round+i), d.pick(rng, rng.IntN(1<<10)*len(places)+j)}
	})
}

// damageRounds damages logs as pick says, and returns how often each kind of
// damage came. The variables NAME_ROUNDS and NAME_SEED are how often and from which seed.
func damageRounds(t *testing.T, name string, rounds int, pick func(d *damageable, rng *rand.Rand, n int) damages) map[string]int {
	seed := rand.Uint64()
	if text := os.Getenv(name + "_ROUNDS"); text != "" {
		rounds = number(t, text)
	}
	if text := os.Getenv(name + "_SEED"); text != "" {
		seed = uint64(number(t, text))
	}
	t.Logf("%d rounds, %s_SEED=%d", rounds, name, seed)
	logs := []*damageable{newDamageable(t, true), newDamageable(t, false)}
	var next atomic.Int64
	var mu sync.Mutex
	kinds := map[string]int{}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for !t.Failed() || keepFailing {
				n := int(next.Add(1)) - 1
				if n >= rounds {
					return
				}
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				d := logs[rng.IntN(2)]
				all := pick(d, rng, n)
				mu.Lock()
				kinds[all.kinds()]++
				mu.Unlock()
				if err := d.round(all); err != nil {
					t.Errorf("round %d: %v: %v", n, all, err)
				}
			}
		})
	}
	workers.Wait()
	for _, kind := range slices.Sorted(keysOf(kinds)) {
		t.Logf("%-24s %d", kind, kinds[kind])
	}
	return kinds
}

// keepFailing goes on after a round that fails.
var keepFailing = os.Getenv("FIRN_DAMAGE_ALL") != ""

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
	// Streams that are in no segment any more, some of them for longer.
	for _, stream := range []string{"gone", "gone too"} {
		events := samples(5)
		for i := range events {
			events[i].StreamID = stream
		}
		appendTo(t, l, "app", events...)
		_, err = l.Purge(ctx, "app", condition(t, `{"or":[{"field":"position","operator":"in","value":[3,4,5,160]},{"field":"stream_id","operator":"eq","value":"`+stream+`"}]}`), false)
		check(t, err)
		if stream == "gone" {
			check(t, l.manifest.journal.Rewrite(l.manifest.state.snapshot()))
		}
	}
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

func (c damageCase) String() string {
	text := fmt.Sprintf("%s of %s at %d", c.kind, c.file, c.at)
	if c.kind == "exchange" {
		text += " with " + c.other
	}
	return text
}

// damages are what happens to a log at once.
type damages []damageCase

func (all damages) kinds() string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.kind + " of " + c.where()
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (all damages) of(place string) bool {
	return slices.ContainsFunc(all, func(c damageCase) bool { return c.where() == place })
}

var (
	damageKinds = []string{"flip", "cut", "zeroes", "missing", "empty", "exchange", "header"}
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
	case strings.HasPrefix(base, streamsName), strings.HasPrefix(base, numbersName):
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

// do damages a log. What is gone already stays so.
func (c *damageCase) do(fs *vfstest.FS) error {
	data, err := vfs.ReadFile(fs, c.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	switch c.kind {
	case "flip":
		fs.Flip(c.file, c.at, c.bits)
		return nil
	case "cut":
		return vfs.WriteFile(fs, c.file, data[:min(c.at, int64(len(data)))])
	case "zeroes":
		block := min(c.at, int64(len(data))) / 4096 * 4096
		clear(data[block:min(block+4096, int64(len(data)))])
		return vfs.WriteFile(fs, c.file, data)
	case "header":
		clear(data[:min(1024, len(data))])
		return vfs.WriteFile(fs, c.file, data)
	case "missing":
		return fs.Remove(c.file)
	case "empty":
		return vfs.WriteFile(fs, c.file, nil)
	}
	other, err := vfs.ReadFile(fs, c.other)
	if errors.Is(err, os.ErrNotExist) {
		return fs.Rename(c.file, c.other)
	}
	if err != nil {
		return err
	}
	return errors.Join(vfs.WriteFile(fs, c.file, other), vfs.WriteFile(fs, c.other, data))
}

// round damages a copy of the log and looks at what becomes of it.
func (d *damageable) round(all damages) error {
	fs := d.fs.CrashClone(0, 100)
	for _, c := range all {
		if err := c.do(fs); err != nil {
			return err
		}
	}
	x := &examined{d: d, all: all, fs: fs, before: contentsOf(d.files, fs)}
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
