//go:build !linux

package vfs

import "os"

func syncFile(f *os.File) error { return f.Sync() }

func preallocate(*os.File, int64, int64) error { return nil }
