//go:build !brokenretain

package store

// retainByTimestamp lets retention count from the caller's timestamp: true only in the control build with
// the tag brokenretain, which a test must notice.
const retainByTimestamp = false
