//go:build brokenretain

package store

// retainByTimestamp lets retention count from the caller's timestamp, and not
// from when the log accepted the event: a control that a test must notice.
const retainByTimestamp = true
