//go:build !brokencrc

package wal

// checksums is false only in the control build, which must turn the damage
// tests red.
const checksums = true
