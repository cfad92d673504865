package segment

import (
	"encoding/json/v2"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
	"github.com/firnlog/firn/query"
)

// What is there may be held, wherever the writer put it.
func TestMayHoldNeverDeniesWhatIsThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := columntest.Rows(t, 10)
		data, _ := write(t, rows)
		g := open(t, data, nil).Groups()[0]
		for _, r := range withIDs(rows) {
			checkHeld(t, g, query.StreamID, nil, r.StreamID)
			checkHeld(t, g, query.EventType, nil, r.EventType)
			checkHeld(t, g, query.ID, nil, r.ID)
			if r.Actor != nil {
				checkHeld(t, g, query.Actor, nil, *r.Actor)
			}
			for _, path := range columntest.Paths(r.Payload) {
				var s string
				if v, ok := columntest.Walk(r.Payload, path); ok && v.Kind() == '"' && json.Unmarshal(v, &s) == nil {
					checkHeld(t, g, query.Payload, path, s)
				}
			}
		}
	})
}

func checkHeld(t *rapid.T, g Group, root query.Root, path []query.Step, value string) {
	t.Helper()
	if !g.MayHold(query.Field{Root: root, Path: path}, value) {
		t.Fatalf("MayHold denies %q at root %d path %v", value, root, path)
	}
}

func TestMayHoldDeniesMostOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	data, _ := write(t, columntest.NewSampler(1).Rows(5000))
	g := open(t, data, nil).Groups()[0]
	session := query.Field{Root: query.Payload, Path: []query.Step{{Key: "session"}}}
	if !g.MayHold(session, columntest.Session(4711)) {
		t.Fatal("MayHold denies a session that is there")
	}
	wrong := 0
	for position := int64(10_000); position < 11_000; position++ {
		if g.MayHold(session, columntest.Session(position)) {
			wrong++
		}
	}
	if wrong > 100 {
		t.Fatalf("MayHold is wrong about %d of 1,000 sessions", wrong)
	}
	for _, f := range []query.Field{
		{Root: query.StreamID}, {Root: query.EventType}, {Root: query.Subject}, {Root: query.ID},
		{Root: query.Payload, Path: []query.Step{{Key: "nowhere"}}},
		{Root: query.Metadata, Path: []query.Step{{Key: "source"}}},
	} {
		if g.MayHold(f, "user-not there") {
			t.Errorf("MayHold believes root %d path %v", f.Root, f.Path)
		}
	}
}

func TestCacheKeepsItsBudget(t *testing.T) {
	t.Parallel()
	data, _ := write(t, columntest.NewSampler(1).Rows(2000))
	cache := NewCache(40 << 10)
	s := open(t, data, cache)
	src := &source{seg: s}
	for round := range 3 {
		for c := range s.leaves {
			if _, err := src.Vector(column.Col(c)); err != nil {
				t.Fatal(err)
			}
			if cache.Size() > 40<<10 {
				t.Fatalf("round %d, column %d: the cache holds %d bytes", round, c, cache.Size())
			}
		}
	}
	before := src.BytesRead()
	if _, err := src.Vector(column.Col(len(s.leaves) - 1)); err != nil || src.BytesRead() != before {
		t.Fatalf("the last used vector was read again: %v", err)
	}
	if err := s.Close(); err != nil || cache.Size() != 0 {
		t.Fatalf("closed with %d bytes in the cache: %v", cache.Size(), err)
	}
}

// A block is read by many at once, with a cache too small for all it holds.
func TestManyReaders(t *testing.T) {
	t.Parallel()
	data, _ := write(t, columntest.NewSampler(1).Rows(3000))
	s := open(t, data, NewCache(100<<10))
	block := s.Groups()[0].Block()
	want, err := block.Events(nil, []int32{7, 2999, 0}, column.Need{Payload: true})
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for i := range 4 {
		g.Go(func() error {
			for c := range s.leaves {
				if _, err := block.Path(query.Payload, []query.Step{{Key: "session"}}); err != nil {
					return err
				}
				if _, err := (&source{seg: s}).Vector(column.Col((c + 5*i) % len(s.leaves))); err != nil {
					return err
				}
			}
			got, err := block.Events(nil, []int32{7, 2999, 0}, column.Need{Payload: true})
			if err == nil && !cmp.Equal(want, got) {
				err = errors.New("events differ")
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestCacheIsOfUseToLargerScans: of columns that are a little larger than the
// cache, all of them asked for over and over in the same order, a good part is
// there.
func TestCacheIsOfUseToLargerScans(t *testing.T) {
	t.Parallel()
	const room, columns, rounds = 64, 80, 40
	cache := NewCache(room)
	hits := 0
	for range rounds {
		for col := range columns {
			e := cache.hold(cacheKey{col: column.Col(col)})
			if e != nil {
				hits++
			} else if e = cache.put(cacheKey{col: column.Col(col)}, nil, 1, nil); e == nil {
				t.Fatal("there is no room for a column")
			}
			cache.release(e)
		}
	}
	if least := rounds * columns / 4; hits < least { // more than half of them, mostly
		t.Errorf("%d of %d columns were there, want %d", hits, rounds*columns, least)
	}
}

// TestCacheKeepsWhatIsUsed: what is held stays, and what else does not fit finds
// no room.
func TestCacheKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	cache := NewCache(8)
	var held []*cached
	for col := range column.Col(7) {
		held = append(held, cache.put(cacheKey{col: col}, nil, 1, nil))
	}
	for col := range column.Col(100) {
		cache.release(cache.put(cacheKey{col: 100 + col}, nil, 1, nil))
	}
	if cache.put(cacheKey{col: 300}, nil, 2, nil) != nil {
		t.Error("what is used made room")
	}
	for _, e := range held {
		again := cache.hold(e.key)
		if again != e {
			t.Fatalf("column %d is gone", e.key.col)
		}
		cache.release(again)
		cache.release(e)
	}
	if cache.release(cache.put(cacheKey{col: 300}, nil, 4, nil)); cache.Size() > 8 {
		t.Errorf("the cache holds %d of 8", cache.Size())
	}
	if cache.drop(0); cache.Size() != 0 || len(cache.all) != 0 || len(cache.entries) != 0 {
		t.Errorf("%d bytes are left", cache.Size())
	}
}
