// SPDX-License-Identifier: GPL-2.0
/*
 * vifs and their devices: reception by an rx handler, transmission by
 * dev_queue_xmit(), and removal of devices. Also the router's internal devices:
 * packets from the fabric are first steered to another CPU through pkt2 (RPS),
 * and packets from a tunnel go to their VM through pkt3 (GRO).
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/net_namespace.h>

#include "vr_compat.h"
#include "vr_requests.h"
#include "vrouter.h"

#define VR_LOG_FILE	VR_HOST_INTERFACE_C

#define VR_STATS_MTU		9136

/* GRO at layers 3 and 2, with a vif each; RPS, without a vif. */
static struct net_device *pkt_gro_dev, *pkt_l2_gro_dev, *pkt_rps_dev;

/* Whether packets from the fabric go through pkt2. */
static int vr_perfr3 = 1;
module_param(vr_perfr3, int, 0);

/* Contents of skb->cb on pkt2, until linux_rx_handler(). */
struct vr_rps_ {
	unsigned int vif_idx;
	unsigned short vif_rid;
};

/* Packets to a virtual vif, queued for GRO at layer 2. */
struct vr_gro_queue {
	struct sk_buff_head gq_packets;
	struct napi_struct gq_napi;
	struct rcu_head gq_rcu;
};

static struct vr_rps_ *linux_rps(struct sk_buff *skb)
{
	return (struct vr_rps_ *)skb->cb;
}

/* Sets up the struct vr_packet in skb->cb. NULL if the offsets overflow. */
static __always_inline struct vr_packet *
linux_get_packet(struct sk_buff *skb, struct vr_interface *vif)
{
	struct vr_packet *pkt = (struct vr_packet *)skb->cb;

	if (unlikely(skb_end_offset(skb) > U16_MAX))
		return NULL;

	*pkt = (struct vr_packet) {
		.vp_head = skb->head,
		.vp_if = vif,
		.vp_data = skb_headroom(skb),
		.vp_tail = skb_tail_pointer(skb) - skb->head,
		.vp_len = skb_headlen(skb),
		.vp_end = skb_end_offset(skb),
		/* Eight bits: counters of CPU 256 and up wrap to 0 and up. */
		.vp_cpu = smp_processor_id() & U8_MAX,
		.vp_type = VP_TYPE_NULL,
		.vp_ttl = VP_TTL_DEFAULT,
		.vp_queue = VP_QUEUE_INVALID,
		.vp_priority = VP_PRIORITY_INVALID,
	};

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		pkt->vp_flags |= VP_FLAG_CSUM_PARTIAL;
	if (skb_is_gso(skb))
		pkt->vp_flags |= VP_FLAG_GSO;

	return pkt;
}

/* Picks the queue of another CPU of this node. */
static noinline __noclone void
linux_get_rxq(struct sk_buff *skb, u16 *rxq, unsigned int curr_cpu,
	      unsigned int prev_cpu)
{
	const struct cpumask *node = cpumask_of_node(cpu_to_node(curr_cpu));
	unsigned int cpu, others = 0, nth;

	for_each_cpu_and(cpu, node, cpu_online_mask)
		others += cpu != curr_cpu && cpu + 1 != prev_cpu;

	*rxq = curr_cpu;
	if (!others)
		return;

	nth = reciprocal_scale(skb_get_hash(skb), others);
	for_each_cpu_and(cpu, node, cpu_online_mask) {
		if (cpu == curr_cpu || cpu + 1 == prev_cpu)
			continue;
		*rxq = cpu;
		if (!nth--)
			return;
	}
}

/* Receives the packet again on pkt2, whose queues RPS steers. */
static void linux_rps_enqueue(struct sk_buff *skb,
			      const struct vr_interface *vif)
{
	unsigned int cpu = smp_processor_id();
	u16 rxq;

	linux_get_rxq(skb, &rxq, cpu, 0);
	skb_record_rx_queue(skb, rxq);
	skb->hash = cpu;
	skb->dev = pkt_rps_dev;
	linux_rps(skb)->vif_idx = vif->vif_idx;
	linux_rps(skb)->vif_rid = vif->vif_rid;
	netif_receive_skb(skb);
}

/* The vif that received a packet on pkt2; NULL if it has been deleted. */
static struct vr_interface *linux_rps_vif(struct sk_buff *skb)
{
	struct vr_interface *vif;

