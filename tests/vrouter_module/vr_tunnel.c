// SPDX-License-Identifier: GPL-2.0
/*
 * Packets into VXLAN, MPLSoUDP and MPLSoGRE tunnels, out of the fabric.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "vrouter.h"

#define VR_LOG_FILE	VR_NEXTHOP_C

#define VR_TUNNEL_TTL		64

#define VR_VXLAN_OVERHEAD \
	(sizeof(struct iphdr) + sizeof(struct udphdr) + sizeof(struct vr_vxlan))
#define VR_MPLSOGRE_OVERHEAD \
	(sizeof(struct iphdr) + VR_GRE_HDR_LEN + VR_MPLS_HDR_LEN)

#define VR_MPLSOUDP_OVERHEAD \
	(sizeof(struct iphdr) + sizeof(struct udphdr) + VR_MPLS_HDR_LEN)

#define VR_GRE_PROTO_MPLS	0x8847

/* Drops a packet that the tunnel leads back to where it came from: true. */
static noinline __noclone bool
nh_tunnel_loop_detect_handle(struct vr_packet *pkt, struct vr_nexthop *nh,
			     struct vr_forwarding_md *fmd)
{
	if (!fmd->fmd_outer_src_ip || fmd->fmd_outer_src_ip != nh->nh_tun_dip)
		return false;

	vr_drop(pkt, VP_DROP_PKT_LOOP);
	return true;
}

int nh_tunnel_validate_src(struct vr_packet *pkt, struct vr_nexthop *nh,
			   struct vr_forwarding_md *fmd, void *ret_data)
{
	return fmd->fmd_outer_src_ip == nh->nh_tun_dip ? NH_SOURCE_VALID :
							 NH_SOURCE_INVALID;
}

/* True if the packet, or a segment of it, is too large for the vif. */
static noinline __noclone bool vr_has_to_fragment(struct vr_interface *vif,
						  struct vr_packet *pkt,
						  unsigned int overhead)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	unsigned int len = vr_pgso_size(pkt);

	if (!len)
		return pkt_len(pkt) + overhead > vif->vif_mtu;

	len += pkt->vp_network_h - pkt->vp_data + 4 * ip->ihl;
	if (ip->protocol == IPPROTO_TCP)
		len += tcp_hdrlen(vp_os_packet(pkt));
	return len + overhead > vif->vif_mtu;
}

/* The stand-in has no QoS: no class. */
noinline __noclone void *
vr_qos_get_forwarding_class(struct vrouter *router, struct vr_packet *pkt,
			    struct vr_forwarding_md *fmd)
{
	/* Without an effect, the compiler would remove the call. */
	barrier();
	return NULL;
}

/* Makes room before the data, in a head of the packet's own. */
static __always_inline bool vr_tunnel_make_room(struct vr_packet *pkt,
						unsigned int len)
{
	unsigned int missing = 0;

	if (pkt->vp_data < len)
		missing = len - pkt->vp_data;
	else if (!skb_header_cloned(vp_os_packet(pkt)))
		return true;

	return !vr_pexpand_head(pkt, missing);
}

/* Pushes the outer IP header. Non-zero if there is no room. */
static __always_inline int vr_tunnel_push_ip(struct vr_packet *pkt,
					     unsigned char protocol,
					     __be32 sip, __be32 dip)
{
	struct iphdr *ip = (struct iphdr *)pkt_push(pkt, sizeof(*ip));

	if (!ip)
		return -ENOSPC;

	*ip = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = htons(pkt_len(pkt)),
		.ttl = VR_TUNNEL_TTL,
		.protocol = protocol,
		.saddr = sip,
		.daddr = dip,
	};
	ip_send_check(ip);
	pkt->vp_network_h = pkt->vp_data;
	return 0;
}

