#!/bin/sh
# In a guest with --accel icount: prints the instructions of a flood ping of 1,000 round trips, untraced
# and traced in several ways, in thousands per round trip. Excludes vrft's own, which is stopped
# meanwhile. Arguments are passed on to vrft. Without any, and with the program /root/peer and its object
# /root/peer.bpf.o, of tests/bench/peer.c, it also prints what an empty kprobe.session program on the same
# functions takes. If the first argument is --each, the others are backends: only what tells them apart is
# measured, and the empty program.
set -eu

flood() {
	ip netns exec vm1 ping -q -f -c 1000 10.1.1.2 | sed -n 's/.* time \([0-9]*\)ms$/\1/p'
}

# Of two, as other work of the kernel may come in between.
least() {
	{ flood; flood; } | sort -n | head -n 1
}

# One line for each function, as peer.c wants it: address, cookie, name.
functions() {
	vrft functions --json | awk '
		$1 == "\"name\":" { name = $2 }
		$1 == "\"address\":" && $2 ~ /0x/ {
			gsub(/[",]/, "", name)
			gsub(/[",]|0x/, "", $2)
			print $2, 0, name
		}'
}

empty() {
	functions >"$work/functions"
	/root/peer /root/peer.bpf.o empty "$work/functions" "$work/live" >"$work/log" &
	peer=$!
	while [ ! -e "$work/live" ]; do sleep 0.1; done
	sleep 0.5
	echo "empty session program: $(least)"
	kill -INT "$peer"
	wait "$peer"
	sed 's/^/  /' "$work/log"
}

traced() {
	what=$1
	shift
	rm -f "$work/ready"
	vrft "$@" --ready-file "$work/ready" -o "$work/trace" 2>"$work/log" &
	vrft=$!
	while [ ! -e "$work/ready" ]; do sleep 0.1; done
	# It goes to sleep, so that only the first event wakes it.
	sleep 0.5
	kill -STOP "$vrft"
	echo "$what: $(least)"
	kill -CONT "$vrft"
	kill -TERM "$vrft"
	wait "$vrft"
	sed -n '$s/^[^ ]* [^ ]* /  /p' "$work/log"
}

for vm in vm1 vm2; do
	ip netns exec "$vm" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
done
work=$(mktemp -d)
echo "untraced: $(least)"
if [ -e /root/peer ] && { [ $# -eq 0 ] || [ "$1" = --each ]; }; then empty; fi
if [ "${1-}" = --each ]; then
	shift
	for backend; do
		traced "$backend: every packet" --backend "$backend"
		traced "$backend: none, by interface" --backend "$backend" -i vif0/0
		traced "$backend: tcp port 9: none matches" --backend "$backend" tcp port 9
	done
	rm -r "$work"
	exit
fi
traced "every packet" "$@"
traced "none, by interface" -i vif0/0 "$@"
traced "one in 100" --sample 100 "$@"
traced "icmp: all match" icmp "$@"
traced "tcp port 9: none matches" tcp port 9 "$@"
traced "--inner icmp: none matches" --inner icmp "$@"
traced "--vif tap1: all match" --vif tap1 "$@"
traced "--vif fab0: none matches" --vif fab0 "$@"
traced "--vrf 0: all match" --vrf 0 "$@"
traced "--vrf 7: none matches" --vrf 7 "$@"
# The VMs' nexthops are among these.
# shellcheck disable=SC2046 # one argument each
traced "--nh, 16 of them: all match" $(seq 3 18 | sed 's,^,--nh=,') "$@"
traced "--nh 0: none matches" --nh 0 "$@"
traced "--vni 5: none matches" --vni 5 "$@"
rm -r "$work"
