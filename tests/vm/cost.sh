#!/bin/sh
# In the guest: what tracing everything costs. Times attaching, detaching and a flood ping of 2,000
# round trips, untraced and traced, three times.
set -eu

# Linux 5.10 has no BTF of modules: there it comes from a file.
[ -e /sys/kernel/btf/vrouter ] || [ ! -e /vm/vrouter.btf ] || set -- --vrouter-btf /vm/vrouter.btf "$@"

flood() {
	ip netns exec vm1 ping -q -f -c 2000 10.1.1.2 | sed -n 's/.* time \([0-9]*\)ms$/\1/p'
}

ip netns exec vm1 ping -q -c 2 10.1.1.2 >/dev/null
flood >/dev/null
work=$(mktemp -d)
for _ in 1 2 3; do
	untraced=$(flood)
	vrft "$@" --debug --ready-file "$work/ready" -o "$work/trace" 2>"$work/log" &
	vrft=$!
	while [ ! -e "$work/ready" ]; do sleep 0.1; done
	traced=$(flood)
	kill -INT "$vrft"
	wait "$vrft"
	echo "flood: $untraced ms untraced, $traced ms traced"
	sed -n -e 's/^.*\((.* it\/s)\)$/\1/p' -e 's/^[^ ]* [^ ]* \(Attached in\|Detached in\)/\1/p' \
		-e '$s/^[^ ]* [^ ]* //p' "$work/log"
	rm "$work"/*
done
