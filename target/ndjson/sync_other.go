//go:build !linux

package ndjson

import "os"

func syncData(f *os.File) error { return f.Sync() }
