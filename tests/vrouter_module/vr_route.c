// SPDX-License-Identifier: GPL-2.0
/*
 * The real module has a trie; a list is enough for the stand-in's few routes.
 */
#include <linux/etherdevice.h>
#include <linux/rculist.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "vr_requests.h"
#include "vrouter.h"

struct vr_inet_route {
	struct hlist_node ir_node;
	struct rcu_head ir_rcu;
	__be32 ir_prefix;
	unsigned int ir_len;
	struct vr_nexthop *ir_nh;	/* stays until the module goes */
	int ir_label;
	short ir_label_flags;
};

static struct hlist_head vr_inet_routes[VR_MAX_VRFS];

static __be32 vr_prefix_mask(unsigned int len)
{
	return len ? htonl(~0U << (IP4_PREFIX_LEN - len)) : 0;
}

static struct vr_nexthop *mtrie_lookup(unsigned int vrf_id,
				       struct vr_route_req *rt)
{
	__be32 address = *(__be32 *)rt->rtr_req.rtr_prefix;
	const struct vr_inet_route *route, *best = NULL;

	if (vrf_id < VR_MAX_VRFS)
		hlist_for_each_entry_rcu(route, &vr_inet_routes[vrf_id], ir_node)
			if (!((address ^ route->ir_prefix) &
			      vr_prefix_mask(route->ir_len)) &&
			    (!best || route->ir_len > best->ir_len))
				best = route;

	rt->rtr_req.rtr_prefix_len = best ? best->ir_len : 0;
	rt->rtr_req.rtr_label = best ? best->ir_label : -1;
	rt->rtr_req.rtr_label_flags = best ? best->ir_label_flags : 0;
	rt->rtr_nh = best ? best->ir_nh : ip4_default_nh;
	rt->rtr_req.rtr_nh_id = rt->rtr_nh->nh_id;
	return rt->rtr_nh;
}

struct vr_nexthop *(*vr_inet_route_lookup)(unsigned int vrf_id,
					   struct vr_route_req *rt)
	__ro_after_init = mtrie_lookup;

struct vr_nexthop *vr_inet_ip_lookup(unsigned short vrf, __be32 ip,
				     struct vr_route_req *rt)
{
	memset(rt, 0, sizeof(*rt));
	rt->rtr_req.rtr_vrf_id = vrf;
	rt->rtr_req.rtr_family = AF_INET;
	rt->rtr_req.rtr_prefix = (unsigned char *)&ip;
	rt->rtr_req.rtr_prefix_size = sizeof(ip);
	rt->rtr_req.rtr_prefix_len = IP4_PREFIX_LEN;
	return vr_inet_route_lookup(vrf, rt);
}

static struct vr_inet_route *
vr_inet_route_find(const struct vr_route_message *req, __be32 prefix)
{
	struct vr_inet_route *route;

	hlist_for_each_entry(route, &vr_inet_routes[req->rtr_vrf_id], ir_node)
		if (route->ir_prefix == prefix &&
		    route->ir_len == req->rtr_prefix_len)
			return route;

	return NULL;
}

/* -EINVAL if the request is not about a prefix of a VRF. */
static int vr_inet_route_prefix(const struct vr_route_message *req,
				__be32 *prefix)
{
	if (req->rtr_prefix.count != sizeof(*prefix) ||
	    req->rtr_prefix_len < 0 || req->rtr_prefix_len > IP4_PREFIX_LEN ||
	    req->rtr_vrf_id < 0 || req->rtr_vrf_id >= VR_MAX_VRFS)
		return -EINVAL;

	memcpy(prefix, req->rtr_prefix.data, sizeof(*prefix));
	*prefix &= vr_prefix_mask(req->rtr_prefix_len);
	return 0;
}

static void vr_inet_route_remove(struct vr_inet_route *route)
{
	hlist_del_rcu(&route->ir_node);
	kfree_rcu(route, ir_rcu);
}

int vr_inet_route_add(struct vrouter *router, const struct vr_route_message *req)
{
	struct vr_inet_route *route, *old;
	struct vr_nexthop *nh;
	__be32 prefix;
	int err;

	ASSERT_RTNL();

	err = vr_inet_route_prefix(req, &prefix);
	if (err)
		return err;
	nh = vr_nexthop_get_requested(router, req->rtr_nh_id);
	if (!nh)
		return -EINVAL;

	route = kzalloc(sizeof(*route), GFP_KERNEL);
	if (!route)
		return -ENOMEM;

	route->ir_prefix = prefix;
	route->ir_len = req->rtr_prefix_len;
	route->ir_nh = nh;
	route->ir_label_flags = req->rtr_label_flags;
	route->ir_label = req->rtr_label_flags & VR_RT_LABEL_VALID_FLAG ?
				  req->rtr_label : -1;

	old = vr_inet_route_find(req, prefix);
	hlist_add_head_rcu(&route->ir_node, &vr_inet_routes[req->rtr_vrf_id]);
	if (old)
		vr_inet_route_remove(old);
	return 0;
}

int vr_inet_route_delete(const struct vr_route_message *req)
{
	struct vr_inet_route *route;
	__be32 prefix;
	int err;

	ASSERT_RTNL();

	err = vr_inet_route_prefix(req, &prefix);
	if (err)
		return err;
	route = vr_inet_route_find(req, prefix);
	if (!route)
		return -ENOENT;

	vr_inet_route_remove(route);
	return 0;
}

/* After all packets. */
void vr_inet_route_exit(void)
{
	struct vr_inet_route *route;
	struct hlist_node *next;
	unsigned int vrf;

	for (vrf = 0; vrf < VR_MAX_VRFS; vrf++)
		hlist_for_each_entry_safe(route, next, &vr_inet_routes[vrf], ir_node)
			vr_inet_route_remove(route);
}
