#!/bin/sh
# Installs what the tests need and the machine lacks: a C and C++ compiler (the
# race detector, DuckDB in the bench module), curl (the README's commands), git,
# what makes and mounts file systems (test/powercut), Node.js with the libraries
# of the client that the Codebolt door is tested with and of the viewer, Chromium
# (test/browser), Python with requests
# (integrations/querybook), and the servers of PostgreSQL and MariaDB, which the
# tests of the SQL targets start by themselves. Runs any number of times; does
# nothing when everything is there.
set -eu
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null 2>&1; }

missing=
have gcc || missing="$missing gcc libc6-dev"
have g++ || missing="$missing g++"
have curl || missing="$missing curl"
have git || missing="$missing git"
have mkfs.ext4 || missing="$missing e2fsprogs"
have mkfs.xfs || missing="$missing xfsprogs"
have mount || missing="$missing mount"
have node || missing="$missing nodejs"
have npm || missing="$missing npm"
have chromium || missing="$missing chromium fonts-dejavu-core"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || have postgres || missing="$missing postgresql"
have mariadbd || missing="$missing mariadb-server"
/usr/bin/python3 -c 'import requests' 2>/dev/null || missing="$missing python3 python3-requests"

install_packages() {
	sudo=
	if [ "$(id -u)" != 0 ]; then
		if ! have sudo || ! sudo -n true 2>/dev/null; then
			echo "test/setup.sh: missing:$missing. Install these packages, or run as root or with passwordless sudo." >&2
			exit 1
		fi
		sudo='sudo -n'
	fi
	if ! have apt-get; then
		echo "test/setup.sh: missing:$missing. Install them with your system's package manager (there is no apt-get here)." >&2
		exit 1
	fi

	echo "test/setup.sh: installing$missing"
	$sudo apt-get update -qq
	# shellcheck disable=SC2086 # one word a package
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing
}

[ -z "$missing" ] || install_packages

for libraries in internal/server/codebolt/testdata/client web test/browser; do
	if ! cmp -s "$libraries/package-lock.json" "$libraries/node_modules/installed.json"; then
		echo "test/setup.sh: installing the libraries of $libraries"
		npm ci --prefix "$libraries" --ignore-scripts --no-audit --no-fund --loglevel=error
		cp "$libraries/package-lock.json" "$libraries/node_modules/installed.json"
	fi
done
