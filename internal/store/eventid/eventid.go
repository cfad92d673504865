// Package eventid makes the ids of events whose callers brought none, and finds
// their place again: an id is a UUIDv7 (RFC 9562) that is computed from the
// event's position and recorded_at and a key of the instance, so it is never
// stored and leads straight to its event.
//
// # Layout
//
// The 48 bits of unix_ts_ms are recorded_at in milliseconds. The 74 bits that
// RFC 9562 wants random (rand_a and rand_b, in that order) are a 24-bit check
// and 50 masked bits of position:
//
//	check  = low 24 bits of AES-128(key, 1 ‖ time ‖ position)
//	masked = position XOR low 50 bits of AES-128(key, 2 ‖ time ‖ check)
//
// These are two rounds of an unbalanced Feistel network over (24 zero bits,
// position): a permutation for each time, so that no two events of an instance
// share an id. A block of AES is one byte of round, seven bytes of time and
// eight bytes of the value, big endian; its output is read as the low bits of
// its last eight bytes.
//
// An id that is no id of this key (another instance's, a caller's UUIDv7, one
// with a flipped bit in time or random part) passes the check with a
// probability of 2⁻²⁴, so the event that it leads to must be compared.
package eventid

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"sync"
)

// MaxPosition is the highest position that fits an id.
const MaxPosition = 1<<positionBits - 1

// Size is the length of an id in bytes.
const Size = 36

const (
	positionBits = 50
	checkBits    = 24

	timeMask     = 1<<48 - 1
	positionMask = 1<<positionBits - 1
	checkMask    = 1<<checkBits - 1
)

// Codec makes and reads the ids of one instance. It may be used by many
// goroutines at once.
type Codec struct {
	block cipher.Block
	// scratch holds *[2 * aes.BlockSize]byte: what is given to an interface
	// would be allocated at every call.
	scratch sync.Pool
}

// New returns the codec of an instance's key: 16 random bytes that never change
// for as long as the instance is kept.
func New(key [16]byte) *Codec {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("eventid: " + err.Error()) // only a key of another length can fail
	}
	return &Codec{
		block:   block,
		scratch: sync.Pool{New: func() any { return new([2 * aes.BlockSize]byte) }},
	}
}

// ID is the id of the event at a position, 1 to MaxPosition, recorded at a time
// in milliseconds since the epoch, 0 to 2⁴⁸-1. Outside these ranges the id is
// well-formed and does not lead back.
func (c *Codec) ID(position, recordedAtMillis int64) string {
	var buf [Size]byte
	return string(c.AppendID(buf[:0], position, recordedAtMillis))
}

// AppendID appends what ID returns.
func (c *Codec) AppendID(dst []byte, position, recordedAtMillis int64) []byte {
	time, pos := uint64(recordedAtMillis)&timeMask, uint64(position)&positionMask
	check := c.round(1, time, pos) & checkMask
	masked := pos ^ c.round(2, time, check)&positionMask

	// rand_a is the high 12 bits of check; rand_b its low 12 and masked.
	const version, variant = 7 << 12, 2 << 62
	high := time<<16 | version | check>>12
	low := variant | (check&0xFFF)<<positionBits | masked
	return appendUUID(dst, high, low)
}

// Decode returns the position and recorded_at (milliseconds since the epoch)
// that an id stands for; ok is false for text that is no id of this codec. An
// id has one spelling: lower case with hyphens.
func (c *Codec) Decode(id string) (position, recordedAtMillis int64, ok bool) {
	high, low, ok := parseUUID(id)
	if !ok || high>>12&0xF != 7 || low>>62 != 2 {
		return 0, 0, false
	}
	time := high >> 16
	check := high&0xFFF<<12 | low>>positionBits&0xFFF
	pos := low&positionMask ^ c.round(2, time, check)&positionMask
	if pos == 0 || c.round(1, time, pos)&checkMask != check {
		return 0, 0, false
	}
	return int64(pos), int64(time), true
}

// round is the round function: 64 pseudorandom bits of (n, time, value).
func (c *Codec) round(n byte, time, value uint64) uint64 {
	buf := c.scratch.Get().(*[2 * aes.BlockSize]byte)
	in, out := buf[:aes.BlockSize], buf[aes.BlockSize:]
	binary.BigEndian.PutUint64(in, uint64(n)<<56|time)
	binary.BigEndian.PutUint64(in[8:], value)
	c.block.Encrypt(out, in)
	bits := binary.BigEndian.Uint64(out[8:])
	c.scratch.Put(buf)
	return bits
}

const digits = "0123456789abcdef"

// appendUUID appends 128 bits in the form 8-4-4-4-12.
func appendUUID(dst []byte, high, low uint64) []byte {
	var text [Size]byte
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			text[at] = '-'
			at++
		}
		word := high
		if i >= 16 {
			word = low
		}
		text[at] = digits[word>>(60-4*(i&15))&0xF]
		at++
	}
	return append(dst, text[:]...)
}

// parseUUID reads the form 8-4-4-4-12 in lower case.
func parseUUID(text string) (high, low uint64, ok bool) {
	if len(text) != Size {
		return 0, 0, false
	}
	for i := range Size {
		c := text[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return 0, 0, false
			}
			continue
		}
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, 0, false
		}
		high = high<<4 | low>>60
		low = low<<4 | uint64(c)
	}
	return high, low, true
}
