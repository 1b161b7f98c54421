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

struct vr_bridge_entry_key {
	unsigned char be_mac[ETH_ALEN];
	unsigned short be_vrf_id;
};

struct vr_bridge_entry {
	struct hlist_node be_node;
	struct vr_bridge_entry_key be_key;
	struct vr_nexthop __rcu *be_nh;
	int be_label;		/* of a tunnel: the VNID; -1: none */
	bool be_requested;	/* not learned, and never changed by learning */
	struct rcu_head be_rcu;
};

static const unsigned char vr_bcast_mac[ETH_ALEN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff
};

static DEFINE_HASHTABLE(vr_bridge_table, VR_BRIDGE_HASH_BITS);
static DEFINE_SPINLOCK(vr_bridge_lock);
static unsigned int vr_bridge_entries;
/* The flood of each VRF; changed under rtnl. */
static struct vr_nexthop *vr_floods[VR_MAX_VRFS];

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
		if (be->be_key.be_vrf_id == vrf &&
		    ether_addr_equal(be->be_key.be_mac, mac))
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
			    struct vr_nexthop *nh, int label, bool requested)
{
	struct vr_bridge_entry *be;

	if (vr_bridge_entries >= VR_BRIDGE_MAX_ENTRIES)
		return -ENOSPC;

	be = kzalloc(sizeof(*be), GFP_ATOMIC);
	if (!be)
		return -ENOMEM;

	be->be_key.be_vrf_id = vrf;
	ether_addr_copy(be->be_key.be_mac, mac);
	RCU_INIT_POINTER(be->be_nh, nh);
	be->be_label = label;
	be->be_requested = requested;
	hash_add_rcu(vr_bridge_table, &be->be_node, vr_bridge_hash(vrf, mac));
	vr_bridge_entries++;
	return 0;
}

static int __vr_bridge_set(unsigned int vrf, const unsigned char *mac,
			   struct vr_nexthop *nh, int label, bool requested)
{
	struct vr_bridge_entry *be;
	int err = 0;

	spin_lock_bh(&vr_bridge_lock);
	be = vr_bridge_find(vrf, mac);
	if (!be) {
		err = vr_bridge_insert(vrf, mac, nh, label, requested);
	} else if (requested || !be->be_requested) {
		be->be_requested = requested;
		WRITE_ONCE(be->be_label, label);
		rcu_assign_pointer(be->be_nh, nh);
	}
	spin_unlock_bh(&vr_bridge_lock);

	return err;
}

int vr_bridge_set(unsigned int vrf, const unsigned char *mac,
		  struct vr_nexthop *nh, int label)
{
	return __vr_bridge_set(vrf, mac, nh, label, true);
}

/* Under vr_bridge_lock. */
static void vr_bridge_remove(struct vr_bridge_entry *be)
{
	hash_del_rcu(&be->be_node);
	kfree_rcu(be, be_rcu);
	vr_bridge_entries--;
}

int vr_bridge_delete(unsigned int vrf, const unsigned char *mac)
{
	struct vr_bridge_entry *be;

	spin_lock_bh(&vr_bridge_lock);
	be = vr_bridge_find(vrf, mac);
	if (be)
		vr_bridge_remove(be);
	spin_unlock_bh(&vr_bridge_lock);

	return be ? 0 : -ENOENT;
}

/* Deletes all routes to a nexthop; to any one if that is NULL. */
static void vr_bridge_flush(const struct vr_nexthop *nh)
{
	struct vr_bridge_entry *be;
	struct hlist_node *next;
	int bucket;

	spin_lock_bh(&vr_bridge_lock);
	hash_for_each_safe(vr_bridge_table, bucket, next, be, be_node) {
		if (!nh || rcu_access_pointer(be->be_nh) == nh)
			vr_bridge_remove(be);
	}
	spin_unlock_bh(&vr_bridge_lock);
}

int vr_bridge_join(struct vr_interface *vif, unsigned int vrf)
{
	struct vr_nexthop *flood = vr_floods[vrf];
	int err;

	ASSERT_RTNL();

	if (flood)
		return vr_nexthop_flood_add(flood, vif->vif_encap_nh);

	flood = vr_nexthop_flood_create(vif->vif_router, vrf);
	if (!flood)
		return -ENOMEM;

	err = vr_nexthop_flood_add(flood, vif->vif_encap_nh);
	if (!err)
		err = __vr_bridge_set(vrf, vr_bcast_mac, flood, -1, false);
	if (err)
		vr_nexthop_flood_free(flood);
	else
		vr_floods[vrf] = flood;

	return err;
}

