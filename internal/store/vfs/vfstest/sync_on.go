//go:build !brokensync

package vfstest

// syncs is false only in the control build, which must turn the crash tests red.
const syncs = true
