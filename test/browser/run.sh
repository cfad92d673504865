#!/bin/sh
# The viewer's tests: its build is that of its sources, what needs no browser,
# its size, and everything in the distribution's Chromium before a real server.
# A failed or a skipped test makes it fail. test/setup.sh installs what it needs.
set -eu
cd "$(dirname "$0")/../.."
export GOTOOLCHAIN=auto

status=0
echo "== viewer: the committed build is that of the sources"
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
(cd web && npx tsc -p tsconfig.json && npx vite build --outDir "$built/dist" --emptyOutDir --logLevel error)
diff -rq web/dist "$built/dist" || {
	echo "test/browser/run.sh: web/dist is not what web/src makes; run \`npm run build\` in web/ and commit it" >&2
	status=1
}

echo "== viewer: node --test"
(cd web && npx tsc -p tsconfig.test.json)
CGO_ENABLED=0 go build -o "$built/firn" ./cmd/firn
record=$built/record
# One file after the other: two would share the time of the machine, which some measure.
for tests in web/build/test/*.test.js test/browser/*.test.mjs; do
	FIRN_BINARY=$built/firn node --test --test-reporter=tap "$tests" >"$record" 2>&1 || status=1
	grep -E '^(not )?ok |^# \\#' "$record" || true
	if grep -qE '^not ok ' "$record" || ! grep -q '^# pass [1-9]' "$record"; then
		cat "$record"
		status=1
	fi
	if ! grep -q '^# skipped 0$' "$record" || ! grep -q '^# todo 0$' "$record"; then
		echo "test/browser/run.sh: $tests skips a test; a test that cannot run must fail" >&2
		status=1
	fi
done
exit "$status"
