#!/bin/sh
# Tunnels of the kernel's own devices, beyond the network of setup.sh, which has run. Their packets pass
# vrouter's vifs in both directions.
#
#   far        a namespace behind the fabric, 172.16.0.2: it gets wire0. vx0 is 10.1.1.9 in the network of
#              the VMs (VNI 0 is their VRF), which vrouter sends there and receives from there in VXLAN.
#              Packets to 10.3.1.9 go to vrouter as MPLSoGRE (label 25), which has no route for them.
#   vm1, vm2   VXLAN between the VMs (VNI 5001): 10.2.1.1 and 10.2.1.2; MPLSoGRE (labels 201 and 202):
#              10.3.1.1 and 10.3.1.2.
#
# With the argument "undo", it takes them down again.
set -eu

FAB=02:00:00:00:02:00
WIRE=02:00:00:00:02:01
FAR=02:00:00:00:00:09

quiet() {
	ip netns exec "$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
		echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
}

# mpls_input NAMESPACE LABEL - packets with the label are for the namespace itself.
mpls_input() {
	ip netns exec "$1" sh -c 'echo 1000 >/proc/sys/net/mpls/platform_labels
		echo 1 >/proc/sys/net/mpls/conf/g1/input'
	ip -n "$1" -f mpls route add "$2" dev lo
}

undo() {
	ip -n far link set wire0 netns 1
	ip link set wire0 up
	ip netns delete far
	for index in 1 2; do
		vm=vm$index
		ip -n $vm link delete vx0
		ip -n $vm -f mpls route delete 20$index
		ip -n $vm link delete g1
		ip -n $vm address delete 10.3.1.$index/32 dev lo
		ip -n $vm route delete 10.1.1.9/32
		ip -n $vm neigh delete 10.1.1.9 dev eth0
	done
}

if [ "${1-}" = undo ]; then
	undo
	exit
fi

for module in vxlan ip_gre mpls_router mpls_iptunnel; do
	modprobe "$module"
done

# Behind the fabric.
ip netns add far
quiet far
ip link set wire0 netns far
ip -n far link set lo up
ip -n far link set wire0 up
ip -n far address add 172.16.0.2/24 dev wire0
ip -n far neigh replace 172.16.0.1 lladdr $FAB dev wire0
ip -n far link add vx0 address $FAR type vxlan id 0 local 172.16.0.2 remote 172.16.0.1 dstport 4789
ip -n far address add 10.1.1.9/24 dev vx0
ip -n far link set vx0 up
ip -n far link add g1 type gre local 172.16.0.2 remote 172.16.0.1
ip -n far link set g1 up
ip -n far route add 10.3.1.9/32 encap mpls 25 dev g1
for index in 1 2; do
	ip -n far neigh replace "10.1.1.$index" lladdr "02:00:00:00:00:0$index" dev vx0
	ip -n "vm$index" neigh replace 10.1.1.9 lladdr $FAR dev eth0
	# Full-sized packets have to fit into the tunnel.
	ip -n "vm$index" route replace 10.1.1.9/32 dev eth0 mtu 1400
done
# The id is beyond those that vrouter gives to the nexthops of vifs.
vxlan-add 1000 0 $FAR 0 172.16.0.1 172.16.0.2 $WIRE $FAB

# Between the VMs.
for index in 1 2; do
	other=$((3 - index))
	vm=vm$index
	quiet $vm
	ip -n $vm link add vx0 type vxlan id 5001 local 10.1.1.$index remote 10.1.1.$other dstport 4789
	ip -n $vm address add 10.2.1.$index/24 dev vx0
	ip -n $vm link set vx0 up
	ip -n $vm link add g1 type gre local 10.1.1.$index remote 10.1.1.$other
	ip -n $vm link set g1 up
	ip -n $vm address add 10.3.1.$index/32 dev lo
	mpls_input $vm 20$index
	ip -n $vm route add 10.3.1.$other/32 encap mpls 20$other dev g1 src 10.3.1.$index
done
