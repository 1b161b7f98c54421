#!/bin/sh
# The network of the tests: the namespaces vm1 (10.1.1.1) and vm2 (10.1.1.2), each with an eth0
# whose other end (tap1, tap2) is in the initial namespace. The vrouter module joins the taps as
# its vifs 1 and 2; without the module the bridge br0 does.
set -eu

join() {
	if [ -d /sys/module/vrouter ]; then
		vif-add "$1" "$2"
	else
		ip link set "$1" master br0
	fi
}

if [ -d /sys/module/vrouter ]; then
	# A fabric: index 0 is an interface like any other. The peer stands for the wire.
	ip link add fab0 address 02:00:00:00:02:00 type veth peer name wire0 address 02:00:00:00:02:01
	for device in fab0 wire0; do
		echo 1 >"/proc/sys/net/ipv6/conf/$device/disable_ipv6"
		ip link set "$device" up
	done
	vif-add fab0 0 2
else
	ip link add br0 type bridge
	ip link set br0 up
fi
for index in 1 2; do
	ip netns add "vm$index"
	# The addresses are fixed, so that traces can be compared.
	ip link add "tap$index" address "02:00:00:00:01:0$index" type veth \
		peer name eth0 address "02:00:00:00:00:0$index" netns "vm$index"
	ip link set "tap$index" up
	ip -n "vm$index" link set lo up
	ip -n "vm$index" address add "10.1.1.$index/24" dev eth0
	ip -n "vm$index" link set eth0 up
	join "tap$index" "$index"
done
