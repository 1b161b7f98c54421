// SPDX-License-Identifier: GPL-2.0
/*
 * IPv4 from the fabric: VXLAN goes to the VMs; the rest has no route and is
 * dropped by the discard nexthop.
 */
#include <linux/ip.h>
#include <linux/udp.h>

#include "vrouter.h"

#define VR_VXLAN_UDP_DST_PORT	4789
#define VR_VXLAN_HLEN		8

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
		vr_pfree(pkt, VP_DROP_INVALID_VNID);
		return 0;
	}

	pkt_pull(pkt, VR_VXLAN_HLEN);
	fmd->fmd_dvrf = vrf;
	if (vr_pkt_type(pkt, 0, fmd)) {
		vr_pfree(pkt, VP_DROP_INVALID_PACKET);
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
		vr_pfree(pkt, VP_DROP_TTL_EXCEEDED);
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
		vr_pfree(pkt, VP_DROP_INVALID_PROTOCOL);
		return 0;
	}

	if (!vr_flow_forward(router, pkt, fmd))
		return 0;

	return vr_forward(router, pkt, fmd);
}
