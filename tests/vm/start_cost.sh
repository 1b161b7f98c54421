#!/bin/sh
# In a guest with --accel icount, whose clock advances by 1 ns per instruction: prints the seconds from exec
# until all probes are live. Of vrft: the first start, which unpacks the runtime; starts that find nothing
# kept of the kernel; later ones. Of pwru, if it is in /peers: later ones. Argument: how many of each (3).
set -eu

STARTS=${1:-3}
ROOT=/peers/trixie

now() {
	cut -d ' ' -f 1 /proc/uptime
}

# start NAME READY COMMAND... - READY is a file that it creates.
start() {
	name=$1 ready=$2
	shift 2
	rm -f "$ready"
	start=$(now)
	"$@" >/dev/null 2>"$work/log" &
	pid=$!
	while [ ! -e "$ready" ]; do
		kill -0 "$pid" 2>/dev/null || { cat "$work/log" >&2 && return 1; }
		sleep 0.01
	done
	echo "$name: $(echo "$start $(now)" | awk '{ printf "%.2f\n", $2 - $1 }')"
	kill -TERM "$pid"
	wait "$pid" 2>/dev/null || :
	sleep 1
}

vrft_start() {
	start "$1" "$work/ready" vrft --ready-file "$work/ready" -o "$work/trace"
}

repeat() {
	i=0
	while [ "$i" -lt "$STARTS" ]; do
		"$@"
		i=$((i + 1))
	done
}

unknown_kernel() {
	rm -f /var/cache/vrft/survey /run/vrft/survey
	vrft_start "nothing kept/vrft"
}

pwru_start() {
	start later/pwru "$ROOT/tmp/ready" chroot "$ROOT" pwru --ready-file /tmp/ready --output-file /tmp/output icmp
}

work=$(mktemp -d)
sleep 1
vrft_start first/vrft
repeat unknown_kernel
repeat vrft_start later/vrft
if [ -e "$ROOT" ]; then
	for folder in proc sys dev; do mount --rbind "/$folder" "$ROOT/$folder"; done
	repeat pwru_start
fi
rm -r "$work"
