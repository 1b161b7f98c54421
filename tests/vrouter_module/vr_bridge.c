// SPDX-License-Identifier: GPL-2.0
/*
 * Bridging: the nexthops of the MAC addresses of each VRF.
 *
 * On real hosts the agent adds these routes. The stand-in has none: it learns
 * the addresses of a vif from the ARP packets received on it, and floods the
 * broadcast address of a VRF to all of its virtual vifs. Routes to tunnels come
 * by requests.
 */
#include <linux/etherdevice.h>
#include <linux/hashtable.h>
#include <linux/if_arp.h>
#include <linux/jhash.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "vrouter.h"

#define VR_LOG_FILE	VR_BRIDGE_C

#define VR_BRIDGE_HASH_BITS	12
/* Limits the addresses that a VM can add. */
#define VR_BRIDGE_MAX_ENTRIES	16384

struct vr_bridge_entry {
	struct hlist_node be_node;
	struct rcu_head be_rcu;
	unsigned short be_vrf;
	unsigned char be_hwaddr[ETH_ALEN];
	struct vr_nexthop __rcu *be_nh;
	int be_label;		/* of a tunnel: the VNID; -1: none */
};

static const unsigned char vr_bcast_mac[ETH_ALEN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff
};

static DEFINE_HASHTABLE(vr_bridge_table, VR_BRIDGE_HASH_BITS);
static DEFINE_SPINLOCK(vr_bridge_lock);
static unsigned int vr_bridge_entries;

static u32 vr_bridge_hash(unsigned int vrf, const unsigned char *mac)
{
	return jhash(mac, ETH_ALEN, vrf);
}

static struct vr_bridge_entry *vr_bridge_find(unsigned int vrf,
					      const unsigned char *mac)
{
	struct vr_bridge_entry *be;

	hash_for_each_possible_rcu(vr_bridge_table, be, be_node,
				   vr_bridge_hash(vrf, mac),
				   lockdep_is_held(&vr_bridge_lock))
		if (be->be_vrf == vrf && ether_addr_equal(be->be_hwaddr, mac))
			return be;

	return NULL;
}

/* In the VRF fmd_dvrf. Under RCU. NULL if the address has no route. */
noinline struct vr_bridge_entry *bridge_lookup(const unsigned char *mac,
					       struct vr_forwarding_md *fmd)
{
	return vr_bridge_find((unsigned short)fmd->fmd_dvrf, mac);
}

static int vr_bridge_insert(unsigned int vrf, const unsigned char *mac,
			    struct vr_nexthop *nh, int label)
{
	struct vr_bridge_entry *be;

	if (vr_bridge_entries >= VR_BRIDGE_MAX_ENTRIES)
		return -ENOSPC;

	be = kzalloc(sizeof(*be), GFP_ATOMIC);
	if (!be)
		return -ENOMEM;

	be->be_vrf = vrf;
	ether_addr_copy(be->be_hwaddr, mac);
	RCU_INIT_POINTER(be->be_nh, nh);
	be->be_label = label;
	hash_add_rcu(vr_bridge_table, &be->be_node, vr_bridge_hash(vrf, mac));
	vr_bridge_entries++;
	return 0;
}

int vr_bridge_set(unsigned int vrf, const unsigned char *mac,
		  struct vr_nexthop *nh, int label)
{
	struct vr_bridge_entry *be;
	int err = 0;

	spin_lock_bh(&vr_bridge_lock);
	be = vr_bridge_find(vrf, mac);
	if (be) {
		WRITE_ONCE(be->be_label, label);
		rcu_assign_pointer(be->be_nh, nh);
	} else {
		err = vr_bridge_insert(vrf, mac, nh, label);
	}
	spin_unlock_bh(&vr_bridge_lock);

	return err;
}

void vr_bridge_flush(const struct vr_nexthop *nh)
{
	struct vr_bridge_entry *be;
	struct hlist_node *next;
	int bucket;

	spin_lock_bh(&vr_bridge_lock);
	hash_for_each_safe(vr_bridge_table, bucket, next, be, be_node) {
		if (rcu_access_pointer(be->be_nh) != nh)
			continue;
		hash_del_rcu(&be->be_node);
		kfree_rcu(be, be_rcu);
		vr_bridge_entries--;
	}
	spin_unlock_bh(&vr_bridge_lock);
}

/* The flood of a VRF; NULL without virtual vifs. Changed under rtnl only. */
static struct vr_nexthop *vr_bridge_flood(unsigned int vrf)
{
	struct vr_nexthop *flood = NULL;
	struct vr_bridge_entry *be;

	ASSERT_RTNL();

