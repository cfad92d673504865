//go:build !brokenack

package store

// acknowledgeEarly acknowledges an append before it is written: true only in the control build with
// the tag brokenack, which a test must notice.
const acknowledgeEarly = false
