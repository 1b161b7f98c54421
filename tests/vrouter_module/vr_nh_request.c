// SPDX-License-Identifier: GPL-2.0
/*
 * Nexthops from requests. They are freed with the module only: what refers to one
 * (routes, labels, composites, packets) need not hold it. A deleted one is merely
 * no longer valid, and its id is free.
 */
#include <linux/if_ether.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/socket.h>

#include "vr_compat.h"
#include "vr_requests.h"
#include "vrouter.h"

/*
 * A nexthop discards while it is changed. While this is set, a change stops there,
 * as it would look like to packets in between.
 */
static bool vr_nexthop_change_stops;
module_param(vr_nexthop_change_stops, bool, 0644);

static LIST_HEAD(vr_nexthop_requested);

struct vr_nexthop *vr_nexthop_get_requested(struct vrouter *router, int id)
{
	struct vr_nexthop *nh;

	if (id < 0)
		return NULL;

	nh = __vrouter_get_nexthop(router, id);
	return nh && nh->nh_requested ? nh : NULL;
}

static void vr_nexthop_set_dev(struct vr_nexthop *nh, struct vr_interface *vif)
{
	if (nh->nh_dev)
		nh->nh_dev->vif_users--;
	if (vif)
		vif->vif_users++;
	WRITE_ONCE(nh->nh_dev, vif);
}

/* The first vif of the request; NULL if there is none. */
static __always_inline struct vr_interface *
vr_nexthop_req_vif(struct vrouter *router, const struct vr_nexthop_req *req)
{
	__be32 oif;

	if (!req->nhr_encap_oif_id.count)
		return NULL;

	memcpy(&oif, req->nhr_encap_oif_id.data, sizeof(oif));
	return __vrouter_get_interface(router, ntohl(oif));
}

static bool vr_nexthop_is_tunnel(const struct vr_nexthop_req *req)
{
	return req->nhr_flags & (NH_FLAG_TUNNEL_VXLAN | NH_FLAG_TUNNEL_GRE |
				 NH_FLAG_TUNNEL_UDP_MPLS);
}

