/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Nexthops: the actions of routes.
 *
 * Names and offsets of the fields are the real module's, the union apart.
 */
#ifndef VR_NEXTHOP_H
#define VR_NEXTHOP_H

#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct vr_forwarding_md;
struct vr_interface;
struct vr_nexthop_req;
struct vr_packet;
struct vrouter;

/* nh_type */
enum nexthop_type {
	NH_DEAD,
	NH_RCV,
	NH_ENCAP,
	NH_TUNNEL,
	NH_RESOLVE,
	NH_DISCARD,
	NH_COMPOSITE,
	NH_VRF_TRANSLATE,
	NH_L2_RCV,
	NH_MAX,
};

/* nh_flags */
#define NH_FLAG_VALID			0x00000001
#define NH_FLAG_POLICY_ENABLED		0x00000002
#define NH_FLAG_TUNNEL_GRE		0x00000008
#define NH_FLAG_MCAST			0x00000020
#define NH_FLAG_TUNNEL_UDP_MPLS		0x00000040
#define NH_FLAG_TUNNEL_VXLAN		0x00000080
#define NH_FLAG_COMPOSITE_ECMP		0x00000400
#define NH_FLAG_COMPOSITE_EVPN		0x00001000
#define NH_FLAG_COMPOSITE_ENCAP		0x00002000
#define NH_FLAG_VALIDATE_MCAST_SRC	0x08000000

/* Room for the link header that a nexthop from a request sends with. */
#define NH_DATA_MAX		32

/* Result of nh_validate_src. */
#define NH_SOURCE_INVALID	0
#define NH_SOURCE_VALID		1
#define NH_SOURCE_MISMATCH	2

struct vr_nexthop;

struct vr_component_nh {
	struct vr_nexthop __rcu *cnh;
	int cnh_label;		/* -1: the packet's own */
};

/* The components of a composite nexthop. Slots may be empty. */
struct vr_component_list {
	struct rcu_head cl_rcu;
	unsigned int cl_slots;
	struct vr_component_nh cl_component[];
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
	/* The stand-in's own: of nexthops from requests, which stay until the end. */
	struct list_head nh_requests;
	bool nh_requested;
	unsigned char nh_reserved2[19];
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

/* The one with the next higher id, after -1 the first; likewise. */
struct vr_nexthop *vr_nexthop_after(struct vrouter *router, int id);

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

/* vr_nh_request.c: nexthops from requests. Under rtnl. */
int vr_nexthop_add(struct vrouter *router, const struct vr_nexthop_req *req);
/* Routes, labels and composites keep it, but it is no longer valid. */
int vr_nexthop_delete(struct vrouter *router, const struct vr_nexthop_req *req);
/* A nexthop as a record of a dump, with what its lists point to. */
struct vr_nexthop_record;
struct vr_nexthop_record *vr_nexthop_record_alloc(const struct vr_nexthop *nh);
void vr_nexthop_record_free(struct vr_nexthop_record *record);
const struct vr_nexthop_req *
vr_nexthop_record_req(const struct vr_nexthop_record *record);
/* NULL if there is none, or it is one of the stand-in's own. */
struct vr_nexthop *vr_nexthop_get_requested(struct vrouter *router, int id);
/* Those that leave by a vif no longer do: it is being deleted. */
void vr_nexthop_forget(struct vr_interface *vif);
/* After all packets. */
void vr_nexthop_requests_exit(void);

/* With the id; with the first free one if that is -1. It discards at first. */
struct vr_nexthop *vr_nexthop_alloc_id(struct vrouter *router,
				       unsigned char type, int vrf,
				       unsigned int data_size, int id);

/* vr_nh_reach.c: nh_reach_nh of each type. */
int nh_discard(struct vr_packet *pkt, struct vr_nexthop *nh,
	       struct vr_forwarding_md *fmd);
int nh_l3_rcv(struct vr_packet *pkt, struct vr_nexthop *nh,
	      struct vr_forwarding_md *fmd);
int nh_l2_rcv(struct vr_packet *pkt, struct vr_nexthop *nh,
	      struct vr_forwarding_md *fmd);
int nh_vrf_translate(struct vr_packet *pkt, struct vr_nexthop *nh,
		     struct vr_forwarding_md *fmd);
int nh_encap_l2(struct vr_packet *pkt, struct vr_nexthop *nh,
		struct vr_forwarding_md *fmd);
int nh_encap_l3(struct vr_packet *pkt, struct vr_nexthop *nh,
		struct vr_forwarding_md *fmd);
/* Whether a packet may come from where a nexthop leads: NH_SOURCE_. */
int nh_encap_validate_src(struct vr_packet *pkt, struct vr_nexthop *nh,
			  struct vr_forwarding_md *fmd, void *ret_data);

/* vr_composite.c */
int nh_composite_mcast(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd);
int nh_composite_encap(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd);
int nh_composite_evpn(struct vr_packet *pkt, struct vr_nexthop *nh,
		      struct vr_forwarding_md *fmd);
int nh_composite_ecmp(struct vr_packet *pkt, struct vr_nexthop *nh,
		      struct vr_forwarding_md *fmd);

/* Under rtnl. */
int vr_nexthop_flood_add(struct vr_nexthop *flood, struct vr_nexthop *encap);
/* Cannot fail. True if the last one has left. */
bool vr_nexthop_flood_remove(struct vr_nexthop *flood, struct vr_nexthop *encap);

/* vr_tunnel.c */
int nh_vxlan_tunnel(struct vr_packet *pkt, struct vr_nexthop *nh,
		    struct vr_forwarding_md *fmd);
int nh_mpls_udp_tunnel(struct vr_packet *pkt, struct vr_nexthop *nh,
		       struct vr_forwarding_md *fmd);
int nh_gre_tunnel(struct vr_packet *pkt, struct vr_nexthop *nh,
		  struct vr_forwarding_md *fmd);
int nh_tunnel_validate_src(struct vr_packet *pkt, struct vr_nexthop *nh,
			   struct vr_forwarding_md *fmd, void *ret_data);

int nh_output(struct vr_packet *pkt, struct vr_nexthop *nh,
	      struct vr_forwarding_md *fmd);
struct vr_packet *nh_mcast_clone(struct vr_packet *pkt,
				 unsigned short head_room);

#endif /* VR_NEXTHOP_H */
