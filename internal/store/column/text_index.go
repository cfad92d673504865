package column

import (
	"hash/maphash"
	"strings"
)

// textIndex finds the codes of a dictionary's texts. A slot of 8 bytes is all
// that most look-ups touch before the text itself, and texts lie close together.
type textIndex struct {
	slots []uint64        // a hash's upper half, and 1 + code; 0 = empty
	arena strings.Builder // of short texts
}

// arenaSizes bound the memory that short texts are put into together.
const (
	leastArena = 64
	mostArena  = 16 << 10
	shortText  = 256
)

var textSeed = maphash.MakeSeed()

// find returns the code of a text.
func (x *textIndex) find(dict []string, s string) (code uint32, ok bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	hash := maphash.String(textSeed, s)
	for i := hash; ; i++ {
		slot := x.slots[i&uint64(len(x.slots)-1)]
		if slot == 0 {
			return 0, false
		}
		if slot>>32 == hash>>32 && dict[uint32(slot)-1] == s {
			return uint32(slot) - 1, true
		}
	}
}

// add adds the text that the dictionary has got last, and keeps a copy of it
// there.
func (x *textIndex) add(dict []string) {
	last := len(dict) - 1
	dict[last] = x.keep(dict[last])
	if 2*len(dict) > len(x.slots) {
		x.slots = make([]uint64, max(8, 4*len(x.slots)))
		for code, s := range dict {
			x.put(s, uint32(code))
		}
		return
	}
	x.put(dict[last], uint32(last))
}

func (x *textIndex) put(s string, code uint32) {
	hash := maphash.String(textSeed, s)
	i := hash
	for x.slots[i&uint64(len(x.slots)-1)] != 0 {
		i++
	}
	x.slots[i&uint64(len(x.slots)-1)] = hash>>32<<32 | uint64(code+1)
}

// keep copies a text.
func (x *textIndex) keep(s string) string {
	if len(s) > shortText {
		return strings.Clone(s)
	}
	if x.arena.Cap()-x.arena.Len() < len(s) {
		size := min(max(leastArena, 2*x.arena.Cap()), mostArena)
		x.arena = strings.Builder{}
		x.arena.Grow(max(size, len(s)))
	}
	from := x.arena.Len()
	x.arena.WriteString(s)
	return x.arena.String()[from:]
}
