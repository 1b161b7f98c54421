// SPDX-License-Identifier: GPL-2.0
/*
 * IPv4 from the fabric. The stand-in has no routes, so that all of it ends at
 * the discard nexthop.
 */
#include <linux/ip.h>

#include "vrouter.h"

noinline int vr_forward(struct vrouter *router, struct vr_packet *pkt,
			struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);

	if (ip->ttl <= 1) {
		vr_pfree(pkt, VP_DROP_TTL_EXCEEDED);
		return 0;
	}

	pkt->vp_ttl = ip->ttl - 1;
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
