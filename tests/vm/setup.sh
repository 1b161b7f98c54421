#!/bin/sh
# The network of the tests: the namespaces vm1 (10.1.1.1) and vm2 (10.1.1.2), each with an eth0
# whose other end (tap1, tap2) is in the initial namespace. The vrouter module connects the taps as
# its vifs 1 and 2; without the module, the bridge br0 does.
# Works with busybox, as in a bare guest, whose ip does not support namespaces and lets the kernel name
# the other end of a link: veth0.
set -eu

join() {
	if [ -d /sys/module/vrouter ]; then
		vif-add "$1" "$2"
	else
		ip link set "$1" master br0
	fi
}

if [ -d /sys/module/vrouter ]; then
	# A fabric: index 0 is an interface like any other. The peer represents the wire.
	ip link add fab0 type veth
	ip link set fab0 address 02:00:00:00:02:00
	ip link set veth0 name wire0
	ip link set wire0 address 02:00:00:00:02:01
	for device in fab0 wire0; do
		echo 1 >"/proc/sys/net/ipv6/conf/$device/disable_ipv6"
		ip link set "$device" up
	done
	vif-add fab0 0 2
else
	ip link add br0 type bridge
	ip link set br0 up
fi
mkdir -p /run/netns
for index in 1 2; do
	# Where iproute2 expects named namespaces.
	touch "/run/netns/vm$index"
	# Fixed addresses, so that traces can be compared.
	unshare --net="/run/netns/vm$index" sh -eu -s "$index" <<'END'
		ip link add eth0 type veth
		ip link set eth0 address "02:00:00:00:00:0$1"
		ip link set veth0 netns 1
		ip address add "10.1.1.$1/24" dev eth0
		ip link set lo up
		ip link set eth0 up
END
	ip link set veth0 name "tap$index"
	ip link set "tap$index" address "02:00:00:00:01:0$index"
	ip link set "tap$index" up
	join "tap$index" "$index"
done
