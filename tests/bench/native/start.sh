#!/usr/bin/env bash
# Prints the CPU time, in milliseconds, that vrft takes from exec to the list of functions, and that pwru takes
# to its first attempt to attach. In a mount namespace of its own, with a new cache, and with all functions
# of the kernel for those that ftrace can trace: so it runs where nothing can be traced, and pwru ends there.
#
# Usage: start.sh VRFT PEERS STARTS - PEERS is the root that contains pwru.
set -euo pipefail

vrft=$1 peers=$2 starts=$3
if [[ -z ${IN_NAMESPACE-} ]]; then
	exec unshare --mount env IN_NAMESPACE=1 "$0" "$@"
fi

# cpu NAME COMMAND... - of all its threads.
cpu() {
	local name=$1 times
	shift
	TIMEFORMAT='%3U %3S'
	times=$({ time "$@" >"$work/out" 2>"$work/log" || :; } 2>&1)
	awk -v name="$name" '{ printf "%s: %d\n", name, 1000 * ($1 + $2) }' <<<"$times"
}

# pwru_once - until it has been refused.
pwru_once() {
	cpu start-cpu/pwru "$peers/lib64/ld-linux-x86-64.so.2" --library-path "$peers/lib/x86_64-linux-gnu" \
		"$peers/usr/bin/pwru" icmp
	grep -q -i attach "$work/log" || {
		cat "$work/log" >&2
		return 1
	}
}

vrft_once() {
	cpu "$1" "$vrft" functions --no-vrouter
	(($(wc -l <"$work/out") > 1000)) || {
		cat "$work/log" >&2
		return 1
	}
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in /sys/kernel/tracing /sys/kernel/debug /var/cache; do
	mount -t tmpfs -o mode=755 none "$folder"
done
mkdir /sys/kernel/debug/tracing
awk '$2 ~ /[tT]/ { print $3 }' /proc/kallsyms >/sys/kernel/tracing/available_filter_functions
cp /sys/kernel/tracing/available_filter_functions /sys/kernel/debug/tracing
"$vrft" --version >/dev/null
for ((i = 0; i < starts; i++)); do
	rm -f /var/cache/vrft/survey
	vrft_once start-cpu-cold/vrft
	vrft_once start-cpu/vrft
	pwru_once
done
