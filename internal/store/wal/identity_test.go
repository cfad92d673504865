package wal

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIdentityOf makes identities for salts: they agree for every number.
func TestIdentityOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Uint64()
		was := fileHeader{identity: newIdentity(), number: number.Draw(t, "number")}
		is := fileHeader{identity: identityOf(was.salt(), was.number), number: was.number}
		for range 3 {
			if is.salt() != was.salt() {
				t.Fatalf("file %d: salt %x, want %x", is.number, is.salt(), was.salt())
			}
			was.number = number.Draw(t, "another")
			is.number = was.number
		}
	})
}
