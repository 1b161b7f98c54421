#!/bin/sh
# In a guest with --accel icount: prints the instructions of a flood ping of 1,000 round trips, untraced
# and traced in several ways, in thousands per round trip. Excludes vrft's own, which is stopped
# meanwhile. Arguments are passed on to vrft.
set -eu

flood() {
	ip netns exec vm1 ping -q -f -c 1000 10.1.1.2 | sed -n 's/.* time \([0-9]*\)ms$/\1/p'
}

# Of three, as other work of the kernel may come in between.
least() {
	{ flood; flood; flood; } | sort -n | head -n 1
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
