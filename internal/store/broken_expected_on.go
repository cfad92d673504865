//go:build brokenexpected

package store

// expectPublished compares expected_sequence with what readers see, and not with
// what is decided and on its way to the disk: a control that a test must notice.
const expectPublished = true
