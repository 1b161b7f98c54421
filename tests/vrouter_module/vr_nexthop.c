// SPDX-License-Identifier: GPL-2.0
/*
 * The table of nexthops, and those that the stand-in has without requests: discard,
 * receive, translate, and one for each virtual vif.
 */
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/xarray.h>

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

struct vr_nexthop *vr_nexthop_after(struct vrouter *router, int id)
{
	unsigned long next = (unsigned int)(id + 1);

	return xa_find(&vr_nexthops, &next, U16_MAX, XA_PRESENT);
}

noinline int nh_output(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd)
{
	if (!pkt->vp_ttl) {
		vr_trap(pkt, fmd->fmd_dvrf, AGENT_TRAP_ZERO_TTL, NULL);
		return 0;
	}

	pkt->vp_nh = nh;
	if (!(READ_ONCE(nh->nh_flags) & NH_FLAG_VALID)) {
		vr_drop(pkt, VP_DROP_INVALID_NH);
		return 0;
	}

	return READ_ONCE(nh->nh_reach_nh)(pkt, nh, fmd);
}

struct vr_nexthop *vr_nexthop_alloc_id(struct vrouter *router,
				       unsigned char type, int vrf,
				       unsigned int data_size, int id)
{
	struct vr_nexthop *nh = kzalloc(sizeof(*nh) + data_size, GFP_KERNEL);
	struct xa_limit limit = XA_LIMIT(0, U16_MAX);

	if (!nh)
		return NULL;

	nh->nh_data_size = data_size;
	nh->nh_type = type;
	nh->nh_family = AF_BRIDGE;
	nh->nh_flags = NH_FLAG_VALID;
	nh->nh_vrf = vrf;
	nh->nh_users = 1;
	nh->nh_router = router;
	nh->nh_reach_nh = nh_discard;
	if (id >= 0)
		limit = XA_LIMIT(id, id);
	if (xa_alloc_bh(&vr_nexthops, &nh->nh_id, nh, limit, GFP_KERNEL)) {
		kfree(nh);
		return NULL;
	}

	return nh;
}

struct vr_nexthop *vr_nexthop_encap_create(struct vr_interface *vif)
{
	struct vr_nexthop *nh = vr_nexthop_alloc_id(vif->vif_router, NH_ENCAP,
						    vif->vif_vrf, 0, -1);

	if (!nh)
		return NULL;

	nh->nh_reach_nh = nh_encap_l2;
	nh->nh_validate_src = nh_encap_validate_src;
	nh->nh_dev = vif;
	vif->vif_users++;
	return nh;
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
	ip4_default_nh = vr_nexthop_alloc_id(router, NH_DISCARD, 0, 0, -1);
	vr_receive_nh = vr_nexthop_alloc_id(router, NH_RCV, 0, 0, -1);
	vr_translate_nh = vr_nexthop_alloc_id(router, NH_VRF_TRANSLATE, 0, 0, -1);
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
	vr_nexthop_requests_exit();
	/* Floods that are still being freed hold an id. */
	rcu_barrier();
	vr_nexthop_free(vr_translate_nh);
	vr_nexthop_free(vr_receive_nh);
	vr_nexthop_free(ip4_default_nh);
	xa_destroy(&vr_nexthops);
}
