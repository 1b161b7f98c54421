// SPDX-License-Identifier: GPL-2.0
/*
 * IPv4. Flows of packets from VMs; and packets from the fabric: VXLAN goes to the
 * VMs, the rest has no route and is dropped by the discard nexthop.
 */
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "vrouter.h"

#define VR_LOG_FILE	VR_PROTO_IP_C

#define VR_VXLAN_UDP_DST_PORT	4789
#define VR_VXLAN_HLEN		8

/* A fragment but the first: it has no ports. */
static bool vr_ip_is_fragment_tail(const struct iphdr *ip)
{
	return ip->frag_off & htons(IP_OFFSET);
}

noinline bool vr_inet_flow_allow_new_flow(struct vrouter *router,
					  struct vr_packet *pkt)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);

	return !vr_ip_is_fragment_tail(ip);
}

/* The nexthop that is part of the flow's key: the one to the vif. */
static noinline __noclone unsigned int
vr_inet_flow_nexthop(struct vr_packet *pkt, unsigned short vlan)
{
	return pkt->vp_if->vif_nh_id;
}

/* Ports, or what ICMP has in their place. Non-zero if the packet is too short. */
static __always_inline int vr_inet_flow_ports(struct vr_packet *pkt,
					      struct vr_flow *key)
{
	unsigned int offset = pkt->vp_network_h - pkt->vp_data;
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	unsigned int len = 4 * ip->ihl;
	const struct icmphdr *icmp;
	const __be16 *ports;

	if (vr_ip_is_fragment_tail(ip))
		return 0;

	switch (ip->protocol) {
	case IPPROTO_ICMP:
		if (!pkt_may_pull(pkt, offset + len + sizeof(*icmp)))
			return -EINVAL;
		icmp = (struct icmphdr *)(pkt_network_header(pkt) + len);
		key->flow_sport = icmp->un.echo.id;
		if (icmp->type != ICMP_ECHO)
			key->flow_dport = htons(icmp->type);
		return 0;
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		if (!pkt_may_pull(pkt, offset + len + 2 * sizeof(*ports)))
			return -EINVAL;
		ports = (__be16 *)(pkt_network_header(pkt) + len);
		key->flow_sport = ports[0];
		key->flow_dport = ports[1];
		return 0;
	default:
		return 0;
	}
}

static noinline __noclone int
vr_inet_form_flow(struct vrouter *router, unsigned short vrf,
		  struct vr_packet *pkt, u16 vlan, struct vr_flow *key)
{
	const struct iphdr *ip;

	memset(key, 0, sizeof(*key));
	if (vr_inet_flow_ports(pkt, key))
		return -EINVAL;

	ip = (struct iphdr *)pkt_network_header(pkt);
	key->flow_sip = ip->saddr;
	key->flow_dip = ip->daddr;
	key->flow_proto = ip->protocol;
	if (vr_flow_fat_flow_lookup(router, pkt, ip->protocol, key->flow_sport,
				    key->flow_dport))
		key->flow_sport = 0;
	key->flow_nh_id = vr_inet_flow_nexthop(pkt, vlan);
	return 0;
}

noinline flow_result_t vr_inet_flow_lookup(struct vrouter *router,
					   struct vr_packet *pkt,
					   struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	struct vr_interface *vif = pkt->vp_if;
	struct vr_flow key;

	if (pkt->vp_flags & VP_FLAG_FLOW_SET)
		return FLOW_FORWARD;
	if (!(READ_ONCE(vif->vif_flags) & VIF_FLAG_POLICY_ENABLED) ||
	    vif->vif_type != VIF_TYPE_VIRTUAL)
		return FLOW_FORWARD;
	if (ip->version != 4 || ip->ihl < 5)
		return FLOW_DROP;

	if (vr_inet_form_flow(router, fmd->fmd_dvrf, pkt, fmd->fmd_vlan, &key)) {
		vr_drop(pkt, VP_DROP_MISC);
		return FLOW_CONSUMED;
	}

	return vr_flow_lookup(router, &key, pkt, fmd);
}

static bool vr_ip_is_vxlan(struct vr_packet *pkt)
{
	const struct iphdr *ip = (struct iphdr *)pkt_data(pkt);
	unsigned int len = 4 * ip->ihl;

	if (ip->protocol != IPPROTO_UDP ||
	    !pkt_may_pull(pkt, len + sizeof(struct udphdr) + VR_VXLAN_HLEN))
		return false;

	/* Pulling may have moved the header. */
	return ((struct udphdr *)(pkt_data(pkt) + len))->dest ==
	       htons(VR_VXLAN_UDP_DST_PORT);
}

/* The stand-in uses the VNI as the VRF. */
noinline int vr_vxlan_input(struct vrouter *router, struct vr_packet *pkt,
			    struct vr_forwarding_md *fmd)
{
	const unsigned char *vni = pkt_data(pkt) + 4;
	unsigned int vrf = vni[0] << 16 | vni[1] << 8 | vni[2];

	if (vrf >= VR_MAX_VRFS) {
		vr_drop(pkt, VP_DROP_INVALID_VNID);
		return 0;
	}

	pkt_pull(pkt, VR_VXLAN_HLEN);
	fmd->fmd_dvrf = vrf;
	if (vr_pkt_type(pkt, 0, fmd)) {
		vr_drop(pkt, VP_DROP_INVALID_PACKET);
		return 0;
	}

	if (pkt->vp_type == VP_TYPE_IP)
		pkt->vp_flags |= VP_FLAG_GRO;
	/* Not a tail call, so that the trace shows the call inside this one. */
	nh_output(pkt, vr_translate_nh, fmd);
	return 0;
}

noinline int vr_ip_rcv(struct vrouter *router, struct vr_packet *pkt,
		       struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_data(pkt);

	pkt_pull(pkt, 4 * ip->ihl + sizeof(struct udphdr));
	return vr_vxlan_input(router, pkt, fmd);
}

noinline int vr_forward(struct vrouter *router, struct vr_packet *pkt,
			struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);

	if (ip->ttl <= 1) {
		vr_drop(pkt, VP_DROP_TTL_EXCEEDED);
		return 0;
	}

	pkt->vp_ttl = ip->ttl - 1;
	if (vr_ip_is_vxlan(pkt))
		return nh_output(pkt, vr_receive_nh, fmd);

	return nh_output(pkt, ip4_default_nh, fmd);
}

noinline int vr_ip_input(struct vrouter *router, struct vr_packet *pkt,
			 struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);

	if (ip->version != 4 || ip->ihl < 5) {
		vr_drop(pkt, VP_DROP_INVALID_PROTOCOL);
		return 0;
	}

	if (!vr_flow_forward(router, pkt, fmd))
		return 0;

	return vr_forward(router, pkt, fmd);
}
