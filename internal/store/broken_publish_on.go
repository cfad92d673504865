//go:build brokenpublish

package store

// publishEarly makes an append visible before it is on disk: a control that a
// test must notice.
const publishEarly = true
