//go:build brokencrc

package wal

// checksums is false: bodies are served unchecked. The damage tests must notice.
const checksums = false
