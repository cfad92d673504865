//go:build brokenack

package store

// acknowledgeEarly acknowledges an append before it is written: a control that a
// test must notice.
const acknowledgeEarly = true
