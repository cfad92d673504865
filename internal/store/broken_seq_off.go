//go:build !brokenseq

package store

// forgetSequences numbers streams from 1 again after sealing and a restart: true only in the control build with
// the tag brokenseq, which a test must notice.
const forgetSequences = false