static int vr_nexthop_req_check(struct vrouter *router,
				const struct vr_nexthop_req *req)
{
	struct vr_interface *vif = vr_nexthop_req_vif(router, req);

	if (req->nhr_id < 0 || req->nhr_id > U16_MAX ||
	    req->nhr_encap.count > NH_DATA_MAX)
		return -EINVAL;

	switch (req->nhr_type) {
	case NH_RCV:
	case NH_DISCARD:
	case NH_VRF_TRANSLATE:
	case NH_L2_RCV:
		return 0;
	case NH_ENCAP:
		if (req->nhr_family != AF_BRIDGE && req->nhr_encap.count != ETH_HLEN)
			return -EINVAL;
		return vif ? 0 : -ENODEV;
	case NH_TUNNEL:
		if (!vr_nexthop_is_tunnel(req) || req->nhr_encap.count != ETH_HLEN)
			return -EINVAL;
		return vif && vif->vif_type == VIF_TYPE_PHYSICAL ? 0 : -ENODEV;
	case NH_COMPOSITE:
		if (req->nhr_label_list.count &&
		    req->nhr_label_list.count != req->nhr_nh_list.count)
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
}

/* NULL without components; an error pointer if one of them does not exist. */
static struct vr_component_list *
vr_nexthop_components(struct vrouter *router, const struct vr_nexthop_req *req)
{
	unsigned int count = req->nhr_nh_list.count, i;
	const __be32 *labels = req->nhr_label_list.data;
	const __be32 *ids = req->nhr_nh_list.data;
	struct vr_component_list *list;
	struct vr_nexthop *nh;

	if (!count)
		return NULL;

	list = kzalloc(struct_size(list, cl_component, count), GFP_KERNEL);
	if (!list)
		return ERR_PTR(-ENOMEM);

	list->cl_slots = count;
	for (i = 0; i < count; i++) {
		nh = vr_nexthop_get_requested(router, get_unaligned_be32(&ids[i]));
		if (!nh) {
			kfree(list);
			return ERR_PTR(-ENOENT);
		}
		RCU_INIT_POINTER(list->cl_component[i].cnh, nh);
		list->cl_component[i].cnh_label = -1;
		if (req->nhr_label_list.count && get_unaligned_be32(&labels[i]))
			list->cl_component[i].cnh_label =
				get_unaligned_be32(&labels[i]);
	}

	return list;
}

typedef int (*vr_reach_nh)(struct vr_packet *pkt, struct vr_nexthop *nh,
			   struct vr_forwarding_md *fmd);

static vr_reach_nh vr_nexthop_composite_reach(const struct vr_nexthop_req *req)
{
	if (req->nhr_flags & NH_FLAG_COMPOSITE_ECMP)
		return nh_composite_ecmp;
	if (req->nhr_flags & NH_FLAG_COMPOSITE_EVPN)
		return nh_composite_evpn;
	if (req->nhr_flags & NH_FLAG_COMPOSITE_ENCAP)
		return nh_composite_encap;
	return nh_composite_mcast;
}

static vr_reach_nh vr_nexthop_tunnel_reach(const struct vr_nexthop_req *req)
{
	if (req->nhr_flags & NH_FLAG_TUNNEL_VXLAN)
		return nh_vxlan_tunnel;
	if (req->nhr_flags & NH_FLAG_TUNNEL_UDP_MPLS)
		return nh_mpls_udp_tunnel;
	return nh_gre_tunnel;
}

static vr_reach_nh vr_nexthop_reach(const struct vr_nexthop_req *req)
{
	switch (req->nhr_type) {
	case NH_RCV:
		return nh_l3_rcv;
	case NH_L2_RCV:
		return nh_l2_rcv;
	case NH_VRF_TRANSLATE:
		return nh_vrf_translate;
	case NH_ENCAP:
		return req->nhr_family == AF_BRIDGE ? nh_encap_l2 : nh_encap_l3;
	case NH_TUNNEL:
		return vr_nexthop_tunnel_reach(req);
	case NH_COMPOSITE:
		return vr_nexthop_composite_reach(req);
	default:
		return nh_discard;
	}
}

static void vr_nexthop_set_validate_src(struct vr_nexthop *nh)
{
	nh->nh_validate_src = NULL;
	if (nh->nh_type == NH_ENCAP)
		nh->nh_validate_src = nh_encap_validate_src;
	else if (nh->nh_type == NH_TUNNEL)
		nh->nh_validate_src = nh_tunnel_validate_src;
}

/* No packet is at the nexthop: it discards. */
static void vr_nexthop_fill(struct vrouter *router, struct vr_nexthop *nh,
			    const struct vr_nexthop_req *req,
			    struct vr_component_list *list)
{
	if (nh->nh_type == NH_COMPOSITE)
		kfree(rcu_dereference_protected(nh->nh_component, true));

	memset(&nh->nh_u, 0, sizeof(nh->nh_u));
	nh->nh_type = req->nhr_type;
	nh->nh_family = req->nhr_family;
	nh->nh_vrf = req->nhr_vrf;
	nh->nh_data_size = req->nhr_encap.count;
	memcpy(nh->nh_data, req->nhr_encap.data, req->nhr_encap.count);
	vr_nexthop_set_dev(nh, req->nhr_type == NH_COMPOSITE ? NULL :
			       vr_nexthop_req_vif(router, req));
	vr_nexthop_set_validate_src(nh);
	if (nh->nh_type == NH_COMPOSITE) {
		rcu_assign_pointer(nh->nh_component, list);
	} else if (nh->nh_type == NH_TUNNEL) {
		nh->nh_tun_sip = (__force __be32)req->nhr_tun_sip;
		nh->nh_tun_dip = (__force __be32)req->nhr_tun_dip;
	}
	WRITE_ONCE(nh->nh_flags, req->nhr_flags);
}

/* A new one, or an old one that no packet is at. */
static struct vr_nexthop *vr_nexthop_prepare(struct vrouter *router,
					     const struct vr_nexthop_req *req,
					     bool *changed)
{
	struct vr_nexthop *nh = __vrouter_get_nexthop(router, req->nhr_id);

	*changed = nh;
	if (nh) {
		WRITE_ONCE(nh->nh_reach_nh, nh_discard);
		synchronize_net();
		return nh;
	}

	nh = vr_nexthop_alloc_id(router, NH_DEAD, req->nhr_vrf, NH_DATA_MAX,
				 req->nhr_id);
	if (nh) {
		nh->nh_requested = true;
		list_add(&nh->nh_requests, &vr_nexthop_requested);
	}
	return nh;
}

int vr_nexthop_add(struct vrouter *router, const struct vr_nexthop_req *req)
{
	struct vr_component_list *list = NULL;
	struct vr_nexthop *nh;
	bool changed;
	int err;

	ASSERT_RTNL();

	err = vr_nexthop_req_check(router, req);
	if (err)
		return err;
	nh = __vrouter_get_nexthop(router, req->nhr_id);
	if (nh && !nh->nh_requested)
		return -EBUSY;

	if (req->nhr_type == NH_COMPOSITE) {
		list = vr_nexthop_components(router, req);
		if (IS_ERR(list))
			return PTR_ERR(list);
	}

	nh = vr_nexthop_prepare(router, req, &changed);
	if (!nh) {
		kfree(list);
		return -ENOMEM;
	}

	vr_nexthop_fill(router, nh, req, list);
	if (!changed || !vr_nexthop_change_stops)
		smp_store_release(&nh->nh_reach_nh, vr_nexthop_reach(req));
	return 0;
}

int vr_nexthop_delete(struct vrouter *router, const struct vr_nexthop_req *req)
{
	struct vr_nexthop *nh;

	ASSERT_RTNL();

	nh = __vrouter_get_nexthop(router, req->nhr_id);
	if (!nh)
		return -ENOENT;
	if (!nh->nh_requested)
		return -EPERM;

	vr_nexthop_unlink(nh);
	WRITE_ONCE(nh->nh_flags, nh->nh_flags & ~NH_FLAG_VALID);
	return 0;
}

struct vr_nexthop_record {
	struct vr_nexthop_req req;
	__be32 oif;
	/* Ids of the components, then their labels. */
	__be32 components[];
};

static const struct vr_component_list *
vr_nexthop_component_list(const struct vr_nexthop *nh)
{
	if (nh->nh_type != NH_COMPOSITE)
		return NULL;
	return rcu_dereference_protected(nh->nh_component,
					 lockdep_rtnl_is_held());
}

static void vr_nexthop_record_components(struct vr_nexthop_record *record,
					 const struct vr_component_list *list)
{
	__be32 *ids = record->components, *labels = ids + list->cl_slots;
	const struct vr_component_nh *component;
	const struct vr_nexthop *nh;
	unsigned int i;

	for (i = 0; i < list->cl_slots; i++) {
		component = &list->cl_component[i];
		nh = rcu_dereference_protected(component->cnh,
					       lockdep_rtnl_is_held());
		ids[i] = cpu_to_be32(nh ? nh->nh_id : -1);
		/* 0 in a request is none. */
		labels[i] = cpu_to_be32(max(component->cnh_label, 0));
	}

	record->req.nhr_nh_count = list->cl_slots;
	record->req.nhr_nh_list.data = ids;
	record->req.nhr_nh_list.count = list->cl_slots;
	record->req.nhr_label_list.data = labels;
	record->req.nhr_label_list.count = list->cl_slots;
}

/* As the real module has it: what its sources call it is not what it means. */
static s32 vr_nexthop_encap_family(const struct vr_nexthop *nh)
{
	switch (nh->nh_type) {
	case NH_ENCAP:
		return ETH_P_ARP;
	case NH_TUNNEL:
		return 256;
	default:
		return 0;
	}
}

struct vr_nexthop_record *vr_nexthop_record_alloc(const struct vr_nexthop *nh)
{
	const struct vr_component_list *list = vr_nexthop_component_list(nh);
	struct vr_nexthop_record *record;

	ASSERT_RTNL();

	record = kzalloc(struct_size(record, components,
				     list ? 2 * list->cl_slots : 0), GFP_KERNEL);
	if (!record)
		return NULL;

	record->oif = cpu_to_be32(nh->nh_dev ? nh->nh_dev->vif_idx : 0);
	record->req = (struct vr_nexthop_req) {
		.h_op = SANDESH_OP_DUMP,
		.nhr_type = nh->nh_type,
		.nhr_family = nh->nh_family,
		.nhr_id = nh->nh_id,
		.nhr_encap_oif_id = { &record->oif, 1 },
		.nhr_encap_len = nh->nh_data_size,
		.nhr_encap_family = vr_nexthop_encap_family(nh),
		.nhr_vrf = nh->nh_vrf,
		.nhr_ref_cnt = nh->nh_users,
		.nhr_flags = nh->nh_flags,
		.nhr_encap = { nh->nh_data, nh->nh_data_size },
	};
	if (nh->nh_type == NH_TUNNEL) {
		record->req.nhr_tun_sip = (__force u32)nh->nh_tun_sip;
		record->req.nhr_tun_dip = (__force u32)nh->nh_tun_dip;
	}
	if (list)
		vr_nexthop_record_components(record, list);
	return record;
}

void vr_nexthop_record_free(struct vr_nexthop_record *record)
{
	kfree(record);
}

const struct vr_nexthop_req *
vr_nexthop_record_req(const struct vr_nexthop_record *record)
{
	return &record->req;
}

void vr_nexthop_forget(struct vr_interface *vif)
{
	struct vr_nexthop *nh;

	ASSERT_RTNL();

	list_for_each_entry(nh, &vr_nexthop_requested, nh_requests)
		if (nh->nh_dev == vif)
			vr_nexthop_set_dev(nh, NULL);
}

void vr_nexthop_requests_exit(void)
{
	struct vr_nexthop *nh, *next;

	list_for_each_entry_safe(nh, next, &vr_nexthop_requested, nh_requests)
		vr_nexthop_free(nh);
}
