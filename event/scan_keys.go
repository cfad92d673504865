package event

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// keyRef is a key of an open object.
type keyRef struct {
	start, end int // of the key in the text, quotes included
	mark       uint64
	escaped    bool
}

// keySet is the keys of one open object: keys[base:] of the scanner while they
// are few, a map when they become many.
type keySet struct {
	base int
	many map[string]struct{}
}

// manyKeys is from how many keys on an object's keys are kept in a map. Below,
// comparing marks one by one is faster; above, it would become quadratic.
const manyKeys = 32

// addKey adds text[start:end], the quoted key just scanned, to the keys of its
// object. It fails if the object has the key already.
func (s *scanner) addKey(seen *keySet, start, end int) bool {
	key := keyRef{start: start, end: end, escaped: s.escaped}
	if seen.many != nil {
		return s.addManyKey(seen, key)
	}
	if key.escaped {
		key.mark = markOf(AppendUnquoted(nil, s.text[start:end]))
	} else {
		key.mark = markOf(s.text[start+1 : end-1])
	}
	open := s.keys[seen.base:]
	for i := range open {
		if open[i].mark == key.mark && s.equalKeys(open[i], key) {
			return s.duplicate(key)
		}
	}
	s.keys = append(s.keys, key)
	if len(open)+1 == manyKeys {
		seen.many = make(map[string]struct{}, 2*manyKeys)
		for _, k := range s.keys[seen.base:] {
			seen.many[s.keyText(k)] = struct{}{}
		}
	}
	return true
}

func (s *scanner) addManyKey(seen *keySet, key keyRef) bool {
	// The map is the one thing here that grows faster than the text; a value
	// that is too large anyway must not make it.
	if s.compactLen(key.start) > s.limit {
		s.fail(key.start, CodeEventTooLarge, tooLarge(s.limit))
		return false
	}
	text := s.keyText(key)
	if _, ok := seen.many[text]; ok {
		return s.duplicate(key)
	}
	seen.many[text] = struct{}{}
	return true
}

// keyText is a decoded key. It shares the memory of the text if it can.
func (s *scanner) keyText(k keyRef) string {
	if k.escaped {
		return Unquoted(s.text[k.start:k.end])
	}
	return shared(s.text[k.start+1 : k.end-1])
}

func (s *scanner) equalKeys(a, b keyRef) bool {
	if a.escaped || b.escaped {
		return s.keyText(a) == s.keyText(b)
	}
	return bytes.Equal(s.text[a.start:a.end], s.text[b.start:b.end])
}

func (s *scanner) duplicate(k keyRef) bool {
	s.fail(k.start, CodeDuplicateKey, "duplicate key "+shownText(s.keyText(k)))
	return false
}

// markOf is equal for equal keys and mostly differs for others. It looks at the
// length and at both ends.
func markOf(key []byte) uint64 {
	n := len(key)
	length := uint64(n) * 0x9E3779B97F4A7C15
	if n >= 8 {
		first, last := binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[n-8:])
		return first ^ bits.RotateLeft64(last, 29) ^ length
	}
	var word uint64
	for i := n - 1; i >= 0; i-- {
		word = word<<8 | uint64(key[i])
	}
	return word ^ length
}
