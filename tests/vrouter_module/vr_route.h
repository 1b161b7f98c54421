/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes of IPv4 addresses: in each VRF, the nexthop of a prefix.
 *
 * Names and layouts are the real module's.
 */
#ifndef VR_ROUTE_H
#define VR_ROUTE_H

#include <linux/if_ether.h>
#include <linux/types.h>

struct vr_nexthop;
struct vr_route_message;
struct vrouter;

/* rtr_label_flags of IPv4 */
#define VR_RT_LABEL_VALID_FLAG	0x1
#define VR_RT_ARP_PROXY_FLAG	0x2

#define IP4_PREFIX_LEN		32

/* A request of sandesh as the real module's generated C has it. */
typedef struct _vr_route_req {
	int h_op;
	int rtr_vrf_id;
	int rtr_family;
	unsigned char *rtr_prefix;	/* in network order */
	unsigned int rtr_prefix_size;
	int rtr_prefix_len;
	short rtr_rid;
	short rtr_label_flags;
	int rtr_label;
	int rtr_nh_id;
	unsigned char *rtr_marker;
	unsigned int rtr_marker_size;
	int rtr_marker_plen;
	unsigned char *rtr_mac;
	unsigned int rtr_mac_size;
	int rtr_replace_plen;
	int rtr_index;
} vr_route_req;

struct vr_route_req {
	vr_route_req rtr_req;
	struct vr_nexthop *rtr_nh;
};

/*
 * Looks up rtr_prefix, and fills in the length of the prefix that won, its label
 * and its flags. Never NULL: without a route, it is nexthop 0. Under RCU.
 */
extern struct vr_nexthop *(*vr_inet_route_lookup)(unsigned int vrf_id,
						  struct vr_route_req *rt);
/* The same for an address; rt only holds the result. */
struct vr_nexthop *vr_inet_ip_lookup(unsigned short vrf, __be32 ip,
				     struct vr_route_req *rt);

/* Under rtnl. */
int vr_inet_route_add(struct vrouter *router, const struct vr_route_message *req);
int vr_inet_route_delete(const struct vr_route_message *req);
void vr_inet_route_exit(void);

#endif /* VR_ROUTE_H */
