//go:build !brokenhandover

package store

// skipAtHandover lets a subscription that has caught up go on from the newest event: true only in the control build with
// the tag brokenhandover, which a test must notice.
const skipAtHandover = false