/* Pushes the outer UDP and IP headers. Non-zero if there is no room. */
static noinline __noclone int nh_udp_tunnel_helper(struct vr_packet *pkt,
						   u16 sport, u16 dport,
						   __be32 sip, __be32 dip)
{
	struct udphdr *udp;

	udp = (struct udphdr *)pkt_push(pkt, sizeof(*udp));
	if (!udp)
		return -ENOSPC;

	*udp = (struct udphdr) {
		.source = htons(sport),
		.dest = htons(dport),
		.len = htons(pkt_len(pkt)),
	};

	return vr_tunnel_push_ip(pkt, IPPROTO_UDP, sip, dip);
}

static noinline __noclone int
nh_vxlan_tunnel_helper(struct vrouter *router, struct vr_packet **pktp,
		       struct vr_forwarding_md *fmd, __be32 sip, __be32 dip)
{
	struct vr_packet *pkt = *pktp;
	struct vr_vxlan *vxlan;
	u16 sport;

	if (!vr_tunnel_make_room(pkt, VR_VXLAN_OVERHEAD))
		return -ENOMEM;

	sport = vr_get_udp_src_port(pkt, fmd, fmd->fmd_dvrf);
	vr_qos_get_forwarding_class(router, pkt, fmd);

	pkt->vp_inner_network_h = pkt->vp_network_h;
	vxlan = (struct vr_vxlan *)pkt_push(pkt, sizeof(*vxlan));
	if (!vxlan)
		return -ENOSPC;

	vxlan->vxlan_flags = htonl(VR_VXLAN_IBIT);
	vxlan->vxlan_vnid = htonl(fmd->fmd_label << VR_VXLAN_VNID_SHIFT);
	return nh_udp_tunnel_helper(pkt, sport, VR_VXLAN_UDP_DST_PORT, sip, dip);
}

static __always_inline bool vr_tunnel_is_too_big(struct vr_interface *vif,
						 struct vr_packet *pkt,
						 unsigned int overhead)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);

	return pkt->vp_type == VP_TYPE_IP && ip->frag_off & htons(IP_DF) &&
	       vr_has_to_fragment(vif, pkt, ETH_HLEN + overhead);
}

/* True if the packet does not get into the tunnel: the agent may get it. */
static __always_inline bool vr_tunnel_refuses(struct vr_interface *vif,
					      struct vr_packet *pkt,
					      struct vr_nexthop *nh,
					      struct vr_forwarding_md *fmd,
					      unsigned int overhead)
{
	if (nh_tunnel_loop_detect_handle(pkt, nh, fmd))
		return true;
	if (!vr_tunnel_is_too_big(vif, pkt, overhead))
		return false;

	if (pkt->vp_flags & VP_FLAG_MULTICAST)
		vr_drop(pkt, VP_DROP_MCAST_DF_BIT);
	else
		vr_trap(pkt, fmd->fmd_dvrf, AGENT_TRAP_HANDLE_DF, NULL);
	return true;
}

static unsigned char vr_overlay_type(unsigned char type)
{
	switch (type) {
	case VP_TYPE_IP:
		return VP_TYPE_IPOIP;
	case VP_TYPE_IP6:
		return VP_TYPE_IP6OIP;
	default:
		return VP_TYPE_IP;
	}
}

int nh_vxlan_tunnel(struct vr_packet *pkt, struct vr_nexthop *nh,
		    struct vr_forwarding_md *fmd)
{
	struct vr_interface *vif = READ_ONCE(nh->nh_dev);
	unsigned short reason = VP_DROP_INVALID_IF;

	if (!vif)
		goto drop;

	reason = VP_DROP_INVALID_LABEL;
	if (fmd->fmd_label < 0)
		goto drop;

	if (vr_tunnel_refuses(vif, pkt, nh, fmd, VR_VXLAN_OVERHEAD))
		return 0;

	reason = VP_DROP_PUSH;
	if (nh_vxlan_tunnel_helper(nh->nh_router, &pkt, fmd, nh->nh_tun_sip,
				   nh->nh_tun_dip))
		goto drop;
	if (!vr_tunnel_make_room(pkt, nh->nh_data_size))
		goto drop;
	if (!eth_set_rewrite(vif, &pkt, fmd, nh->nh_data, nh->nh_data_size))
		goto drop;

