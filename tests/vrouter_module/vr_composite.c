// SPDX-License-Identifier: GPL-2.0
/*
 * Composite nexthops: copies of a packet for all of their components, or one of
 * them for all packets of a flow (ECMP).
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/jhash.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "vrouter.h"

#define VR_LOG_FILE	VR_NEXTHOP_C

/* A writable copy with head_room. NULL if out of memory. */
noinline struct vr_packet *nh_mcast_clone(struct vr_packet *pkt,
					  unsigned short head_room)
{
	struct vr_packet *clone = vr_pclone(pkt);

	if (!clone)
		return NULL;

	if (vr_pcow(&clone, head_room)) {
		vr_drop(clone, VP_DROP_PCOW_FAIL);
		return NULL;
	}

	return clone;
}

/*
 * Sends a copy to every component of a composite, except back to the vif that
 * received the packet. Returns the drop reason for the original.
 */
static __always_inline drop_rsn_map_t
nh_replicate(struct vr_packet *pkt, struct vr_nexthop *nh,
	     struct vr_forwarding_md *fmd, unsigned short head_room)
{
	const struct vr_component_list *list;
	struct vr_forwarding_md copy_fmd;
	struct vr_nexthop *part;
	struct vr_packet *clone;
	unsigned int i;

	if (!fmd)
		return VP_DROP_NO_FMD;

	list = rcu_dereference(nh->nh_component);
	if (!list)
		return VP_DROP_DISCARD;

	for (i = 0; i < list->cl_slots; i++) {
		part = rcu_dereference(list->cl_component[i].cnh);
		if (!part || (part->nh_dev && part->nh_dev == pkt->vp_if))
			continue;

		clone = nh_mcast_clone(pkt, head_room);
		if (!clone)
			return VP_DROP_MCAST_CLONE_FAIL;

		copy_fmd = *fmd;
		if (list->cl_component[i].cnh_label >= 0)
			copy_fmd.fmd_label = list->cl_component[i].cnh_label;
		nh_output(clone, part, &copy_fmd);
	}

	return VP_DROP_CLONED_ORIGINAL;
}

/* Logs only what is a loss. */
#define nh_composite_free(pkt, reason) do {			\
	unsigned short __why = (reason);			\
								\
	if (__why != VP_DROP_CLONED_ORIGINAL)			\
		vr_drop(pkt, __why);				\
	else							\
		vr_pfree(pkt, __why);				\
} while (0)

/* Whether a tunnel below the nexthop leads to the address. */
static bool nh_composite_has_tunnel(const struct vr_nexthop *nh, __be32 address)
{
	const struct vr_component_list *list;
	const struct vr_nexthop *part;
	unsigned int i;

	if (nh->nh_type == NH_TUNNEL)
		return nh->nh_tun_dip == address;
	if (nh->nh_type != NH_COMPOSITE)
		return false;

	list = rcu_dereference(nh->nh_component);
	for (i = 0; list && i < list->cl_slots; i++) {
		part = rcu_dereference(list->cl_component[i].cnh);
		if (part && part->nh_type != NH_COMPOSITE &&
		    nh_composite_has_tunnel(part, address))
			return true;
	}

	return false;
}

/* What comes in a tunnel has to come from a tunnel of the composite. */
static noinline __noclone int
nh_composite_mcast_validate_src(struct vr_packet *pkt, struct vr_nexthop *nh,
				struct vr_forwarding_md *fmd, void *ret_data)
{
	const struct vr_component_list *list = rcu_dereference(nh->nh_component);
	const struct vr_nexthop *part;
	unsigned int i;

	if (!(nh->nh_flags & NH_FLAG_VALIDATE_MCAST_SRC) ||
	    !fmd->fmd_outer_src_ip)
		return NH_SOURCE_VALID;

	for (i = 0; list && i < list->cl_slots; i++) {
		part = rcu_dereference(list->cl_component[i].cnh);
		if (part && nh_composite_has_tunnel(part, fmd->fmd_outer_src_ip))
			return NH_SOURCE_VALID;
	}

