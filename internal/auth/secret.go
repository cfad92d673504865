package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
)

const (
	secretPrefix = "firn_"
	secretRandom = 40 // characters of base62: 238 bits
	shownPrefix  = len(secretPrefix) + 6
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// hash is the SHA-256 of a secret, all of it that is ever stored. A secret has
// 238 random bits, so it needs neither salt nor a slow hash.
type hash [sha256.Size]byte

// newSecret makes a secret: firn_ and 40 random characters, each as likely as
// any other.
func newSecret() string {
	const fair = 256 - 256%len(base62) // a byte from here on would favour some
	out := make([]byte, 0, len(secretPrefix)+secretRandom)
	out = append(out, secretPrefix...)
	var random [64]byte
	for {
		rand.Read(random[:]) // never fails: the process ends where it would
		for _, b := range random {
			if int(b) >= fair {
				continue
			}
			if out = append(out, base62[int(b)%len(base62)]); len(out) == cap(out) {
				return string(out)
			}
		}
	}
}

func hashOf(secret string) hash { return sha256.Sum256([]byte(secret)) }

// looksLikeSecret reports whether text can be a key at all.
func looksLikeSecret(text string) bool {
	random, ok := strings.CutPrefix(text, secretPrefix)
	return ok && len(random) == secretRandom && strings.Trim(random, base62) == ""
}
