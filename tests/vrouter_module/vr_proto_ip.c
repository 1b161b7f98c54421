// SPDX-License-Identifier: GPL-2.0
/*
 * IPv4: routing, and packets for this host: VXLAN and MPLS in UDP and GRE are taken
 * out of their tunnels. Without a route, packets go to the discard nexthop; except VXLAN
 * from the fabric, which the network of the tests receives without one.
 */
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "vrouter.h"

#define VR_LOG_FILE	VR_PROTO_IP_C

/* Encapsulations that vr_pull_inner_headers_fast() tells apart. */
#define PKT_ENCAP_MPLS		1
#define PKT_ENCAP_VXLAN		2

/* *ret of vr_pull_inner_headers_fast(). */
#define PKT_RET_SLOW_PATH	2

#define VR_GRE_FLAG_CSUM	0x8000
#define VR_GRE_FLAG_KEY		0x2000
#define VR_GRE_PROTO_MPLS	0x8847

/* What to do with an ARP request. */
typedef enum {
	MR_DROP = 1,
	MR_FLOOD,
	MR_PROXY,
} mac_response_t;

/* Packets that a VM sends to the agent. */
typedef enum {
	L4_TYPE_UNKNOWN,
	L4_TYPE_DHCP_REQUEST,
} l4_pkt_type_t;

/* The stand-in has no DHCP. */
noinline int vr_ip_well_known_packet(struct vr_packet *pkt)
{
	l4_pkt_type_t type = L4_TYPE_UNKNOWN;

	/* Without an effect, the compiler would remove the call. */
	barrier();
	return type;
}

/* The stand-in answers no request: all of them are flooded. */
static noinline __noclone mac_response_t
vm_arp_request(struct vr_interface *vif, struct vr_packet *pkt,
	       struct vr_forwarding_md *fmd, unsigned char *dmac)
{
	const unsigned char *arp = pkt_data(pkt) + sizeof(struct arphdr);
	struct vr_route_req rt;
	__be32 target;

	memcpy(&target, arp + 2 * ETH_ALEN + sizeof(target), sizeof(target));
	vr_inet_ip_lookup(fmd->fmd_dvrf, target, &rt);
	return MR_FLOOD;
}

static noinline __noclone mac_response_t
vm_mac_request(struct vr_interface *vif, struct vr_packet *pkt,
	       struct vr_forwarding_md *fmd, unsigned char *dmac)
{
	mac_response_t response = vm_arp_request(vif, pkt, fmd, dmac);

	/* Not a tail call, so that the trace shows the call inside this one. */
	barrier();
	return response;
}

noinline int vr_arp_input(struct vr_packet *pkt, struct vr_forwarding_md *fmd,
			  unsigned char *eth_dmac)
{
	const struct arphdr *arp = (struct arphdr *)pkt_data(pkt);

	if (arp->ar_hln != ETH_ALEN || arp->ar_pro != htons(ETH_P_IP)) {
		vr_drop(pkt, VP_DROP_INVALID_ARP);
		return 1;
	}

	if (arp->ar_op == htons(ARPOP_REQUEST))
		vm_mac_request(pkt->vp_if, pkt, fmd, eth_dmac);
	return 0;
}

/* Both return 1 if the packet is for somebody else, and 0 if it is consumed. */
static __always_inline unsigned int
vr_udp_input(struct vrouter *router, struct vr_packet *pkt,
	     struct vr_forwarding_md *fmd)
{
	int ret = PKT_RET_SLOW_PATH, encap_type = PKT_ENCAP_VXLAN;
	unsigned short reason;
	struct udphdr *udp, buf;
	bool mpls;

	if (!vr_pull_inner_headers_fast(pkt, IPPROTO_UDP, vr_mpls_tunnel_type,
					&ret, &encap_type))
		return 1;

	udp = vr_pheader_pointer(pkt, sizeof(buf), &buf);
	if (!udp) {
		vr_drop(pkt, VP_DROP_MISC);
		return 0;
	}
	mpls = udp->dest == htons(VR_MPLS_OVER_UDP_DST_PORT);
	if (!mpls && udp->dest != htons(VR_VXLAN_UDP_DST_PORT))
		return 1;

	if (!vr_pull_inner_headers(pkt, IPPROTO_UDP, &reason,
				   vr_mpls_tunnel_type)) {
		vr_pfree(pkt, reason);
		return 0;
	}

	pkt_pull(pkt, sizeof(*udp));
	if (mpls)
		vr_mpls_input(router, pkt, fmd);
	else
		vr_vxlan_input(router, pkt, fmd);
	return 0;
}

static __always_inline unsigned int
vr_gre_input(struct vrouter *router, struct vr_packet *pkt,
	     struct vr_forwarding_md *fmd)
{
	int ret = PKT_RET_SLOW_PATH, encap_type = PKT_ENCAP_MPLS;
	unsigned int len = VR_GRE_HDR_LEN;
	unsigned short reason, flags;
	__be16 *gre, buf[2];

