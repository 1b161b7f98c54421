# shellcheck shell=bash
# Common to all scripts of this folder: messages on stderr, the cache.
# Sourced, never run.

# Otherwise a failure inside $(…) is ignored.
shopt -s inherit_errexit

# The checkout this script belongs to.
# shellcheck disable=SC2034 # for those that source this
VRFT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# Kernels and guest images live outside the tree: `git clean` and a second checkout keep them.
VRFT_CACHE=$(realpath -m "${VRFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vrft}")

# Exit status of die.
FAILURE_STATUS=1

# say MESSAGE... - prints one line on stderr, as stdout is for a script's result.
say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# die MESSAGE... - prints it and exits.
die() {
	say "$@"
	exit "$FAILURE_STATUS"
}

# outdated FILE SOURCE... - whether it is missing, or older than a source.
outdated() {
	local file=$1
	shift
	[[ ! -e $file || -n $(find "$@" -newer "$file" -print -quit) ]]
}

# need PROGRAM... - exits if one is missing.
need() {
	local program missing=()
	for program; do
		command -v "$program" >/dev/null || missing+=("$program")
	done
	((${#missing[@]} == 0)) || die "Cannot find ${missing[*]}: run scripts/setup as root"
}
