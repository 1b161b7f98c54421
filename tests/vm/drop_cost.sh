#!/bin/sh
# In a guest with --accel icount, whose clock advances by 1 ns per instruction: prints what `vrft drops` and
# its peers, if they are in /peers, take to start, and of a flood ping without drops and a burst of dropped
# packets, in thousands of instructions per round trip or packet. The tracers' own work on events is left
# out, as they are stopped meanwhile.
set -eu

PACKETS=10000
DROPPED=20000
NOBODY=10.1.1.77
ROOT=/peers/trixie

duration() {
	sed -n 's/.* time \([0-9]*\)ms$/\1/p'
}

# per_packet PACKETS - of milliseconds on stdin the least, for each packet.
per_packet() {
	sort -n | awk -v packets="$1" 'NR == 1 { printf "%.2f\n", $1 * 1000 / packets }'
}

flood() {
	ip netns exec vm1 ping -q -f -c "$PACKETS" 10.1.1.2 | duration
}

# Without answers ping sends all at once, and its time ends with the last one.
burst() {
	ip netns exec vm1 ping -q -l "$DROPPED" -c "$DROPPED" -W 1 "$NOBODY" 2>/dev/null | duration
}

# measure NAME
measure() {
	echo "no drops/$1: $({ flood; flood; } | per_packet "$PACKETS")"
	echo "drops/$1: $({ burst; burst; } | per_packet "$DROPPED")"
}

now() {
	cut -d ' ' -f 1 /proc/uptime
}

# tracer NAME READY COMMAND... - measures all about one; READY is a file that it creates.
tracer() {
	name=$1 ready=$2
	shift 2
	rm -f "$ready"
	start=$(now)
	"$@" >/dev/null 2>"$work/log" &
	pid=$!
	while [ ! -e "$ready" ]; do
		kill -0 "$pid" 2>/dev/null || { cat "$work/log" >&2 && return 1; }
		sleep 0.02
	done
	echo "start/$name: $(echo "$start $(now)" | awk '{ printf "%.2f\n", $2 - $1 }')"
	sleep 0.5
	kill -STOP "$pid"
	[ -n "$start_only" ] || measure "$name"
	kill -CONT "$pid"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || :
	sleep 1
}

peers() {
	for folder in proc sys dev; do mount --rbind "/$folder" "$ROOT/$folder"; done
	cp /usr/bin/busybox "$ROOT/usr/bin/busybox"
	for applet in sh sleep; do ln -s busybox "$ROOT/usr/bin/$applet"; done
	# bpftrace starts it once its probes are live.
	printf '#!/bin/sh\n: >/tmp/ready\nexec sleep 1000\n' >"$ROOT/tmp/live"
	chmod 755 "$ROOT/tmp/live"
	tracer bpftrace "$ROOT/tmp/ready" chroot "$ROOT" bpftrace -c '/bin/sh /tmp/live' \
		-e 'tracepoint:skb:kfree_skb { @[args.reason, ksym(args.location)] = count(); }'
	tracer pwru "$ROOT/tmp/ready" chroot "$ROOT" pwru --ready-file /tmp/ready \
		--output-file /tmp/output "icmp and host $NOBODY"
}

start_only=${1-}
work=$(mktemp -d)
for vm in vm1 vm2; do
	ip netns exec "$vm" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
done
ip netns exec vm1 ip neigh replace "$NOBODY" lladdr 02:00:00:00:00:99 dev eth0
vrft --version >/dev/null
start=$(now)
vrft --version >/dev/null
echo "start/vrft --version: $(echo "$start $(now)" | awk '{ printf "%.2f\n", $2 - $1 }')"
[ -n "$start_only" ] || measure untraced
# Linux 5.10 has no BTF of modules.
btf=/sys/kernel/btf/vrouter
[ -e "$btf" ] || btf=/vm/vrouter.btf
tracer "vrft drops" "$work/ready" vrft drops --lines --vrouter-btf "$btf" \
	--ready-file "$work/ready" -o "$work/trace"
[ -n "$start_only" ] || [ ! -e "$ROOT" ] || peers
rm -r "$work"
