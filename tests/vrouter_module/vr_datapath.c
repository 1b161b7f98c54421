// SPDX-License-Identifier: GPL-2.0
/*
 * Entry points of packets: from VMs, from the fabric, from a queue.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/socket.h>

#include "vr_tracer_cases.h"
#include "vrouter.h"

#define VR_LOG_FILE	VR_DATAPATH_C

#define VR_MAX_VLAN_TAGS	2

/* Hardware and protocol addresses of both sides. */
#define VR_ARP_LEN	(sizeof(struct arphdr) + 2 * (ETH_ALEN + sizeof(__be32)))

static unsigned int vr_pkt_header_len(unsigned char type)
{
	switch (type) {
	case VP_TYPE_ARP:
		return VR_ARP_LEN;
	case VP_TYPE_IP:
		return sizeof(struct iphdr);
	case VP_TYPE_IP6:
		return sizeof(struct ipv6hdr);
	default:
		return 0;
	}
}

static unsigned char vr_eth_proto_to_pkt_type(__be16 proto)
{
	switch (proto) {
	case htons(ETH_P_ARP):
		return VP_TYPE_ARP;
	case htons(ETH_P_IP):
		return VP_TYPE_IP;
	case htons(ETH_P_IPV6):
		return VP_TYPE_IP6;
	default:
		return VP_TYPE_UNKNOWN;
	}
}

/*
 * Parses the frame at vp_data + offset: sets vp_type and vp_network_h, and
 * makes the headers up to layer 3 linear. Returns non-zero if the frame is too
 * short.
 */
noinline int vr_pkt_type(struct vr_packet *pkt, unsigned short offset,
			 struct vr_forwarding_md *fmd)
{
	unsigned int len = offset + ETH_HLEN;
	const struct vlan_hdr *vlan;
	const struct ethhdr *eth;
	unsigned int tags;
	__be16 proto;

	if (!pkt_may_pull(pkt, len))
		return -EINVAL;
	proto = ((struct ethhdr *)(pkt_data(pkt) + offset))->h_proto;

	for (tags = 0; eth_type_vlan(proto) && tags < VR_MAX_VLAN_TAGS; tags++) {
		if (!pkt_may_pull(pkt, len + VLAN_HLEN))
			return -EINVAL;
		vlan = (struct vlan_hdr *)(pkt_data(pkt) + len);
		if (!tags)
			fmd->fmd_vlan = ntohs(vlan->h_vlan_TCI) & VLAN_VID_MASK;
		proto = vlan->h_vlan_encapsulated_proto;
		len += VLAN_HLEN;
	}

	pkt->vp_type = vr_eth_proto_to_pkt_type(proto);
	if (!pkt_may_pull(pkt, len + vr_pkt_header_len(pkt->vp_type)))
		return -EINVAL;

	pkt->vp_network_h = pkt->vp_data + len;
	eth = (struct ethhdr *)(pkt_data(pkt) + offset);
	if (is_multicast_ether_addr(eth->h_dest))
		pkt->vp_flags |= VP_FLAG_MULTICAST;
	return 0;
}

/* Forwards a packet from a VM, after vr_pkt_type(). */
static __always_inline int vr_virtual_forward(struct vr_packet *pkt,
					      struct vr_forwarding_md *fmd)
{
	if (!vr_flow_forward(&router, pkt, fmd))
		return 0;

	return vr_bridge_input(&router, pkt, fmd);
}

noinline unsigned int vr_virtual_input(unsigned short vrf,
				       struct vr_interface *vif,
				       struct vr_packet *pkt,
				       struct vr_forwarding_md *fmd,
				       unsigned short vlan_id)
{
	fmd->fmd_dvrf = vrf;
	fmd->fmd_vlan = vlan_id;

	if (vr_pkt_type(pkt, 0, fmd)) {
		vif_drop_pkt(vif, pkt, true);
		return 0;
	}

	if (vr_tracer_case_armed() && vr_tracer_case_input(pkt))
		return 0;

	return vr_virtual_forward(pkt, fmd);
}

noinline unsigned int vr_fabric_input(struct vr_interface *vif,
				      struct vr_packet *pkt,
				      struct vr_forwarding_md *fmd,
				      unsigned short vlan_id)
{
	fmd->fmd_dvrf = READ_ONCE(vif->vif_vrf);
	fmd->fmd_vlan = vlan_id;

	if (vr_pkt_type(pkt, 0, fmd)) {
		vif_drop_pkt(vif, pkt, true);
		return 0;
	}

	/* Packets that are not routed go to the host's own stack. */
	if (pkt->vp_type != VP_TYPE_IP)
		return vif_xconnect(vif, pkt, fmd);

	if (!pkt_pull(pkt, pkt->vp_network_h - pkt->vp_data)) {
		vr_drop(pkt, VP_DROP_PULL);
		return 0;
	}

	return vr_ip_input(&router, pkt, fmd);
}

/* Forwards a packet that was held, after the decision about its flow. */
noinline int vr_reinject_packet(struct vr_packet *pkt,
				struct vr_forwarding_md *fmd)
{
	struct vr_nexthop *nh = pkt->vp_nh;

	if (!nh)
		return vr_bridge_input(pkt->vp_if->vif_router, pkt, fmd);

	if (!(nh->nh_flags & NH_FLAG_VALID)) {
		vr_drop(pkt, VP_DROP_INVALID_NH);
		return 0;
	}

	return nh->nh_reach_nh(pkt, nh, fmd);
}

/* A linear copy of the first len bytes, with head_room bytes before them. */
noinline struct vr_packet *pkt_copy(struct vr_packet *pkt,
				    unsigned int head_room, unsigned int len)
{
	struct vr_packet *copy = vr_palloc(head_room + len);

	if (!copy)
		return NULL;

	copy->vp_if = pkt->vp_if;
	copy->vp_cpu = pkt->vp_cpu;
	copy->vp_type = pkt->vp_type;
	copy->vp_data = head_room;
	copy->vp_len = len;
	copy->vp_tail = head_room + len;
	if (vr_pcopy(pkt_data(copy), pkt, 0, len) < 0) {
		vr_drop(copy, VP_DROP_MISC);
		return NULL;
	}

	return copy;
}

noinline int vr_gro_input(struct vr_packet *pkt, struct vr_nexthop *nh)
{
	struct vr_gro *gro = (struct vr_gro *)pkt_push(pkt, sizeof(*gro));

	if (!gro)
		return 0;

	gro->vg_vif_id = pkt->vp_if->vif_idx;
	gro->vg_nh_id = nh->nh_id;
	if (lh_gro_process(pkt, nh->nh_dev, nh->nh_family == AF_BRIDGE))
		return 1;

	pkt_pull(pkt, sizeof(*gro));
	return 0;
}

/* Passes a packet to the agent, if there is one. */
noinline int vr_trap(struct vr_packet *pkt, unsigned short trap_vrf,
		     unsigned short trap_reason, void *trap_param)
{
	struct vr_interface *agent = rcu_dereference(router.vr_agent_if);
	struct agent_send_params params;

	if (!agent) {
		vr_drop(pkt, VP_DROP_TRAP_NO_IF);
		return 0;
	}

	params = (struct agent_send_params) {
		.trap_vrf = trap_vrf,
		.trap_reason = trap_reason,
		.trap_param = trap_param,
	};
	/* Not a tail call, so that the trace shows the call inside this one. */
	agent->vif_send(agent, pkt, &params);
	return 0;
}
