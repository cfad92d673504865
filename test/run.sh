#!/bin/sh
# The test command of the README: `make test`. It installs what is missing, then
# vets and runs everything with the race detector. A failed or a skipped test
# makes it fail (test/gate reads go test's own record).
set -eu
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto
export CGO_ENABLED=1
export FIRN_CRASH_ROUNDS="${FIRN_CRASH_ROUNDS:-200}" # kill -9, so many times

test/setup.sh

status=0
echo "== go vet"
go vet ./... || status=1
(cd bench && go vet ./...) || status=1

echo "== go test ./... in bench (DuckDB reads a data directory)"
(cd bench && go test -count=1 -timeout 60m -json ./...) | go run ./test/gate || status=1

echo "== go test -race ./... in examples/webdebug"
(cd examples/webdebug && go vet ./... && go test -race -count=1 -timeout 60m -json ./...) | go run ./test/gate || status=1

echo "== go test -race ./... in examples/target"
(cd examples/target && go vet ./... && go test -race -count=1 -timeout 60m -json ./...) | go run ./test/gate || status=1

echo "== the viewer (test/browser)"
test/browser/run.sh || status=1

echo "== python -m unittest (integrations/querybook)"
(cd integrations/querybook && /usr/bin/python3 -W error::ResourceWarning -m unittest discover -s tests -t .) || status=1

echo "== go test -race ./..."
go test -race -count=1 -timeout 60m -json ./... | go run ./test/gate || status=1

if [ "$status" != 0 ]; then
	echo "make test: FAILED; see above" >&2
	exit 1
fi
echo "make test: all tests ran and passed, none was skipped"
