//go:build brokenseq

package store

// forgetSequences numbers streams from 1 again after sealing and a restart: a control that a
// test must notice.
const forgetSequences = true
