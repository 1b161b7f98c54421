#!/bin/sh
# The network in which the real module was recorded (tests/data/vrouter-trees.txt), beyond that of setup.sh,
# which has run: devices and namespaces. tests/vm/guest/real_network.ts adds the vifs, nexthops and routes.
#
#   vm3    10.1.1.3, a third virtual machine (tap3)
#   fab    172.16.0.2 behind the fabric: it gets wire0. vx0 is 10.1.1.9 in VNI 5001; vx1 is in VNI 6001; by
#          MPLSoGRE (g1), 10.1.3.3 (label 99) talks to 10.1.1.1 (label 25) and to 10.8.8.8 (label 777).
#   pkt0   with its other end, agent0: the agent's interface
#
# With the argument "undo", it takes them down again.
set -eu

FAB=02:00:00:00:02:00

quiet() {
	ip netns exec "$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
		echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
}

if [ "${1-}" = undo ]; then
	ip -n fab link set wire0 netns 1
	ip link set wire0 up
	ip netns delete fab
	ip netns delete vm3
	ip link delete pkt0
	for vm in vm1 vm2; do
		ip -n $vm route delete default
		ip -n $vm neigh delete 10.1.1.254 dev eth0
	done
	for address in 10.1.1.9 10.1.1.50; do
		ip -n vm1 neigh delete $address dev eth0
	done
	exit
fi

for module in vxlan ip_gre mpls_router mpls_iptunnel; do
	modprobe "$module"
done
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6

ip netns add vm3
quiet vm3
ip link add tap3 type veth peer name eth0 netns vm3
ip link set tap3 up
ip -n vm3 link set eth0 address 02:00:00:00:00:03 up
ip -n vm3 address add 10.1.1.3/24 dev eth0

ip link add pkt0 type veth peer name agent0
ip link set pkt0 up
ip link set agent0 up

ip netns add fab
quiet fab
ip link set wire0 netns fab
ip -n fab link set lo up
ip -n fab link set wire0 up
ip -n fab address add 172.16.0.2/24 dev wire0
ip -n fab neigh replace 172.16.0.1 lladdr $FAB dev wire0
ip -n fab link add vx0 address 02:00:00:00:00:09 type vxlan id 5001 local 172.16.0.2 remote 172.16.0.1 dstport 4789
ip -n fab address add 10.1.1.9/24 dev vx0
ip -n fab link set vx0 up
ip -n fab neigh replace 10.1.1.1 lladdr 02:00:00:00:00:01 dev vx0
ip -n fab link add vx1 type vxlan id 6001 local 172.16.0.2 remote 172.16.0.1 dstport 4789
ip -n fab link set vx1 up
ip -n fab address add 10.6.6.1/24 dev vx1
ip -n fab neigh replace 10.6.6.2 lladdr 02:00:00:00:66:02 dev vx1
ip -n fab link add g1 type gre local 172.16.0.2 remote 172.16.0.1
ip -n fab link set g1 up
ip -n fab address add 10.1.3.3/32 dev lo
ip netns exec fab sh -c 'echo 1000 >/proc/sys/net/mpls/platform_labels
	echo 1 >/proc/sys/net/mpls/conf/g1/input'
ip -n fab -f mpls route add 99 dev lo
ip -n fab rule add from 10.1.3.3 table 100 pref 100
ip -n fab route add 10.1.1.1/32 encap mpls 25 dev g1 table 100
ip -n fab route add 10.8.8.8/32 encap mpls 777 dev g1

ip -n vm1 route replace default via 10.1.1.254
ip -n vm2 route replace default via 10.1.1.254
ip -n vm1 neigh replace 10.1.1.2 lladdr 02:00:00:00:00:02 dev eth0
ip -n vm2 neigh replace 10.1.1.1 lladdr 02:00:00:00:00:01 dev eth0
ip -n vm1 neigh replace 10.1.1.9 lladdr 02:00:00:00:00:09 dev eth0
ip -n vm1 neigh replace 10.1.1.50 lladdr 02:00:00:00:00:50 dev eth0
ip -n vm1 neigh replace 10.1.1.254 lladdr 00:00:5e:00:01:00 dev eth0
ip -n vm2 neigh replace 10.1.1.254 lladdr 00:00:5e:00:01:00 dev eth0