	vif = __vrouter_get_interface(&router, linux_rps(skb)->vif_idx);
	return vif && vif->vif_type == VIF_TYPE_PHYSICAL ? vif : NULL;
}

noinline rx_handler_result_t linux_rx_handler(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	bool steered = skb->dev == pkt_rps_dev;
	struct vr_interface *vif;
	struct vr_packet *pkt;
	unsigned short vlan_id = VLAN_ID_INVALID;

	vif = steered ? linux_rps_vif(skb) :
			rcu_dereference(skb->dev->rx_handler_data);
	if (unlikely(!vif)) {
		lh_pfree_skb(skb, NULL, VP_DROP_MISC);
		return RX_HANDLER_CONSUMED;
	}

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		return RX_HANDLER_CONSUMED;
	*pskb = skb;

	if (vr_perfr3 && !steered && vif->vif_type == VIF_TYPE_PHYSICAL) {
		linux_rps_enqueue(skb, vif);
		return RX_HANDLER_CONSUMED;
	}

	if (skb_vlan_tag_present(skb))
		vlan_id = skb_vlan_tag_get_id(skb);

	/* Bridging needs the header that eth_type_trans() has pulled. */
	skb_push(skb, ETH_HLEN);

	pkt = linux_get_packet(skb, vif);
	if (unlikely(!pkt)) {
		lh_pfree_skb(skb, vif, VP_DROP_INVALID_PACKET);
		return RX_HANDLER_CONSUMED;
	}

	vif->vif_rx(vif, pkt, vlan_id);
	return RX_HANDLER_CONSUMED;
}

static rx_handler_result_t pkt_rps_dev_rx_handler(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;

	return linux_rx_handler(&skb);
}

/* The vif with the counters of pkt3 or pkt1; NULL if it is being deleted. */
static struct vr_interface *linux_gro_vif(bool l2)
{
	return __vrouter_get_interface(&router, l2 ? VR_VIF_PKT3 : VR_VIF_PKT1);
}

/*
 * Picks yet another CPU, neither this one nor the one before RPS. The result is
 * unused, so the compiler removes it and names the function
 * lh_rps_process.isra.0, as in the real module.
 */
static noinline int lh_rps_process(struct vr_packet *pkt)
{
	struct sk_buff *skb = vp_os_packet(pkt);
	unsigned int prev_cpu = skb->hash;
	u16 rxq;

	skb->hash = 0;
	linux_get_rxq(skb, &rxq, smp_processor_id(), prev_cpu + 1);
	skb_record_rx_queue(skb, rxq);
	return 0;
}

static noinline __noclone void
linux_enqueue_pkt_for_gro(struct sk_buff *skb, struct vr_interface *vif,
			  bool l2_pkt)
{
	struct vr_interface *gro_vif = linux_gro_vif(l2_pkt);
	struct vr_interface_stats *stats;

	skb->dev = l2_pkt ? pkt_l2_gro_dev : pkt_gro_dev;
	if (gro_vif) {
		stats = vif_get_stats(gro_vif, smp_processor_id() & U8_MAX);
		stats->vis_opackets++;
		stats->vis_obytes += skb->len;
	}

	skb_queue_tail(&vif->vif_gro_queue->gq_packets, skb);
	napi_schedule(&vif->vif_gro_queue->gq_napi);
}

/* Called from a receive handler, so with bottom halves disabled. */
noinline int lh_gro_process(struct vr_packet *pkt, struct vr_interface *vif,
			    bool l2_pkt)
{
	struct sk_buff *skb = vp_os_packet(pkt);

	if (skb_cloned(skb))
		return 0;

	skb->data = pkt_data(pkt);
	skb->len = pkt_len(pkt);
	skb_set_tail_pointer(skb, pkt->vp_len);
	skb_reset_mac_header(skb);
	skb->protocol = htons(ETH_P_IP);
	if (!skb_pull(skb, pkt->vp_network_h - pkt->vp_data)) {
		vr_drop(pkt, VP_DROP_PULL);
		return 1;
	}

	skb_reset_network_header(skb);
	lh_rps_process(pkt);
	linux_enqueue_pkt_for_gro(skb, vif, l2_pkt);
	return 1;
}

