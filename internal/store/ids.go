package store

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// fingerprint is 64 bits of an id that the caller brought. The instance's key
// is hashed with it, so that nobody can make ids that collide.
func (in *identity) fingerprint(id []byte) uint64 {
	h := xxhash.NewWithSeed(binary.LittleEndian.Uint64(in.key[:]))
	h.Write(in.key[8:])
	h.Write(id)
	return h.Sum64()
}

// idRef says where an event is that is not sealed.
type idRef struct {
	batch *stampedBatch
	index uint32
}

// idIndex finds unsealed events by the fingerprints of their ids: generations,
// the newest last. A cut begins a new one; when what came before the cut is in
// a sealed run, its generation is dropped. It belongs to the sequencer.
type idIndex struct {
	generations []idGeneration
}

type idGeneration struct {
	refs map[uint64]idRef
	// more has what collides in refs.
	more map[uint64][]idRef
}

func (x *idIndex) add(fp uint64, ref idRef) {
	if len(x.generations) == 0 {
		x.cut()
	}
	g := &x.generations[len(x.generations)-1]
	if g.refs == nil {
		g.refs = map[uint64]idRef{}
	}
	if _, taken := g.refs[fp]; !taken {
		g.refs[fp] = ref
		return
	}
	if g.more == nil {
		g.more = map[uint64][]idRef{}
	}
	g.more[fp] = append(g.more[fp], ref)
}

// cut begins a new generation.
func (x *idIndex) cut() { x.generations = append(x.generations, idGeneration{}) }

// drop forgets the n oldest generations.
func (x *idIndex) drop(n int) {
	x.generations = append([]idGeneration(nil), x.generations[min(n, len(x.generations)):]...)
}

// forget removes what was added for events above a position.
func (x *idIndex) forget(above int64) {
	gone := func(r idRef) bool { return r.batch.first+int64(r.index) > above }
	for i := range x.generations {
		g := &x.generations[i]
		for fp, refs := range g.more {
			kept := refs[:0]
			for _, r := range refs {
				if !gone(r) {
					kept = append(kept, r)
				}
			}
			g.more[fp] = kept
		}
		for fp, r := range g.refs {
			if gone(r) {
				delete(g.refs, fp)
			}
		}
	}
}

// find calls fn with what may hold the id, until fn says false.
func (x *idIndex) find(fp uint64, fn func(idRef) bool) {
	for i := range x.generations {
		g := &x.generations[i]
		if r, ok := g.refs[fp]; ok && !fn(r) {
			return
		}
		for _, r := range g.more[fp] {
			if !fn(r) {
				return
			}
		}
	}
}
