// SPDX-License-Identifier: GPL-2.0
/*
 * Nexthops: discard, encap (out of a vif), composites (copies to many) and VXLAN
 * tunnels (out of the fabric).
 */
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/xarray.h>

#include "vr_requests.h"
#include "vrouter.h"

#define VR_LOG_FILE	VR_NEXTHOP_C

struct vr_nexthop *ip4_default_nh;
struct vr_nexthop *vr_receive_nh, *vr_translate_nh;

static DEFINE_XARRAY_FLAGS(vr_nexthops, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);

struct vr_nexthop *__vrouter_get_nexthop(struct vrouter *router,
					 unsigned int id)
{
	return xa_load(&vr_nexthops, id);
}

noinline int nh_output(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd)
{
	if (!(nh->nh_flags & NH_FLAG_VALID)) {
		vr_drop(pkt, VP_DROP_INVALID_NH);
		return 0;
	}

	pkt->vp_nh = nh;
	return nh->nh_reach_nh(pkt, nh, fmd);
}

static int nh_discard(struct vr_packet *pkt, struct vr_nexthop *nh,
		      struct vr_forwarding_md *fmd)
{
	vr_drop(pkt, VP_DROP_DISCARD);
	return 0;
}

static int nh_l3_rcv(struct vr_packet *pkt, struct vr_nexthop *nh,
		     struct vr_forwarding_md *fmd)
{
	return vr_ip_rcv(nh->nh_router, pkt, fmd);
}

static int nh_vrf_translate(struct vr_packet *pkt, struct vr_nexthop *nh,
			    struct vr_forwarding_md *fmd)
{
	/* Not a tail call, so that the trace shows the call inside this one. */
	vr_bridge_input(nh->nh_router, pkt, fmd);
	return 0;
}

/* Sends the frame unchanged: there is nothing to rewrite at layer 2. */
static int nh_encap_l2(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd)
{
	struct vr_interface *vif = nh->nh_dev;

	if (!vif) {
		vr_drop(pkt, VP_DROP_INVALID_IF);
		return 0;
	}

	if (pkt->vp_flags & VP_FLAG_GRO && vr_gro_input(pkt, nh))
		return 0;

	return vif->vif_tx(vif, pkt, fmd);
}

/* Reverse path: whether a packet may come from where this nexthop leads. */
static int nh_encap_validate_src(struct vr_packet *pkt, struct vr_nexthop *nh,
				 struct vr_forwarding_md *fmd, void *ret_data)
{
	return pkt->vp_if == nh->nh_dev ? NH_SOURCE_VALID : NH_SOURCE_INVALID;
}

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
	     struct vr_forwarding_md *fmd)
{
	const struct vr_component_list *list;
	struct vr_nexthop *part;
	struct vr_packet *clone;
	unsigned int i;

	if (!fmd)
		return VP_DROP_NO_FMD;

	list = rcu_dereference(nh->nh_component);
	if (!list)
		return VP_DROP_DISCARD;

	for (i = 0; i < list->cl_slots; i++) {
		part = rcu_dereference(list->cl_nh[i]);
		if (!part || (part->nh_dev && part->nh_dev == pkt->vp_if))
			continue;

		clone = nh_mcast_clone(pkt, 0);
		if (!clone)
			return VP_DROP_MCAST_CLONE_FAIL;

		nh_output(clone, part, fmd);
	}

	return VP_DROP_CLONED_ORIGINAL;
}

static int nh_composite_mcast(struct vr_packet *pkt, struct vr_nexthop *nh,
			      struct vr_forwarding_md *fmd)
{
	vr_pfree(pkt, nh_replicate(pkt, nh, fmd));
	return 0;
}

static int nh_composite_encap(struct vr_packet *pkt, struct vr_nexthop *nh,
			      struct vr_forwarding_md *fmd)
{
	vr_pfree(pkt, nh_replicate(pkt, nh, fmd));
	return 0;
}

