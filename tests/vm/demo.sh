#!/bin/sh
# In the guest: traces five pings. A shell makes its background jobs ignore SIGINT.
set -eu

# Linux 5.10 has no BTF of modules, so it comes from a file.
[ -e /sys/kernel/btf/vrouter ] || [ ! -e /vm/vrouter.btf ] || set -- --vrouter-btf /vm/vrouter.btf "$@"

ready=$(mktemp -u)
vrft --ready-file "$ready" "$@" &
vrft=$!
while [ ! -e "$ready" ]; do
	# It may have refused to start.
	kill -0 "$vrft" 2>/dev/null || wait "$vrft"
	sleep 0.1
done
ip netns exec vm1 ping -q -c 5 -i 0.2 10.1.1.2 >/dev/null
kill -TERM "$vrft"
wait "$vrft"