	return NH_SOURCE_INVALID;
}

/* 1 if the ARP packet is consumed. */
static __always_inline int nh_composite_arp(struct vr_packet *pkt,
					    struct vr_forwarding_md *fmd)
{
	struct ethhdr *eth = (struct ethhdr *)pkt_data(pkt);
	unsigned int len = pkt->vp_network_h - pkt->vp_data;

	if (!pkt_pull(pkt, len) || vr_arp_input(pkt, fmd, eth->h_dest))
		return 1;

	pkt_push(pkt, len);
	return 0;
}

int nh_composite_mcast(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd)
{
	if (nh_composite_mcast_validate_src(pkt, nh, fmd, NULL) ==
	    NH_SOURCE_INVALID) {
		vr_drop(pkt, VP_DROP_INVALID_MCAST_SOURCE);
		return 0;
	}

	if (pkt->vp_type == VP_TYPE_ARP && nh_composite_arp(pkt, fmd))
		return 0;

	nh_composite_free(pkt, nh_replicate(pkt, nh, fmd, 0));
	return 0;
}

int nh_composite_encap(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd)
{
	nh_composite_free(pkt, nh_replicate(pkt, nh, fmd, 0));
	return 0;
}

/* Tunnels to other hosts, for what does not come from there. */
int nh_composite_evpn(struct vr_packet *pkt, struct vr_nexthop *nh,
		      struct vr_forwarding_md *fmd)
{
	if (pkt->vp_if->vif_type == VIF_TYPE_PHYSICAL) {
		vr_pfree(pkt, VP_DROP_CLONED_ORIGINAL);
		return 0;
	}

	nh_composite_free(pkt, nh_replicate(pkt, nh, fmd, 0));
	return 0;
}

/* The component for the packet's addresses, in fmd_ecmp_nh_index; -1: none. */
static int nh_composite_ecmp_select_nh(struct vr_packet *pkt,
				       const struct vr_component_list *list,
				       struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	struct vr_packet *clone;
	unsigned int first, i;

	if (vr_ip_fragment_head(ip)) {
		clone = vr_pclone(pkt);
		if (clone)
			vr_enqueue_to_assembler(pkt->vp_if->vif_router, clone, fmd);
		else
			pkt_drop_stats(pkt->vp_if, VP_DROP_CLONE_FAIL, pkt->vp_cpu);
	}

	first = jhash_3words((__force u32)ip->saddr, (__force u32)ip->daddr,
			     ip->protocol, 0);
	for (i = 0; i < list->cl_slots; i++) {
		fmd->fmd_ecmp_nh_index = (first + i) % list->cl_slots;
		if (rcu_access_pointer(list->cl_component[fmd->fmd_ecmp_nh_index].cnh))
			return 0;
	}

	return -1;
}

int nh_composite_ecmp(struct vr_packet *pkt, struct vr_nexthop *nh,
		      struct vr_forwarding_md *fmd)
{
	const struct vr_component_list *list = rcu_dereference(nh->nh_component);
	const struct vr_component_nh *component;

	if (!list || nh_composite_ecmp_select_nh(pkt, list, fmd)) {
		vr_drop(pkt, VP_DROP_INVALID_NH);
		return 0;
	}

	component = &list->cl_component[fmd->fmd_ecmp_nh_index];
	if (component->cnh_label >= 0)
		fmd->fmd_label = component->cnh_label;
	/* Not a tail call, so that the trace shows the call inside this one. */
	nh_output(pkt, rcu_dereference(component->cnh), fmd);
	return 0;
}