/* With the id; with the first free one if that is -1. */
static struct vr_nexthop *vr_nexthop_alloc_id(struct vrouter *router,
					      unsigned char type, int vrf,
					      unsigned int data_size, int id)
{
	struct vr_nexthop *nh = kzalloc(sizeof(*nh) + data_size, GFP_KERNEL);
	struct xa_limit limit = XA_LIMIT(0, U16_MAX);

	if (!nh)
		return NULL;

	if (id >= 0)
		limit = XA_LIMIT(id, id);
	if (xa_alloc_bh(&vr_nexthops, &nh->nh_id, nh, limit, GFP_KERNEL)) {
		kfree(nh);
		return NULL;
	}

	nh->nh_data_size = data_size;
	nh->nh_type = type;
	nh->nh_family = AF_BRIDGE;
	nh->nh_flags = NH_FLAG_VALID;
	nh->nh_vrf = vrf;
	nh->nh_users = 1;
	nh->nh_router = router;
	return nh;
}

static struct vr_nexthop *vr_nexthop_alloc(struct vrouter *router,
					   unsigned char type, int vrf)
{
	return vr_nexthop_alloc_id(router, type, vrf, 0, -1);
}

struct vr_nexthop *vr_nexthop_encap_create(struct vr_interface *vif)
{
	struct vr_nexthop *nh = vr_nexthop_alloc(vif->vif_router, NH_ENCAP,
						 vif->vif_vrf);

	if (!nh)
		return NULL;

	nh->nh_reach_nh = nh_encap_l2;
	nh->nh_validate_src = nh_encap_validate_src;
	nh->nh_dev = vif;
	vif->vif_users++;
	return nh;
}

/* Returns a list with more slots, those of old (which may be NULL) first. */
static struct vr_component_list *
vr_component_list_grow(const struct vr_component_list *old)
{
	unsigned int i, used = old ? old->cl_slots : 0;
	unsigned int slots = used ? 2 * used : 1;
	struct vr_component_list *list;

	list = kzalloc(struct_size(list, cl_nh, slots), GFP_KERNEL);
	if (!list)
		return NULL;

	list->cl_slots = slots;
	for (i = 0; i < used; i++)
		RCU_INIT_POINTER(list->cl_nh[i], rtnl_dereference(old->cl_nh[i]));

	return list;
}

/* The slot that holds the nexthop; a free one if that is NULL. */
static struct vr_nexthop __rcu **
vr_component_slot(struct vr_component_list *list, const struct vr_nexthop *nh)
{
	unsigned int i;

	for (i = 0; list && i < list->cl_slots; i++)
		if (rcu_access_pointer(list->cl_nh[i]) == nh)
			return &list->cl_nh[i];

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

	return rtnl_dereference(list->cl_nh[0]);
}

struct vr_nexthop *vr_nexthop_flood_create(struct vrouter *router, int vrf)
{
	struct vr_nexthop *flood, *encaps;

	flood = vr_nexthop_alloc(router, NH_COMPOSITE, vrf);
	if (!flood)
		return NULL;

	encaps = vr_nexthop_alloc(router, NH_COMPOSITE, vrf);
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
		if (rcu_access_pointer(list->cl_nh[i]))
			return false;

	return true;
}

static void vr_nexthop_free_rcu(struct rcu_head *head)
{
	struct vr_nexthop *nh = container_of(head, struct vr_nexthop, nh_rcu);

	vr_nexthop_free(nh);
}

static void vr_nexthop_tunnel_free(struct vr_nexthop *nh)
{
	vr_nexthop_unlink(nh);
	vr_bridge_flush(nh);
	if (nh->nh_dev)
		nh->nh_dev->vif_users--;
	nh->nh_dev = NULL;
	kfree_rcu(nh, nh_rcu);
}