static int vr_napi_poll(struct napi_struct *napi, int budget)
{
	struct vr_gro_queue *queue =
		container_of(napi, struct vr_gro_queue, gq_napi);
	struct sk_buff *skb;
	int done = 0;

	while (done < budget) {
		skb = skb_dequeue(&queue->gq_packets);
		if (!skb)
			break;
		skb->hash = 0;
		/* A veth's packets are still accounted to their sockets. */
		skb_orphan(skb);
		napi_gro_receive(napi, skb);
		done++;
	}

	if (done < budget)
		napi_complete(napi);
	return done;
}

/* Resumes after GRO what nh_encap_l2() or nh_encap_l3() has deferred. */
static rx_handler_result_t pkt_gro_dev_rx_handler(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	const struct vr_gro *gro = (struct vr_gro *)skb_mac_header(skb);
	bool l2 = skb->dev == pkt_l2_gro_dev;
	struct vr_interface *gro_vif = linux_gro_vif(l2);
	unsigned short reason = VP_DROP_INVALID_NH;
	struct vr_interface_stats *stats;
	struct vr_forwarding_md fmd;
	struct vr_interface *vif;
	struct vr_nexthop *nh;
	struct vr_packet *pkt;

	nh = __vrouter_get_nexthop(&router, gro->vg_nh_id);
	if (!nh || !nh->nh_dev)
		goto drop;

	reason = VP_DROP_INVALID_IF;
	vif = __vrouter_get_interface(&router, gro->vg_vif_id);
	if (!vif)
		goto drop;

	reason = VP_DROP_INVALID_PACKET;
	if (l2)
		skb_push(skb, ETH_HLEN);
	pkt = linux_get_packet(skb, vif);
	if (!pkt)
		goto drop;

	pkt->vp_flags |= VP_FLAG_GROED;
	vr_init_forwarding_md(&fmd);
	fmd.fmd_dvrf = READ_ONCE(nh->nh_dev->vif_vrf);
	if (!l2) {
		pkt->vp_type = VP_TYPE_IP;
		pkt->vp_network_h = pkt->vp_data;
	} else if (vr_pkt_type(pkt, 0, &fmd)) {
		goto drop;
	}

	if (gro_vif) {
		stats = vif_get_stats(gro_vif, pkt->vp_cpu);
		stats->vis_ipackets++;
		stats->vis_ibytes += skb->len;
	}

	pkt->vp_flags |= VP_FLAG_FLOW_SET;
	nh_output(pkt, nh, &fmd);
	return RX_HANDLER_CONSUMED;

drop:
	lh_pfree_skb(skb, gro_vif, reason);
	return RX_HANDLER_CONSUMED;
}

static int linux_gro_add(struct vr_interface *vif)
{
	struct vr_gro_queue *queue = kzalloc(sizeof(*queue), GFP_KERNEL);

	if (!queue)
		return -ENOMEM;

	skb_queue_head_init(&queue->gq_packets);
	netif_napi_add(pkt_l2_gro_dev, &queue->gq_napi, vr_napi_poll);
	napi_enable(&queue->gq_napi);
	vif->vif_gro_queue = queue;
	return 0;
}

/* The vif is no longer reachable by packets. */
static void linux_gro_del(struct vr_interface *vif)
{
	struct vr_gro_queue *queue = vif->vif_gro_queue;

	if (!queue)
		return;

	napi_disable(&queue->gq_napi);
	__netif_napi_del(&queue->gq_napi);
	skb_queue_purge(&queue->gq_packets);
	kfree_rcu(queue, gq_rcu);
	vif->vif_gro_queue = NULL;
}

noinline int linux_xmit(struct vr_interface *vif, struct sk_buff *skb,
			unsigned short type)
{
	int ret;

	/* Both are only valid for reception. */
	skb_forward_csum(skb);
	skb_clear_tstamp(skb);

	ret = dev_queue_xmit(skb);
	if (unlikely(net_xmit_eval(ret)))
		vif_get_stats(vif, raw_smp_processor_id() & U8_MAX)->vis_oerrors++;

	return ret;
}

static unsigned int linux_l3_header_len(unsigned short type)
{
	switch (type) {
	case VP_TYPE_IP:
		return sizeof(struct iphdr);
	case VP_TYPE_IP6:
		return sizeof(struct ipv6hdr);
	default:
		return 0;
	}
}

/*
 * The outer headers of a packet in a tunnel, which its segments still have of the
 * whole. Returns the reason to drop it, or 0.
 */