void vr_bridge_leave(struct vr_interface *vif, unsigned int vrf)
{
	struct vr_nexthop *flood = vr_floods[vrf];

	ASSERT_RTNL();

	vr_bridge_flush(vif->vif_encap_nh);
	if (!flood || !vr_nexthop_flood_remove(flood, vif->vif_encap_nh))
		return;

	vr_bridge_flush(flood);
	vr_floods[vrf] = NULL;
	vr_nexthop_flood_free(flood);
}

/*
 * Learns the vif of the sender of an ARP packet, whose headers vr_pkt_type() has
 * made linear. The real module does not, so no tracer is to see a call.
 */
static __always_inline void vr_bridge_learn_arp(struct vr_packet *pkt,
						const struct ethhdr *eth,
						struct vr_forwarding_md *fmd)
{
	const struct arphdr *arp = (struct arphdr *)pkt_data(pkt);
	const unsigned char *sender = (unsigned char *)(arp + 1);
	struct vr_nexthop *nh = pkt->vp_if->vif_encap_nh;
	unsigned int vrf = (unsigned short)fmd->fmd_dvrf;
	struct vr_bridge_entry *be;

	if (!nh || arp->ar_hln != ETH_ALEN || arp->ar_pro != htons(ETH_P_IP) ||
	    !is_valid_ether_addr(sender) ||
	    !ether_addr_equal(sender, eth->h_source))
		return;

	be = vr_bridge_find(vrf, sender);
	if (be && (be->be_requested || rcu_access_pointer(be->be_nh) == nh))
		return;

	/* Do not drop if the table is full: the packet is flooded anyway. */
	__vr_bridge_set(vrf, sender, nh, -1, false);
}

/* Of multicast, the address itself or else the broadcast address. */
static __always_inline struct vr_bridge_entry *
vr_bridge_route(struct vr_packet *pkt, const unsigned char *mac,
		struct vr_forwarding_md *fmd)
{
	struct vr_bridge_entry *be;

	if (is_multicast_ether_addr(mac))
		return bridge_lookup(vr_bcast_mac, fmd);

	be = bridge_lookup(mac, fmd);
	if (be || !(READ_ONCE(pkt->vp_if->vif_flags) & VIF_FLAG_UNKNOWN_UC_FLOOD))
		return be;

	pkt->vp_flags |= VP_FLAG_MULTICAST;
	return bridge_lookup(vr_bcast_mac, fmd);
}

/* What vrouter does with packets of VMs only, before the lookup: 1 if consumed. */
static __always_inline int vr_bridge_from_vm(struct vr_packet *pkt,
					     unsigned char *dmac,
					     struct vr_forwarding_md *fmd)
{
	if (pkt->vp_if->vif_type != VIF_TYPE_VIRTUAL)
		return 0;
	if (pkt->vp_type == VP_TYPE_IP)
		vr_ip_well_known_packet(pkt);

	return pkt->vp_type == VP_TYPE_ARP && !is_multicast_ether_addr(dmac) &&
	       vr_arp_input(pkt, fmd, dmac);
}

noinline int vr_bridge_input(struct vrouter *router, struct vr_packet *pkt,
			     struct vr_forwarding_md *fmd)
{
	struct ethhdr *eth = (struct ethhdr *)pkt_data(pkt);
	unsigned int pull_len = pkt->vp_network_h - pkt->vp_data;
	bool ip = pkt->vp_type == VP_TYPE_IP || pkt->vp_type == VP_TYPE_IP6;
	struct vr_bridge_entry *be;
	unsigned short reason;
	struct vr_nexthop *nh;

	if (!pkt_pull(pkt, pull_len)) {
		vr_drop(pkt, VP_DROP_PULL);
		return 0;
	}

	if (pkt->vp_type == VP_TYPE_ARP)
		vr_bridge_learn_arp(pkt, eth, fmd);
	if (vr_bridge_from_vm(pkt, eth->h_dest, fmd))
		return 0;

	be = vr_bridge_route(pkt, eth->h_dest, fmd);
	if (!be) {
		vr_drop(pkt, VP_DROP_L2_NO_ROUTE);
		return 0;
	}

	if (ip && pkt->vp_if->vif_type == VIF_TYPE_VIRTUAL) {
		reason = vr_pkt_from_vm_tcp_mss_adj(pkt, 0);
		if (reason) {
			vr_drop(pkt, reason);
			return 0;
		}
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

/* After all packets. */
void vr_bridge_exit(void)
{
	vr_bridge_flush(NULL);
}