	rcu_read_lock();
	be = vr_bridge_find(vrf, vr_bcast_mac);
	if (be)
		flood = rcu_dereference(be->be_nh);
	rcu_read_unlock();

	return flood;
}

int vr_bridge_join(struct vr_interface *vif, unsigned int vrf)
{
	struct vr_nexthop *flood = vr_bridge_flood(vrf);
	int err;

	if (flood)
		return vr_nexthop_flood_add(flood, vif->vif_encap_nh);

	flood = vr_nexthop_flood_create(vif->vif_router, vrf);
	if (!flood)
		return -ENOMEM;

	err = vr_nexthop_flood_add(flood, vif->vif_encap_nh);
	if (!err)
		err = vr_bridge_set(vrf, vr_bcast_mac, flood, -1);
	if (err)
		vr_nexthop_flood_free(flood);

	return err;
}

void vr_bridge_leave(struct vr_interface *vif, unsigned int vrf)
{
	struct vr_nexthop *flood = vr_bridge_flood(vrf);

	vr_bridge_flush(vif->vif_encap_nh);
	if (!flood || !vr_nexthop_flood_remove(flood, vif->vif_encap_nh))
		return;

	vr_bridge_flush(flood);
	vr_nexthop_flood_free(flood);
}

/*
 * Learns the vif of the sender of an ARP packet. vr_pkt_type() has made both
 * headers linear. Non-zero if the ARP packet is invalid.
 */
noinline int vr_bridge_learn(struct vrouter *router, struct vr_packet *pkt,
			     const struct ethhdr *eth,
			     struct vr_forwarding_md *fmd)
{
	const struct arphdr *arp = (struct arphdr *)pkt_data(pkt);
	const unsigned char *sender = (unsigned char *)(arp + 1);
	struct vr_nexthop *nh = pkt->vp_if->vif_encap_nh;
	struct vr_bridge_entry *be;

	if (arp->ar_hln != ETH_ALEN || arp->ar_pro != htons(ETH_P_IP))
		return -EPROTO;
	if (!nh || !is_valid_ether_addr(sender) ||
	    !ether_addr_equal(sender, eth->h_source))
		return -EINVAL;

	be = bridge_lookup(sender, fmd);
	if (be && rcu_access_pointer(be->be_nh) == nh)
		return 0;

	/* Do not drop if the table is full: the packet is flooded anyway. */
	vr_bridge_set((unsigned short)fmd->fmd_dvrf, sender, nh, -1);
	return 0;
}

static struct vr_bridge_entry *vr_bridge_route(struct vr_packet *pkt,
					       const unsigned char *mac,
					       struct vr_forwarding_md *fmd)
{
	struct vr_bridge_entry *be;

	if (is_multicast_ether_addr(mac)) {
		pkt->vp_flags |= VP_FLAG_MULTICAST;
		return bridge_lookup(vr_bcast_mac, fmd);
	}

	be = bridge_lookup(mac, fmd);
	if (!be && READ_ONCE(pkt->vp_if->vif_flags) & VIF_FLAG_UNKNOWN_UC_FLOOD)
		be = bridge_lookup(vr_bcast_mac, fmd);

	return be;
}

noinline int vr_bridge_input(struct vrouter *router, struct vr_packet *pkt,
			     struct vr_forwarding_md *fmd)
{
	const struct ethhdr *eth = (struct ethhdr *)pkt_data(pkt);
	unsigned int pull_len = pkt->vp_network_h - pkt->vp_data;
	struct vr_bridge_entry *be;
	struct vr_nexthop *nh;

	if (!pkt_pull(pkt, pull_len)) {
		vr_drop(pkt, VP_DROP_PULL);
		return 0;
	}

	if (pkt->vp_type == VP_TYPE_ARP &&
	    vr_bridge_learn(router, pkt, eth, fmd)) {
		vr_drop(pkt, VP_DROP_INVALID_ARP);
		return 0;
	}

	be = vr_bridge_route(pkt, eth->h_dest, fmd);
	if (!be) {
		vr_drop(pkt, VP_DROP_L2_NO_ROUTE);
		return 0;
	}

	nh = rcu_dereference(be->be_nh);
	if (pkt->vp_if->vif_type == VIF_TYPE_PHYSICAL &&
	    nh->nh_type == NH_TUNNEL) {
		vr_drop(pkt, VP_DROP_INVALID_SOURCE);
		return 0;
	}

	if (!pkt_push(pkt, pull_len)) {
		vr_drop(pkt, VP_DROP_PUSH);
		return 0;
	}

	fmd->fmd_label = READ_ONCE(be->be_label);
	return nh_output(pkt, nh, fmd);
}

/* After all vifs and nexthops are deleted. */
void vr_bridge_exit(void)
{
	WARN_ON(vr_bridge_entries);
}