	pkt->vp_type = vr_overlay_type(pkt->vp_type);
	return vif->vif_tx(vif, pkt, fmd);

drop:
	vr_drop(pkt, reason);
	return 0;
}

/* Pushes a label at the bottom of the stack. Non-zero if there is no room. */
static noinline __noclone int nh_push_mpls_header(struct vr_packet *pkt,
						  unsigned int label,
						  unsigned int ttl)
{
	__be32 *header = (__be32 *)pkt_push(pkt, VR_MPLS_HDR_LEN);

	if (!header)
		return -ENOSPC;

	*header = htonl(label << VR_MPLS_LABEL_SHIFT | VR_MPLS_STACK_BIT | ttl);
	return 0;
}

int nh_mpls_udp_tunnel(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd)
{
	struct vr_interface *vif = READ_ONCE(nh->nh_dev);
	unsigned short reason = VP_DROP_INVALID_IF;
	u16 sport;

	if (!vif)
		goto drop;

	reason = VP_DROP_INVALID_LABEL;
	if (fmd->fmd_label < 0)
		goto drop;

	if (vr_tunnel_refuses(vif, pkt, nh, fmd, VR_MPLSOUDP_OVERHEAD))
		return 0;

	reason = VP_DROP_PUSH;
	if (!vr_tunnel_make_room(pkt, VR_MPLSOUDP_OVERHEAD + nh->nh_data_size))
		goto drop;

	sport = vr_get_udp_src_port(pkt, fmd, fmd->fmd_dvrf);
	vr_qos_get_forwarding_class(nh->nh_router, pkt, fmd);
	pkt->vp_inner_network_h = pkt->vp_network_h;
	if (nh_push_mpls_header(pkt, fmd->fmd_label, pkt->vp_ttl) ||
	    nh_udp_tunnel_helper(pkt, sport, VR_MPLS_OVER_UDP_DST_PORT,
				 nh->nh_tun_sip, nh->nh_tun_dip))
		goto drop;
	if (!eth_set_rewrite(vif, &pkt, fmd, nh->nh_data, nh->nh_data_size)) {
		reason = VP_DROP_REWRITE_FAIL;
		goto drop;
	}

	pkt->vp_type = vr_overlay_type(pkt->vp_type);
	return vif->vif_tx(vif, pkt, fmd);

drop:
	vr_drop(pkt, reason);
	return 0;
}

int nh_gre_tunnel(struct vr_packet *pkt, struct vr_nexthop *nh,
		  struct vr_forwarding_md *fmd)
{
	struct vr_interface *vif = READ_ONCE(nh->nh_dev);
	unsigned short reason = VP_DROP_INVALID_NH;
	__be16 *gre;

	if (!vif)
		goto drop;
	if (vr_tunnel_refuses(vif, pkt, nh, fmd, VR_MPLSOGRE_OVERHEAD))
		return 0;

	reason = VP_DROP_PUSH;
	if (!vr_tunnel_make_room(pkt, VR_MPLSOGRE_OVERHEAD + nh->nh_data_size))
		goto drop;

	vr_qos_get_forwarding_class(nh->nh_router, pkt, fmd);
	pkt->vp_inner_network_h = pkt->vp_network_h;
	if (fmd->fmd_label >= 0 &&
	    nh_push_mpls_header(pkt, fmd->fmd_label, pkt->vp_ttl))
		goto drop;

	gre = (__be16 *)pkt_push(pkt, VR_GRE_HDR_LEN);
	if (!gre)
		goto drop;
	gre[0] = 0;
	gre[1] = htons(VR_GRE_PROTO_MPLS);
	if (vr_tunnel_push_ip(pkt, IPPROTO_GRE, nh->nh_tun_sip, nh->nh_tun_dip))
		goto drop;
	if (!eth_set_rewrite(vif, &pkt, fmd, nh->nh_data, nh->nh_data_size)) {
		reason = VP_DROP_REWRITE_FAIL;
		goto drop;
	}

	pkt->vp_type = vr_overlay_type(pkt->vp_type);
	return vif->vif_tx(vif, pkt, fmd);

drop:
	vr_drop(pkt, reason);
	return 0;
}
