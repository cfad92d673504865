//go:build !brokenid

package store

// forgetIDs forgets callers' ids at a restart: true only in the control build with
// the tag brokenid, which a test must notice.
const forgetIDs = false
