//go:build !linux

package catalog_test

import "testing"

// cpu has no figures here beside the clock's.
func cpu(_ *testing.B, _ float64, run func()) { run() }
