package idrun_test

import (
	"bytes"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/store/idrun"
)

func sequence(pairs []idrun.Pair) iter.Seq2[idrun.Pair, error] {
	return func(yield func(idrun.Pair, error) bool) {
		for _, p := range pairs {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func write(t testing.TB, pairs []idrun.Pair) []byte {
	t.Helper()
	var out bytes.Buffer
	info, err := idrun.Write(&out, int64(len(pairs)), sequence(pairs))
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes != int64(out.Len()) {
		t.Fatalf("Write says %d bytes and wrote %d", info.Bytes, out.Len())
	}
	for _, p := range pairs {
		if p.Position < info.First || p.Position > info.Last {
			t.Fatalf("position %d is not within %d to %d", p.Position, info.First, info.Last)
		}
	}
	return out.Bytes()
}

func openRun(t testing.TB, file []byte) *idrun.Run {
	t.Helper()
	r, err := idrun.Open("run", bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func random(n int, seed uint64) []idrun.Pair {
	rnd := rand.New(rand.NewPCG(seed, 1))
	pairs := make([]idrun.Pair, n)
	for i := range pairs {
		pairs[i] = idrun.Pair{Fingerprint: rnd.Uint64(), Position: int64(i + 1)}
	}
	idrun.Sort(pairs)
	return pairs
}

func find(t testing.TB, r *idrun.Run, fp uint64) (positions []int64) {
	t.Helper()
	if err := r.Find(fp, func(p int64) error { positions = append(positions, p); return nil }); err != nil {
		t.Fatal(err)
	}
	return positions
}

// bothWays is a run with its filter in the file, and in memory.
func bothWays(t testing.TB, file []byte) map[string]*idrun.Run {
	t.Helper()
	r := openRun(t, file)
	loaded, err := r.Loaded()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*idrun.Run{"in the file": r, "in memory": loaded}
}

func TestFind(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 10_000} {
		pairs := random(n, uint64(n))
		for how, r := range bothWays(t, write(t, pairs)) {
			for _, p := range pairs {
				if got := find(t, r, p.Fingerprint); !slices.Equal(got, []int64{p.Position}) {
					t.Fatalf("%d pairs, filter %s: %x is at %v, want %d", n, how, p.Fingerprint, got, p.Position)
				}
			}
			wrong := 0
			for _, p := range random(10_000, 99) {
				may, err := r.MayHold(p.Fingerprint)
				if err != nil {
					t.Fatal(err)
				}
				if may {
					wrong++
				}
				if got := find(t, r, p.Fingerprint); got != nil && n != 10_000 {
					t.Errorf("%d pairs, filter %s: found %x, which is not there, at %v", n, how, p.Fingerprint, got)
				}
			}
			if wrong > 150 {
				t.Errorf("%d pairs: the filter %s was wrong for %d of 10000", n, how, wrong)
			}
		}
	}
}

// TestFilterThatRots flips bits of a filter after the run has been opened: it never
// says that what the run has is not there.
func TestFilterThatRots(t *testing.T) {
	pairs := random(1000, 5)
	file := write(t, pairs)
	r := openRun(t, file)
	rnd := rand.New(rand.NewPCG(6, 6))
	before := int64(len(file)) - r.FilterSize() - 4*8 - 32 // the fences of four blocks, and the footer
	for range 60 {
		at := before + rnd.Int64N(r.FilterSize())
		bit := byte(1) << rnd.IntN(8)
		file[at] ^= bit
		found := 0
		for _, p := range pairs {
			n := 0
			err := r.Find(p.Fingerprint, func(int64) error { n++; return nil })
			if damage, ok := errors.AsType[*idrun.DamageError](err); err != nil && !ok || err == nil && n != 1 {
				t.Fatalf("flip in byte %d: %x was found %d times: %v (%v)", at, p.Fingerprint, n, err, damage)
			}
			if err == nil {
				found++
			}
		}
		if found == 0 || found == len(pairs) {
			t.Fatalf("flip in byte %d: %d of %d were found", at, found, len(pairs))
		}
		if _, err := r.Loaded(); err == nil {
			t.Fatalf("flip in byte %d: the filter was read into memory", at)
		}
		file[at] ^= bit
	}
}

func TestEqualFingerprintsAcrossBlocks(t *testing.T) {
	var pairs []idrun.Pair
	for i := range 600 {
		pairs = append(pairs, idrun.Pair{Fingerprint: 7, Position: int64(i + 1)})
	}
	r := openRun(t, write(t, pairs))
	if got := find(t, r, 7); len(got) != 600 {
		t.Errorf("found %d of 600", len(got))
	}
}

func TestMerge(t *testing.T) {
	var runs []*idrun.Run
	var want []idrun.Pair
	for i := range 5 {
		pairs := random(1000*i, uint64(i))
		runs = append(runs, openRun(t, write(t, pairs)))
		want = append(want, pairs...)
	}
	want = slices.DeleteFunc(want, func(p idrun.Pair) bool { return p.Position <= 10 })
	idrun.Sort(want)
	var got []idrun.Pair
	for p, err := range idrun.Merge(runs, func(p idrun.Pair) bool { return p.Position > 10 }) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("merged (-want +got):\n%s", d)
	}
}

// TestFlips flips bits all over a file: each is found, or does not matter.
func TestFlips(t *testing.T) {
	pairs := random(700, 3)
	file := write(t, pairs)
	rnd := rand.New(rand.NewPCG(4, 4))
	for range 2000 {
		bad := bytes.Clone(file)
		at := rnd.IntN(len(bad))
		bad[at] ^= 1 << rnd.IntN(8)
		r, err := idrun.Open("run", bytes.NewReader(bad), int64(len(bad)))
		if err == nil {
			for _, err = range r.All {
				if err != nil {
					break
				}
			}
		}
		if damage, ok := errors.AsType[*idrun.DamageError](err); !ok {
			t.Fatalf("flip in byte %d: %v (%v)", at, err, damage)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(write(f, random(300, 1)))
	f.Add([]byte("FIRNIDS1"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := idrun.Open("run", bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		for _, err := range r.All {
			if err != nil {
				return
			}
		}
	})
}