static __always_inline unsigned short
linux_update_outer_headers(struct vr_interface *vif, struct sk_buff *seg,
			   unsigned short type)
{
	struct udphdr *udp;
	struct iphdr *ip;

	if (!pskb_may_pull(seg, ETH_HLEN + sizeof(*ip) + sizeof(*udp)))
		return VP_DROP_PULL;

	ip = (struct iphdr *)(seg->data + ETH_HLEN);
	ip->tot_len = htons(seg->len - ETH_HLEN);
	if (type == VP_TYPE_IPOIP)
		ip->id = ip_hdr(seg)->id;
	ip_send_check(ip);
	if (ip->protocol != IPPROTO_UDP)
		goto checksum;

	udp = (struct udphdr *)(ip + 1);
	udp->len = htons(seg->len - ETH_HLEN - sizeof(*ip));
	udp->check = 0;

checksum:
	if (seg->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(seg))
		return VP_DROP_MISC;
	return 0;
}

/*
 * Neither checks the MTU nor whether the device is up: what is lost below, no
 * counter of the router shows.
 */
noinline int linux_xmit_segment(struct vr_interface *vif, struct sk_buff *seg,
				unsigned short type, int diag)
{
	unsigned int len = skb_network_offset(seg) + linux_l3_header_len(type);
	unsigned short reason = VP_DROP_PULL;

	if (!pskb_may_pull(seg, len))
		goto drop;

	if (vr_pkt_type_is_overlay(type)) {
		reason = linux_update_outer_headers(vif, seg, type);
		if (reason)
			goto drop;
	}

	return linux_xmit(vif, seg, type);

drop:
	lh_pfree_skb(seg, vif, reason);
	return -EINVAL;
}

/* Stops at the first segment that fails, and frees the rest uncounted. */
static void linux_xmit_segments(struct vr_interface *vif, struct sk_buff *segs,
				unsigned short type)
{
	struct sk_buff *next = NULL;

	while (segs) {
		next = segs->next;
		skb_mark_not_on_list(segs);
		if (linux_xmit_segment(vif, segs, type, 0))
			break;
		segs = next;
	}

	for (segs = next; segs; segs = next) {
		next = segs->next;
		kfree_skb(segs);
	}
}

/* Segments the inner packet, so that the wire only carries what fits. */
static noinline __noclone void linux_gso_xmit(struct vr_interface *vif,
					      struct sk_buff *skb,
					      unsigned short type)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	unsigned int max_len = skb->dev->mtu + skb->dev->hard_header_len;
	unsigned int len = shinfo->gso_size + skb->mac_len +
			   skb_network_header_len(skb);
	netdev_features_t features = netif_skb_features(skb);
	struct sk_buff *segs;

	features &= ~(NETIF_F_ALL_TSO | NETIF_F_GSO);
	if (ip_hdr(skb)->protocol == IPPROTO_TCP)
		len += tcp_hdrlen(skb);
	if (len > max_len)
		shinfo->gso_size -= len - max_len;

	/* Overwrites skb->cb. */
	segs = skb_gso_segment(skb, features);
	kfree_skb(skb);
	/* Nobody counts the loss. */
	if (IS_ERR_OR_NULL(segs))
		return;

	linux_xmit_segments(vif, segs, type);
}

/*
 * Makes the headers of the skb those of the packet inside the tunnel. False if
 * it is not IP.
 */
static __always_inline bool linux_set_inner_headers(struct sk_buff *skb,
						    struct vr_packet *pkt)
{
	int network = pkt->vp_inner_network_h - pkt->vp_data;
	const struct iphdr *ip = (struct iphdr *)(skb->data + network);
	int transport = network + sizeof(struct ipv6hdr);
	unsigned char protocol;

	if (ip->version == 4) {
		transport = network + 4 * ip->ihl;
		protocol = ip->protocol;
	} else if (ip->version == 6) {
		protocol = ((struct ipv6hdr *)ip)->nexthdr;
	} else {
		return false;
	}

	skb_set_network_header(skb, network);
	skb_reset_mac_len(skb);
	skb_set_transport_header(skb, transport);
	if (!(pkt->vp_flags & VP_FLAG_CSUM_PARTIAL))
		return true;

	return skb_partial_csum_set(skb, transport, protocol == IPPROTO_TCP ?
						    offsetof(struct tcphdr, check) :
						    skb->csum_offset);
}

