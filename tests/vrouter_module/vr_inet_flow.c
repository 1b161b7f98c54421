// SPDX-License-Identifier: GPL-2.0
/*
 * The flow of an IPv4 packet: its key, from the packet or from its head.
 */
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/socket.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>

#include "vrouter.h"

#define VR_LOG_FILE	VR_PROTO_IP_C

noinline bool vr_inet_flow_allow_new_flow(struct vrouter *router,
					  struct vr_packet *pkt)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);

	return !vr_ip_fragment_tail(ip);
}

/* The nexthop that is part of the flow's key: the one to the vif. */
static noinline __noclone unsigned int
vr_inet_flow_nexthop(struct vr_packet *pkt, unsigned short vlan)
{
	return pkt->vp_if->vif_nh_id;
}

/* Ports, or what ICMP has in their place. Non-zero if there are none. */
static __always_inline int vr_inet_flow_ports(struct vrouter *router,
					      unsigned short vrf,
					      struct vr_packet *pkt,
					      __be16 *sport, __be16 *dport)
{
	unsigned int offset = pkt->vp_network_h - pkt->vp_data;
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	unsigned int len = 4 * ip->ihl;
	const struct icmphdr *icmp;
	const __be16 *ports;

	*sport = 0;
	*dport = 0;
	if (vr_ip_fragment_tail(ip))
		return vr_fragment_get(router, vrf, ip, sport, dport) ? 0 : -ENOENT;

	switch (ip->protocol) {
	case IPPROTO_ICMP:
		if (!pkt_may_pull(pkt, offset + len + sizeof(*icmp)))
			return -EINVAL;
		icmp = (struct icmphdr *)(pkt_network_header(pkt) + len);
		*sport = icmp->un.echo.id;
		if (icmp->type != ICMP_ECHO)
			*dport = htons(icmp->type);
		return 0;
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		if (!pkt_may_pull(pkt, offset + len + 2 * sizeof(*ports)))
			return -EINVAL;
		ports = (__be16 *)(pkt_network_header(pkt) + len);
		*sport = ports[0];
		*dport = ports[1];
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
	__be16 sport, dport;

	memset(key, 0, sizeof(*key));
	if (vr_inet_flow_ports(router, vrf, pkt, &sport, &dport))
		return -EINVAL;

	ip = (struct iphdr *)pkt_network_header(pkt);
	key->key_u.ip4_key = (struct vr_inet_flow) {
		.ip4_family = AF_INET,
		.ip4_proto = ip->protocol,
		.ip4_sport = sport,
		.ip4_dport = dport,
		.ip4_sip = ip->saddr,
		.ip4_dip = ip->daddr,
	};
	if (vr_flow_fat_flow_lookup(router, pkt, ip->protocol, sport, dport))
		key->flow_sport = 0;
	key->flow_nh_id = vr_inet_flow_nexthop(pkt, vlan);
	key->flow_key_len = sizeof(struct vr_inet_flow);
	return 0;
}

static void vr_inet_nat_address(struct vr_packet *pkt, struct iphdr *ip,
				__sum16 *check, __be32 *address, __be32 to)
{
	if (check)
		inet_proto_csum_replace4(check, vp_os_packet(pkt), *address, to,
					 true);
	csum_replace4(&ip->check, *address, to);
	*address = to;
}

static void vr_inet_nat_port(struct vr_packet *pkt, __sum16 *check,
			     __be16 *port, __be16 to)
{
	if (check)
		inet_proto_csum_replace2(check, vp_os_packet(pkt), *port, to,
					 false);
	*port = to;
}

/* NULL if there is none to keep right. */
static __sum16 *vr_inet_l4_checksum(const struct iphdr *ip, void *l4)
{
	struct udphdr *udp = l4;

	if (ip->protocol == IPPROTO_TCP)
		return &((struct tcphdr *)l4)->check;
	return ip->protocol == IPPROTO_UDP && udp->check ? &udp->check : NULL;
}

/* Gives the packet what its answers, those of the reverse flow, go to. */
noinline flow_result_t vr_inet_flow_nat(struct vr_flow_entry *fe,
					struct vr_packet *pkt,
					struct vr_forwarding_md *fmd)
{
	struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	__be16 *ports = (__be16 *)((u8 *)ip + 4 * ip->ihl);
	const struct vr_flow_entry *rfe;
	__sum16 *check;

	rfe = vr_flow_get_entry(pkt->vp_if->vif_router, fe->fe_rflow);
	if (!rfe) {
		vr_drop(pkt, VP_DROP_FLOW_NAT_NO_RFLOW);
		return FLOW_CONSUMED;
	}

	/* vr_inet_form_flow() has made the ports linear. */
	check = vr_inet_l4_checksum(ip, ports);
	if (fe->fe_flags & VR_FLOW_FLAG_SNAT)
		vr_inet_nat_address(pkt, ip, check, &ip->saddr,
				    rfe->fe_key.flow4_dip);
	if (fe->fe_flags & VR_FLOW_FLAG_DNAT)
		vr_inet_nat_address(pkt, ip, check, &ip->daddr,
				    rfe->fe_key.flow4_sip);
	if (fe->fe_flags & VR_FLOW_FLAG_SPAT)
		vr_inet_nat_port(pkt, check, &ports[0], rfe->fe_key.flow_dport);
	if (fe->fe_flags & VR_FLOW_FLAG_DPAT)
		vr_inet_nat_port(pkt, check, &ports[1], rfe->fe_key.flow_sport);
	return FLOW_FORWARD;
}

/* The head of a fragmented packet: the others need its ports. */
static __always_inline int vr_inet_flow_head(struct vrouter *router,
					     struct vr_packet *pkt,
					     struct vr_flow *key,
					     struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	struct vr_packet *clone;

	if (vr_v4_fragment_add(router, fmd->fmd_dvrf, ip, key->flow_sport,
			       key->flow_dport)) {
		PKT_LOG(VP_DROP_NO_MEMORY, pkt, key, VR_LOG_FILE, __LINE__);
		return -ENOMEM;
	}

	clone = vr_pclone(pkt);
	if (clone)
		vr_enqueue_to_assembler(router, clone, fmd);
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
	/* Multicast and broadcast have no flows. */
	if (ipv4_is_multicast(ip->daddr) || ipv4_is_lbcast(ip->daddr))
		return FLOW_FORWARD;
	if (ip->version != 4 || ip->ihl < 5)
		return FLOW_DROP;

	if (vr_inet_form_flow(router, fmd->fmd_dvrf, pkt, fmd->fmd_vlan, &key)) {
		ip = (struct iphdr *)pkt_network_header(pkt);
		if (vr_ip_fragment_tail(ip))
			vr_enqueue_to_assembler(router, pkt, fmd);
		else
			vr_drop(pkt, VP_DROP_MISC);
		return FLOW_CONSUMED;
	}

	ip = (struct iphdr *)pkt_network_header(pkt);
	if (vr_ip_fragment_head(ip) && vr_inet_flow_head(router, pkt, &key, fmd))
		return FLOW_DROP;

	return vr_flow_lookup(router, &key, pkt, fmd);
}