	if (!vr_pull_inner_headers_fast(pkt, IPPROTO_GRE, vr_mpls_tunnel_type,
					&ret, &encap_type))
		return 1;

	gre = vr_pheader_pointer(pkt, sizeof(buf), buf);
	if (!gre) {
		vr_drop(pkt, VP_DROP_MISC);
		return 0;
	}

	flags = ntohs(gre[0]);
	if (flags & ~(VR_GRE_FLAG_CSUM | VR_GRE_FLAG_KEY) ||
	    gre[1] != htons(VR_GRE_PROTO_MPLS))
		return 1;
	if (flags & VR_GRE_FLAG_CSUM)
		len += 4;
	if (flags & VR_GRE_FLAG_KEY)
		len += 4;

	/* The reason has been logged, without the packet. */
	if (!vr_pull_inner_headers(pkt, IPPROTO_GRE, &reason,
				   vr_mpls_tunnel_type)) {
		vr_pfree(pkt, reason);
		return 0;
	}

	pkt_pull(pkt, len);
	vr_mpls_input(router, pkt, fmd);
	return 0;
}

noinline int vr_ip_rcv(struct vrouter *router, struct vr_packet *pkt,
		       struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_data(pkt);
	unsigned int len = 4 * ip->ihl;
	struct vr_interface *vif;
	unsigned int unhandled = 1;

	if (!pkt_pull(pkt, len)) {
		vr_drop(pkt, VP_DROP_PULL);
		return 0;
	}

	vr_qos_get_forwarding_class(router, pkt, fmd);
	if (ip->protocol == IPPROTO_GRE)
		unhandled = vr_gre_input(router, pkt, fmd);
	else if (ip->protocol == IPPROTO_UDP)
		unhandled = vr_udp_input(router, pkt, fmd);
	if (!unhandled)
		return 0;

	/* The rest is for the host itself, with the header that it came with. */
	vif = pkt->vp_nh ? READ_ONCE(pkt->vp_nh->nh_dev) : NULL;
	if (!vif) {
		vr_drop(pkt, VP_DROP_NOWHERE_TO_GO);
		return 0;
	}
	if (!pkt_push(pkt, len + ETH_HLEN)) {
		vr_drop(pkt, VP_DROP_PUSH);
		return 0;
	}

	vif->vif_tx(vif, pkt, fmd);
	return 0;
}

static bool vr_ip_is_vxlan(struct vr_packet *pkt)
{
	const struct iphdr *ip = (struct iphdr *)pkt_data(pkt);
	unsigned int len = 4 * ip->ihl;

	if (ip->protocol != IPPROTO_UDP ||
	    !pkt_may_pull(pkt, len + sizeof(struct udphdr)))
		return false;

	/* Pulling may have moved the header. */
	return ((struct udphdr *)(pkt_data(pkt) + len))->dest ==
	       htons(VR_VXLAN_UDP_DST_PORT);
}

noinline int vr_forward(struct vrouter *router, struct vr_packet *pkt,
			struct vr_forwarding_md *fmd)
{
	struct iphdr *ip = (struct iphdr *)pkt_data(pkt);
	struct vr_route_req rt;
	struct vr_nexthop *nh;

	if (!ip->ttl) {
		vr_drop(pkt, VP_DROP_TTL_EXCEEDED);
		return 0;
	}

	nh = vr_inet_ip_lookup(fmd->fmd_dvrf, ip->daddr, &rt);
	if (rt.rtr_req.rtr_label_flags & VR_RT_LABEL_VALID_FLAG)
		fmd->fmd_label = rt.rtr_req.rtr_label;
	if (nh == ip4_default_nh && pkt->vp_if->vif_type == VIF_TYPE_PHYSICAL &&
	    vr_ip_is_vxlan(pkt)) {
		nh = vr_receive_nh;
		ip = (struct iphdr *)pkt_data(pkt);
	}

	ip_decrease_ttl(ip);
	pkt->vp_ttl = ip->ttl;
	return nh_output(pkt, nh, fmd);
}

noinline int vr_ip_input(struct vrouter *router, struct vr_packet *pkt,
			 struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_data(pkt);

	if (ip->version != 4 || ip->ihl < 5) {
		vr_drop(pkt, VP_DROP_INVALID_PROTOCOL);
		return 0;
	}

	if (!vr_flow_forward(router, pkt, fmd))
		return 0;

	return vr_forward(router, pkt, fmd);
}

/* 1 if layer 3 has consumed the packet, which starts with its header. */
noinline int vr_l3_input(struct vr_packet *pkt, struct vr_forwarding_md *fmd)
{
	if (pkt->vp_type != VP_TYPE_IP)
		return 0;

	vr_ip_input(pkt->vp_if->vif_router, pkt, fmd);
	return 1;
}
