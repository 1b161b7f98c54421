// SPDX-License-Identifier: GPL-2.0
/*
 * vifs and the devices behind them: packets in by an rx handler, packets out
 * by dev_queue_xmit(), and what happens when a device goes away.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>

#include "vr_compat.h"
#include "vr_requests.h"
#include "vrouter.h"

#define VR_INTERNAL_MTU		(9136 - ETH_HLEN)

static struct net_device *pkt1_dev, *pkt3_dev;

/* Lays the struct vr_packet over skb->cb. NULL if its offsets do not fit. */
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
		/* Eight bits: counters of CPU 256 and on go to 0 and on. */
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

/*
 * Spreads the fabric's flows over the queues of the device they leave by.
 *
 * The vif is needed for one number, so the compiler passes that instead and
 * calls the function lh_rps_process.isra.0, as it does in the real module.
 */
static noinline void lh_rps_process(struct sk_buff *skb,
				    const struct vr_interface *vif)
{
	u32 salt = vif->vif_idx;

	skb_record_rx_queue(skb, reciprocal_scale(skb_get_hash(skb) + salt,
						  num_online_cpus()));
}

noinline rx_handler_result_t linux_rx_handler(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct vr_interface *vif;
	struct vr_packet *pkt;
	unsigned short vlan_id = VLAN_ID_INVALID;

	vif = rcu_dereference(skb->dev->rx_handler_data);

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		return RX_HANDLER_CONSUMED;
	*pskb = skb;

	if (skb_vlan_tag_present(skb))
		vlan_id = skb_vlan_tag_get_id(skb);
	if (vif->vif_type == VIF_TYPE_PHYSICAL)
		lh_rps_process(skb, vif);

	/* eth_type_trans() has pulled the header, and a bridge needs it. */
	skb_push(skb, ETH_HLEN);

	pkt = linux_get_packet(skb, vif);
	if (unlikely(!pkt)) {
		lh_pfree_skb(skb, vif, VP_DROP_INVALID_PACKET);
		return RX_HANDLER_CONSUMED;
	}

	vif->vif_rx(vif, pkt, vlan_id);
	return RX_HANDLER_CONSUMED;
}

noinline int linux_xmit(struct vr_interface *vif, struct sk_buff *skb,
			unsigned short type)
{
	int ret;

	/* Both speak of the packet as it was received. */
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

/* diag: a packet that the router has made to test the path is not measured. */
noinline int linux_xmit_segment(struct vr_interface *vif, struct sk_buff *seg,
				unsigned short type, int diag)
{
	unsigned int len = skb_network_offset(seg) + linux_l3_header_len(type);
	unsigned short reason = VP_DROP_MISC;

	if (!pskb_may_pull(seg, len)) {
		reason = VP_DROP_PULL;
		goto drop;
	}

	if (!diag && !is_skb_forwardable(seg->dev, seg))
		goto drop;

	return linux_xmit(vif, seg, type);

drop:
	lh_pfree_skb(seg, vif, reason);
	return -EINVAL;
}

static int linux_if_tx(struct vr_interface *vif, struct vr_packet *pkt)
{
	struct sk_buff *skb = vp_os_packet(pkt);
	unsigned short type = pkt->vp_type;
	int diag = pkt->vp_flags & VP_FLAG_DIAG;

	skb->data = pkt_data(pkt);
	skb->len = pkt->vp_len + skb->data_len;
	skb_set_tail_pointer(skb, pkt->vp_len);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, pkt->vp_network_h - pkt->vp_data);
	skb->dev = vif->vif_os;

	return linux_xmit_segment(vif, skb, type, diag);
}

/* The host's and the gateway's device is a driver of the real module. */
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
	if (dev->type != ARPHRD_ETHER)
		return -EINVAL;

	netdev_hold(dev, &vif->vif_os_tracker, GFP_KERNEL);
	vif->vif_os = dev;
	if (!vif->vif_mtu)
		vif->vif_mtu = dev->mtu + dev->hard_header_len;

	if (!linux_if_receives(vif))
		return 0;

	err = netdev_rx_handler_register(dev, linux_rx_handler, vif);
	if (err) {
		netdev_put(dev, &vif->vif_os_tracker);
		vif->vif_os = NULL;
	}

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
	.hif_get_settings	= linux_if_get_settings,
};

const struct vr_host_interface_ops *vr_hif_ops __ro_after_init = &linux_if_ops;

/* A device that goes, or moves to another namespace, takes its vif along. */
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

/* Nothing is ever sent through the internal devices in the stand-in. */
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
	ether_setup(dev);
	dev->netdev_ops = &linux_internal_ops;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->flags |= IFF_NOARP;
	dev->mtu = VR_INTERNAL_MTU;
	dev->max_mtu = VR_INTERNAL_MTU;
	eth_hw_addr_random(dev);
}

/* Registers a device and its vif. Under rtnl. */
static int linux_internal_add(struct net_device **devp, const char *name,
			      unsigned int idx)
{
	struct vr_interface_req req = {
		.vifr_type = VIF_TYPE_STATS,
		.vifr_flags = VIF_FLAG_L3_ENABLED | VIF_FLAG_L2_ENABLED,
		.vifr_vrf = VR_VRF_INVALID,
		.vifr_mcast_vrf = VR_VRF_INVALID,
		.vifr_idx = idx,
		.vifr_name = { .data = name, .count = strlen(name) },
	};
	struct net_device *dev;
	int err;

	dev = alloc_netdev(0, name, NET_NAME_PREDICTABLE, linux_internal_setup);
	if (!dev)
		return -ENOMEM;

	err = register_netdevice(dev);
	if (err) {
		free_netdev(dev);
		return err;
	}

	/* From here on linux_if_exit() cleans up. */
	*devp = dev;
	req.vifr_os_idx = dev->ifindex;
	return vr_interface_add(&req);
}

int linux_if_init(void)
{
	int err;

	err = register_netdevice_notifier(&linux_if_notifier);
	if (err)
		return err;

	rtnl_lock();
	err = linux_internal_add(&pkt1_dev, "pkt1", VR_VIF_PKT1);
	if (!err)
		err = linux_internal_add(&pkt3_dev, "pkt3", VR_VIF_PKT3);
	rtnl_unlock();

	if (err)
		linux_if_exit();
	return err;
}

static void linux_internal_del(struct net_device **devp)
{
	if (!*devp)
		return;

	unregister_netdev(*devp);
	free_netdev(*devp);
	*devp = NULL;
}

/* Every vif but the internal ones, which go with their devices, is gone. */
void linux_if_exit(void)
{
	linux_internal_del(&pkt3_dev);
	linux_internal_del(&pkt1_dev);
	unregister_netdevice_notifier(&linux_if_notifier);
}
