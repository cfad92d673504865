#!/bin/sh
# Runs every fuzz target of the repository, one after the other, FUZZTIME each
# (default 30s). A crasher is written to its package's testdata/fuzz: commit it.
set -eu
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto

grep -rEl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
	grep -hEo '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | while read -r target; do
		echo "== $dir $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$dir" </dev/null
	done
done
