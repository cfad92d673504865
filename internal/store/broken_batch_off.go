//go:build !brokenbatch

package store

// splitBatches writes a batch of several events as two records: true only in the control build with
// the tag brokenbatch, which a test must notice.
const splitBatches = false
