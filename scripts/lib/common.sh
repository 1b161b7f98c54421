# shellcheck shell=bash
# What every script of this folder needs: its own name, messages on stderr, the cache.
# Sourced, never run.

# The checkout this script belongs to.
VRFT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# Kernels and guest images live outside the tree: `git clean` and a second checkout keep them.
VRFT_CACHE=${VRFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vrft}

# say MESSAGE... - one line on stderr, so that stdout stays a script's result.
say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# die MESSAGE... - says it and ends the script with status 1.
die() {
	say "$@"
	exit 1
}

# need PACKAGE:PROGRAM... - ends the script if a program is missing, naming what to install.
need() {
	local pair missing=()
	for pair in "$@"; do
		command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}")
	done
	((${#missing[@]} == 0)) || die "Missing packages: ${missing[*]}: run scripts/setup as root"
}
