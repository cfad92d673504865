//go:build brokensync

package vfstest

// syncs is false: nothing is ever synced. The crash tests must notice.
const syncs = false
