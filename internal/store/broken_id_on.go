//go:build brokenid

package store

// forgetIDs forgets callers' ids at a restart: a control that a
// test must notice.
const forgetIDs = true
