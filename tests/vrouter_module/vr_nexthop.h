/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Nexthops: the actions of routes.
 *
 * Names and offsets of the fields are the real module's, the union apart.
 */
#ifndef VR_NEXTHOP_H
#define VR_NEXTHOP_H

#include <linux/build_bug.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct vr_forwarding_md;
struct vr_interface;
struct vr_nexthop_req;
struct vr_packet;
struct vrouter;

/* nh_type */
#define NH_DEAD			0
#define NH_RCV			1
#define NH_ENCAP		2
#define NH_TUNNEL		3
#define NH_RESOLVE		4
#define NH_DISCARD		5
#define NH_COMPOSITE		6
#define NH_VRF_TRANSLATE	7
#define NH_L2_RCV		8

#define NH_FLAG_VALID		0x00000001
#define NH_FLAG_TUNNEL_VXLAN	0x00000080

/* Result of nh_validate_src. */
#define NH_SOURCE_INVALID	0
#define NH_SOURCE_VALID		1
#define NH_SOURCE_MISMATCH	2

struct vr_nexthop;

/* The components of a composite nexthop. Slots may be empty. */
struct vr_component_list {
	struct rcu_head cl_rcu;
	unsigned int cl_slots;
	struct vr_nexthop __rcu *cl_nh[];
};

struct vr_nexthop {
	unsigned char nh_type;
	unsigned char nh_family;
	unsigned short nh_data_size;
	unsigned int nh_flags;
	int nh_vrf;
	unsigned int nh_id;
	unsigned int nh_rid;
	unsigned int nh_users;
	union {
		struct {
			struct vr_component_list __rcu *component;
		} nh_composite;
		struct {
			__be32 tun_sip;
			__be32 tun_dip;
		} nh_udp_tun;
		unsigned char nh_reserved[32];
	} nh_u;
	struct vrouter *nh_router;
	struct vr_nexthop *nh_direct_nh;
	int (*nh_validate_src)(struct vr_packet *pkt, struct vr_nexthop *nh,
			       struct vr_forwarding_md *fmd, void *ret_data);
	int (*nh_reach_nh)(struct vr_packet *pkt, struct vr_nexthop *nh,
			   struct vr_forwarding_md *fmd);
	struct rcu_head nh_rcu;
	struct vr_interface *nh_dev_arr[3];
	unsigned char nh_reserved2[36];
	unsigned char nh_data[];
};

#define nh_dev		nh_dev_arr[0]
#define nh_component	nh_u.nh_composite.component
#define nh_tun_sip	nh_u.nh_udp_tun.tun_sip
#define nh_tun_dip	nh_u.nh_udp_tun.tun_dip

static_assert(offsetof(struct vr_nexthop, nh_data_size) == 2);
static_assert(offsetof(struct vr_nexthop, nh_flags) == 4);
static_assert(offsetof(struct vr_nexthop, nh_vrf) == 8);
static_assert(offsetof(struct vr_nexthop, nh_id) == 12);
static_assert(offsetof(struct vr_nexthop, nh_rid) == 16);
static_assert(offsetof(struct vr_nexthop, nh_users) == 20);
static_assert(offsetof(struct vr_nexthop, nh_u) == 24);
static_assert(offsetof(struct vr_nexthop, nh_router) == 56);
static_assert(offsetof(struct vr_nexthop, nh_direct_nh) == 64);
static_assert(offsetof(struct vr_nexthop, nh_validate_src) == 72);
static_assert(offsetof(struct vr_nexthop, nh_reach_nh) == 80);
static_assert(offsetof(struct vr_nexthop, nh_dev_arr) == 104);
static_assert(offsetof(struct vr_nexthop, nh_data) == 164);

/* Nexthop 0, for packets without a route. */
extern struct vr_nexthop *ip4_default_nh;
/* Tunnel packets to this host, and decapsulated packets to the VMs of a VRF. */
extern struct vr_nexthop *vr_receive_nh, *vr_translate_nh;

/* The nexthop with that id; NULL if there is none. Under RCU or rtnl. */
struct vr_nexthop *__vrouter_get_nexthop(struct vrouter *router,
					 unsigned int id);

int vr_nexthop_init(struct vrouter *router);
void vr_nexthop_exit(void);

/* Sends out of a vif. */
struct vr_nexthop *vr_nexthop_encap_create(struct vr_interface *vif);
/* Sends a copy to every vif of a VRF: a composite of one composite of encaps. */
struct vr_nexthop *vr_nexthop_flood_create(struct vrouter *router, int vrf);

/* Removes it from lookups by id. NULL is allowed. */
void vr_nexthop_unlink(struct vr_nexthop *nh);
/* The caller must make sure that no packet uses it. NULL is allowed. */
void vr_nexthop_free(struct vr_nexthop *nh);
/* Packets may still be at it. Its composite of encaps goes as well. */
void vr_nexthop_flood_free(struct vr_nexthop *flood);

/* Requests. Under rtnl. */
int vr_nexthop_add(struct vrouter *router, const struct vr_nexthop_req *req);
int vr_nexthop_delete(struct vrouter *router, const struct vr_nexthop_req *req);
/* The tunnels that leave by a vif no longer do: it is being deleted. */
void vr_nexthop_forget(struct vr_interface *vif);

/* Under rtnl. */
int vr_nexthop_flood_add(struct vr_nexthop *flood, struct vr_nexthop *encap);
/* Cannot fail. True if the last one has left. */
bool vr_nexthop_flood_remove(struct vr_nexthop *flood, struct vr_nexthop *encap);

/* vr_tunnel.c: the nh_reach_nh of VXLAN tunnels. */
int nh_vxlan_tunnel(struct vr_packet *pkt, struct vr_nexthop *nh,
		    struct vr_forwarding_md *fmd);

int nh_output(struct vr_packet *pkt, struct vr_nexthop *nh,
	      struct vr_forwarding_md *fmd);
struct vr_packet *nh_mcast_clone(struct vr_packet *pkt,
				 unsigned short head_room);

#endif /* VR_NEXTHOP_H */
