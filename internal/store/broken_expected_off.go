//go:build !brokenexpected

package store

// expectPublished compares expected_sequence with what readers see, not with what is decided: true only in the control build with
// the tag brokenexpected, which a test must notice.
const expectPublished = false
