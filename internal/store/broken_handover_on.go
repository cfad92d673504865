//go:build brokenhandover

package store

// skipAtHandover lets a subscription that has caught up go on from the newest
// event, and not from where it has read to: a control that a test must notice.
const skipAtHandover = true