static int linux_if_tx(struct vr_interface *vif, struct vr_packet *pkt)
{
	struct sk_buff *skb = vp_os_packet(pkt);
	unsigned short type = pkt->vp_type;
	int diag = pkt->vp_flags & VP_FLAG_DIAG;

	skb->data = pkt_data(pkt);
	skb->len = pkt_len(pkt);
	skb_set_tail_pointer(skb, pkt->vp_len);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, pkt->vp_network_h - pkt->vp_data);
	skb->dev = vif->vif_os;

	if (vr_pkt_type_is_overlay(type)) {
		if (!linux_set_inner_headers(skb, pkt)) {
			lh_pfree_skb(skb, vif, VP_DROP_INVALID_PROTOCOL);
			return 0;
		}
		if (pkt->vp_flags & VP_FLAG_GSO && skb_is_gso(skb) &&
		    vif->vif_type == VIF_TYPE_PHYSICAL) {
			linux_gso_xmit(vif, skb, type);
			return 0;
		}
	}

	return linux_xmit_segment(vif, skb, type, diag);
}

static noinline __noclone int linux_if_rx(struct vr_interface *vif,
					  struct vr_packet *pkt)
{
	struct sk_buff *skb = vp_os_packet(pkt);

	skb->data = pkt_data(pkt);
	skb->len = pkt_len(pkt);
	skb_set_tail_pointer(skb, pkt->vp_len);
	skb->dev = vif->vif_os;
	skb->protocol = eth_type_trans(skb, skb->dev);
	return netif_rx(skb);
}

/* The real module implements the host's and the gateway's device itself. */
static bool linux_if_receives(const struct vr_interface *vif)
{
	switch (vif->vif_type) {
	case VIF_TYPE_AGENT:
	case VIF_TYPE_PHYSICAL:
	case VIF_TYPE_VIRTUAL:
		return true;
	default:
		return false;
	}
}

static int linux_if_add(struct vr_interface *vif)
{
	struct net_device *dev;
	int err;

	ASSERT_RTNL();

	dev = __dev_get_by_index(&init_net, vif->vif_os_idx);
	if (!dev)
		return -ENODEV;
	if (dev->type != ARPHRD_ETHER && vif->vif_type != VIF_TYPE_STATS)
		return -EINVAL;

	netdev_hold(dev, &vif->vif_os_tracker, GFP_KERNEL);
	vif->vif_os = dev;
	if (!vif->vif_mtu)
		vif->vif_mtu = dev->mtu + dev->hard_header_len;

	if (vif->vif_type == VIF_TYPE_VIRTUAL) {
		err = linux_gro_add(vif);
		if (err)
			goto put;
	}

	if (!linux_if_receives(vif))
		return 0;

	err = netdev_rx_handler_register(dev, linux_rx_handler, vif);
	if (!err)
		return 0;

	linux_gro_del(vif);
put:
	netdev_put(dev, &vif->vif_os_tracker);
	vif->vif_os = NULL;
	return err;
}

static void linux_if_del(struct vr_interface *vif)
{
	if (vif->vif_os && linux_if_receives(vif))
		netdev_rx_handler_unregister(vif->vif_os);
}

static void linux_if_put(struct vr_interface *vif)
{
	if (!vif->vif_os)
		return;

	linux_gro_del(vif);
	netdev_put(vif->vif_os, &vif->vif_os_tracker);
	vif->vif_os = NULL;
}

static void linux_if_get_settings(struct vr_interface *vif, int *speed,
				  int *duplex)
{
	struct ethtool_link_ksettings settings;

	*speed = -1;
	*duplex = -1;
	if (!vif->vif_os || __ethtool_get_link_ksettings(vif->vif_os, &settings))
		return;

	*speed = settings.base.speed;
	if (settings.base.duplex != DUPLEX_UNKNOWN)
		*duplex = settings.base.duplex;
}

static const struct vr_host_interface_ops linux_if_ops = {
	.hif_add		= linux_if_add,
	.hif_del		= linux_if_del,
	.hif_put		= linux_if_put,
	.hif_tx			= linux_if_tx,
	.hif_rx			= linux_if_rx,
	.hif_get_settings	= linux_if_get_settings,
};

const struct vr_host_interface_ops *vr_hif_ops __ro_after_init = &linux_if_ops;

/* If a device is deleted or moves to another namespace, so is its vif. */
static int linux_if_notify(struct notifier_block *block, unsigned long event,
			   void *data)
{
	struct net_device *dev = netdev_notifier_info_to_dev(data);
	struct vr_interface *vif;

	if (event != NETDEV_UNREGISTER || !net_eq(dev_net(dev), &init_net))
		return NOTIFY_DONE;

	vif = vrouter_get_interface_by_os_idx(&router, dev->ifindex);
	if (vif && vif->vif_os == dev)
		vr_interface_delete(vif);

	return NOTIFY_DONE;
}

