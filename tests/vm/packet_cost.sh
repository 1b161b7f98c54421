#!/bin/sh
# In a guest with --accel icount, whose clock advances by 1 ns per instruction: prints what `vrft packets`
# takes to start and to end, in seconds, and of a flood ping, in thousands of instructions per round trip.
# Its own work on events is left out, as it is stopped meanwhile.
set -eu

PACKETS=2000

flood() {
	ip netns exec vm1 ping -q -f -c "$PACKETS" 10.1.1.2 | sed -n 's/.* time \([0-9]*\)ms$/\1/p'
}

# measure NAME - the least of two, as other work of the kernel may come in between.
measure() {
	{ flood; flood; } | sort -n |
		awk -v name="$1" -v packets="$PACKETS" 'NR == 1 { printf "%s: %.2f\n", name, $1 * 1000 / packets }'
}

now() {
	cut -d ' ' -f 1 /proc/uptime
}

# took NAME START - prints the seconds since then.
took() {
	echo "$2 $(now)" | awk -v name="$1" '{ printf "%s: %.2f\n", name, $2 - $1 }'
}

# live ARGUMENT... - starts vrft packets with them, and waits until all probes are live.
live() {
	rm -f "$work/ready"
	vrft packets "$@" --ready-file "$work/ready" -o "$work/trace" 2>"$work/log" &
	pid=$!
	while [ ! -e "$work/ready" ]; do
		kill -0 "$pid" 2>/dev/null || { cat "$work/log" >&2 && return 1; }
		sleep 0.02
	done
}

# packets NAME ARGUMENT... - traces with them.
packets() {
	name=$1
	shift
	start=$(now)
	live "$@"
	took "start/$name" "$start"
	# It goes to sleep, so that only the first event wakes it.
	sleep 0.5
	kill -STOP "$pid"
	measure "$name"
	kill -CONT "$pid"
	# What it has to print takes long, as all of it is emulated.
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || :
}

# ends NAME ARGUMENT... - ends a trace without events.
ends() {
	name=$1
	shift
	live "$@"
	sleep 0.5
	start=$(now)
	kill -TERM "$pid"
	wait "$pid"
	took "end/$name" "$start"
	# The second signal ends the wait for the kernel.
	live "$@"
	sleep 0.5
	start=$(now)
	kill -TERM "$pid"
	sleep 0.5
	kill -TERM "$pid"
	wait "$pid"
	took "cut/$name" "$start"
}

work=$(mktemp -d)
for vm in vm1 vm2; do
	ip netns exec "$vm" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
done
vrft --version >/dev/null
measure untraced
packets "vrft packets"
packets "vrft packets, filter that matches nothing" tcp port 9
packets "vrft packets --calls" --calls
ends "vrft packets"
rm -r "$work"
