//go:build !brokenpublish

package store

// publishEarly makes an append visible before it is on disk: true only in the control build with
// the tag brokenpublish, which a test must notice.
const publishEarly = false
