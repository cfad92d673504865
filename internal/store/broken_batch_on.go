//go:build brokenbatch

package store

// splitBatches writes a batch of several events as two records: a control that a
// test must notice.
const splitBatches = true
