#!/bin/sh
# In the guest: traces five pings, and shows why a sixth one is dropped. A shell makes its background
# jobs ignore SIGINT.
set -eu

# Linux 5.10 has no BTF of modules, so it comes from a file.
btf=
[ -e /sys/kernel/btf/vrouter ] || [ ! -e /vm/vrouter.btf ] || btf=/vm/vrouter.btf

# Starts vrft with these arguments, and waits until it is ready; its process is $vrft.
start() {
	ready=$(mktemp -u)
	vrft "$@" ${btf:+--vrouter-btf "$btf"} --ready-file "$ready" &
	vrft=$!
	while [ ! -e "$ready" ]; do
		# It may have refused to start.
		kill -0 "$vrft" 2>/dev/null || wait "$vrft"
		sleep 0.1
	done
}

start "$@"
ip netns exec vm1 ping -q -c 5 -i 0.2 10.1.1.2 >/dev/null
kill -TERM "$vrft"
wait "$vrft"

echo
echo "A ping to a MAC address that nobody has, as vrft drops shows it:"
ip netns exec vm1 ip neighbour replace 10.1.1.77 lladdr 02:00:00:00:00:99 dev eth0
start drops --lines --hints icmp and host 10.1.1.77 -n 1
ip netns exec vm1 ping -q -c 1 -W 1 10.1.1.77 >/dev/null || true
wait "$vrft"