static struct notifier_block linux_if_notifier = {
	.notifier_call = linux_if_notify,
};

/* The stand-in never transmits through the internal devices. */
static netdev_tx_t linux_internal_xmit(struct sk_buff *skb,
				       struct net_device *dev)
{
	dev->stats.tx_dropped++;
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops linux_internal_ops = {
	.ndo_start_xmit = linux_internal_xmit,
};

static void linux_internal_setup(struct net_device *dev)
{
	dev->features |= NETIF_F_GRO;
	dev->netdev_ops = &linux_internal_ops;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->type = ARPHRD_VOID;
	dev->addr_len = ETH_ALEN;
	dev->mtu = U16_MAX;
	eth_hw_addr_random(dev);
}

/* GRO compares hard_header_len bytes of link header. Under rtnl. */
static struct net_device *
linux_internal_register(const char *name, unsigned short hard_header_len,
			rx_handler_func_t *handler)
{
	struct net_device *dev;
	int err;

	dev = alloc_netdev_mqs(0, name, NET_NAME_PREDICTABLE,
			       linux_internal_setup, 1, num_present_cpus());
	if (!dev)
		return ERR_PTR(-ENOMEM);

	dev->hard_header_len = hard_header_len;
	err = register_netdevice(dev);
	if (err) {
		free_netdev(dev);
		return ERR_PTR(err);
	}

	WARN_ON(netdev_rx_handler_register(dev, handler, NULL));
	return dev;
}

/* Adds the vif of an internal device, which only has counters. */
static int linux_internal_add_vif(const struct net_device *dev,
				  unsigned int idx)
{
	struct vr_interface_req req = {
		.vifr_type = VIF_TYPE_STATS,
		.vifr_flags = VIF_FLAG_L3_ENABLED | VIF_FLAG_L2_ENABLED,
		.vifr_vrf = VR_VRF_INVALID,
		.vifr_mcast_vrf = VR_VRF_INVALID,
		.vifr_idx = idx,
		.vifr_os_idx = dev->ifindex,
		.vifr_mtu = VR_STATS_MTU,
		.vifr_name = { .data = dev->name, .count = strlen(dev->name) },
	};

	return vr_interface_add(&req);
}

/* linux_if_exit() cleans up *devp, also after an error. */
static int linux_internal_add(struct net_device **devp, const char *name,
			      unsigned short hard_header_len,
			      rx_handler_func_t *handler, int vif_idx)
{
	struct net_device *dev = linux_internal_register(name, hard_header_len,
							 handler);

	if (IS_ERR(dev))
		return PTR_ERR(dev);

	*devp = dev;
	return vif_idx < 0 ? 0 : linux_internal_add_vif(dev, vif_idx);
}

int linux_if_init(void)
{
	int err;

	err = register_netdevice_notifier(&linux_if_notifier);
	if (err)
		return err;

	rtnl_lock();
	err = linux_internal_add(&pkt_gro_dev, "pkt1", sizeof(struct vr_gro),
				 pkt_gro_dev_rx_handler, VR_VIF_PKT1);
	if (!err)
		err = linux_internal_add(&pkt_l2_gro_dev, "pkt3",
					 sizeof(struct vr_gro) + ETH_HLEN,
					 pkt_gro_dev_rx_handler, VR_VIF_PKT3);
	if (!err)
		err = linux_internal_add(&pkt_rps_dev, "pkt2", ETH_HLEN,
					 pkt_rps_dev_rx_handler, -1);
	rtnl_unlock();

	if (err)
		linux_if_exit();
	return err;
}

static void linux_internal_del(struct net_device **devp)
{
	if (!*devp)
		return;

	rtnl_lock();
	netdev_rx_handler_unregister(*devp);
	unregister_netdevice(*devp);
	rtnl_unlock();
	free_netdev(*devp);
	*devp = NULL;
}

/* Only the internal vifs are left, and are deleted with their devices. */
void linux_if_exit(void)
{
	linux_internal_del(&pkt_rps_dev);
	linux_internal_del(&pkt_l2_gro_dev);
	linux_internal_del(&pkt_gro_dev);
	unregister_netdevice_notifier(&linux_if_notifier);
}