int vr_nexthop_add(struct vrouter *router, const struct vr_nexthop_req *req)
{
	struct vr_nexthop *nh, *old;
	struct vr_interface *vif;
	__be32 oif;

	ASSERT_RTNL();

	if (req->nhr_type != NH_TUNNEL ||
	    !(req->nhr_flags & NH_FLAG_TUNNEL_VXLAN) || req->nhr_id < 0 ||
	    req->nhr_id > U16_MAX || req->nhr_encap_oif_id.count != 1 ||
	    req->nhr_encap.count != ETH_HLEN)
		return -EINVAL;

	memcpy(&oif, req->nhr_encap_oif_id.data, sizeof(oif));
	vif = __vrouter_get_interface(router, ntohl(oif));
	if (!vif || vif->vif_type != VIF_TYPE_PHYSICAL)
		return -ENODEV;

	/* The stand-in does not change nexthops: their routes go, too. */
	old = __vrouter_get_nexthop(router, req->nhr_id);
	if (old && old->nh_type != NH_TUNNEL)
		return -EBUSY;
	if (old)
		vr_nexthop_tunnel_free(old);

	nh = vr_nexthop_alloc_id(router, NH_TUNNEL, req->nhr_vrf, ETH_HLEN,
				 req->nhr_id);
	if (!nh)
		return -ENOMEM;

	nh->nh_flags |= NH_FLAG_TUNNEL_VXLAN;
	nh->nh_tun_sip = (__force __be32)req->nhr_tun_sip;
	nh->nh_tun_dip = (__force __be32)req->nhr_tun_dip;
	memcpy(nh->nh_data, req->nhr_encap.data, ETH_HLEN);
	nh->nh_reach_nh = nh_vxlan_tunnel;
	nh->nh_dev = vif;
	vif->vif_users++;
	return 0;
}

int vr_nexthop_delete(struct vrouter *router, const struct vr_nexthop_req *req)
{
	struct vr_nexthop *nh;

	ASSERT_RTNL();

	nh = __vrouter_get_nexthop(router, req->nhr_id);
	if (!nh)
		return -ENOENT;
	if (nh->nh_type != NH_TUNNEL)
		return -EPERM;

	vr_nexthop_tunnel_free(nh);
	return 0;
}

void vr_nexthop_forget(struct vr_interface *vif)
{
	struct vr_nexthop *nh;
	unsigned long id;

	ASSERT_RTNL();

	xa_for_each(&vr_nexthops, id, nh) {
		if (nh->nh_type != NH_TUNNEL || nh->nh_dev != vif)
			continue;
		WRITE_ONCE(nh->nh_dev, NULL);
		vif->vif_users--;
	}
}

void vr_nexthop_flood_free(struct vr_nexthop *flood)
{
	call_rcu(&vr_flood_encaps(flood)->nh_rcu, vr_nexthop_free_rcu);
	call_rcu(&flood->nh_rcu, vr_nexthop_free_rcu);
}

/* Idempotent: does nothing if the id has been reused. */
void vr_nexthop_unlink(struct vr_nexthop *nh)
{
	if (nh)
		xa_cmpxchg_bh(&vr_nexthops, nh->nh_id, nh, NULL, 0);
}

void vr_nexthop_free(struct vr_nexthop *nh)
{
	if (!nh)
		return;

	vr_nexthop_unlink(nh);
	if (nh->nh_dev)
		nh->nh_dev->vif_users--;
	if (nh->nh_type == NH_COMPOSITE)
		kfree(rcu_dereference_protected(nh->nh_component, true));
	kfree(nh);
}

int vr_nexthop_init(struct vrouter *router)
{
	/* Gets the first free id, 0, which is always the discard nexthop. */
	ip4_default_nh = vr_nexthop_alloc(router, NH_DISCARD, 0);
	vr_receive_nh = vr_nexthop_alloc(router, NH_RCV, 0);
	vr_translate_nh = vr_nexthop_alloc(router, NH_VRF_TRANSLATE, 0);
	if (!ip4_default_nh || !vr_receive_nh || !vr_translate_nh) {
		vr_nexthop_exit();
		return -ENOMEM;
	}

	ip4_default_nh->nh_reach_nh = nh_discard;
	vr_receive_nh->nh_reach_nh = nh_l3_rcv;
	vr_translate_nh->nh_reach_nh = nh_vrf_translate;
	return 0;
}

void vr_nexthop_exit(void)
{
	struct vr_nexthop *nh;
	unsigned long id;

	xa_for_each(&vr_nexthops, id, nh)
		if (nh->nh_type == NH_TUNNEL)
			vr_nexthop_tunnel_free(nh);

	/* Floods that are still being freed hold an id. */
	rcu_barrier();
	vr_nexthop_free(vr_translate_nh);
	vr_nexthop_free(vr_receive_nh);
	vr_nexthop_free(ip4_default_nh);
	xa_destroy(&vr_nexthops);
}