/* Returns a list with more slots, those of old (which may be NULL) first. */
static struct vr_component_list *
vr_component_list_grow(const struct vr_component_list *old)
{
	unsigned int i, used = old ? old->cl_slots : 0;
	unsigned int slots = used ? 2 * used : 1;
	struct vr_component_list *list;

	list = kzalloc(struct_size(list, cl_component, slots), GFP_KERNEL);
	if (!list)
		return NULL;

	list->cl_slots = slots;
	for (i = 0; i < slots; i++) {
		list->cl_component[i].cnh_label = -1;
		if (i < used)
			RCU_INIT_POINTER(list->cl_component[i].cnh,
					 rtnl_dereference(old->cl_component[i].cnh));
	}

	return list;
}

/* The slot that holds the nexthop; a free one if that is NULL. */
static struct vr_nexthop __rcu **
vr_component_slot(struct vr_component_list *list, const struct vr_nexthop *nh)
{
	unsigned int i;

	for (i = 0; list && i < list->cl_slots; i++)
		if (rcu_access_pointer(list->cl_component[i].cnh) == nh)
			return &list->cl_component[i].cnh;

	return NULL;
}

static int vr_component_add(struct vr_nexthop *composite, struct vr_nexthop *nh)
{
	struct vr_component_list *old, *list;
	struct vr_nexthop __rcu **slot;

	old = rtnl_dereference(composite->nh_component);
	slot = vr_component_slot(old, NULL);
	if (slot) {
		rcu_assign_pointer(*slot, nh);
		return 0;
	}

	list = vr_component_list_grow(old);
	if (!list)
		return -ENOMEM;

	RCU_INIT_POINTER(*vr_component_slot(list, NULL), nh);
	rcu_assign_pointer(composite->nh_component, list);
	if (old)
		kfree_rcu(old, cl_rcu);
	return 0;
}

/* The composite nexthop of encaps inside a flood. */
static struct vr_nexthop *vr_flood_encaps(struct vr_nexthop *flood)
{
	struct vr_component_list *list = rtnl_dereference(flood->nh_component);

	return rtnl_dereference(list->cl_component[0].cnh);
}

struct vr_nexthop *vr_nexthop_flood_create(struct vrouter *router, int vrf)
{
	struct vr_nexthop *flood, *encaps;

	flood = vr_nexthop_alloc_id(router, NH_COMPOSITE, vrf, 0, -1);
	if (!flood)
		return NULL;

	encaps = vr_nexthop_alloc_id(router, NH_COMPOSITE, vrf, 0, -1);
	if (!encaps || vr_component_add(flood, encaps)) {
		vr_nexthop_free(encaps);
		vr_nexthop_free(flood);
		return NULL;
	}

	flood->nh_reach_nh = nh_composite_mcast;
	encaps->nh_reach_nh = nh_composite_encap;
	return flood;
}

int vr_nexthop_flood_add(struct vr_nexthop *flood, struct vr_nexthop *encap)
{
	int err = vr_component_add(vr_flood_encaps(flood), encap);

	if (!err)
		encap->nh_dev->vif_users++;
	return err;
}

bool vr_nexthop_flood_remove(struct vr_nexthop *flood, struct vr_nexthop *encap)
{
	struct vr_nexthop *encaps = vr_flood_encaps(flood);
	struct vr_component_list *list = rtnl_dereference(encaps->nh_component);
	struct vr_nexthop __rcu **slot = vr_component_slot(list, encap);
	unsigned int i;

	if (slot) {
		RCU_INIT_POINTER(*slot, NULL);
		encap->nh_dev->vif_users--;
	}

	for (i = 0; i < list->cl_slots; i++)
		if (rcu_access_pointer(list->cl_component[i].cnh))
			return false;

	return true;
}

static void vr_nexthop_free_rcu(struct rcu_head *head)
{
	struct vr_nexthop *nh = container_of(head, struct vr_nexthop, nh_rcu);

	vr_nexthop_free(nh);
}

void vr_nexthop_flood_free(struct vr_nexthop *flood)
{
	call_rcu(&vr_flood_encaps(flood)->nh_rcu, vr_nexthop_free_rcu);
	call_rcu(&flood->nh_rcu, vr_nexthop_free_rcu);
}
