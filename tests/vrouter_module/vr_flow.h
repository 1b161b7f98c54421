/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flows: what happens to the packets of a 5-tuple from a vif with policy.
 *
 * Names and offsets are the real module's.
 */
#ifndef VR_FLOW_H
#define VR_FLOW_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct iphdr;
struct vr_flow_req;
struct vr_flow_response;
struct vr_forwarding_md;
struct vr_mirror_meta_entry;
struct vr_packet;
struct vrouter;

/* fe_action */
#define VR_FLOW_ACTION_DROP	0
#define VR_FLOW_ACTION_HOLD	1
#define VR_FLOW_ACTION_FORWARD	2
#define VR_FLOW_ACTION_NAT	3

/* fe_flags */
#define VR_FLOW_FLAG_ACTIVE		0x0001
#define VR_FLOW_FLAG_SNAT		0x0002
#define VR_FLOW_FLAG_SPAT		0x0004
#define VR_FLOW_FLAG_DNAT		0x0008
#define VR_FLOW_FLAG_DPAT		0x0010
#define VR_FLOW_FLAG_DELETE_MARKED	0x0040
#define VR_FLOW_FLAG_NEW_FLOW		0x0200
#define VR_FLOW_FLAG_EVICT_CANDIDATE	0x0400
#define VR_RFLOW_VALID			0x1000
#define VR_FLOW_FLAG_VRFT		0x4000

/* fe_tcp_flags */
#define VR_FLOW_TCP_RST			0x0080
#define VR_FLOW_TCP_DEAD		0x8000

/* Packets that a flow on hold keeps; further ones are dropped. */
#define VR_MAX_FLOW_QUEUE_ENTRIES	3

/* Result of the flow lookup for a packet. */
typedef enum {
	FLOW_HELD,
	FLOW_FORWARD,
	FLOW_DROP,
	FLOW_TRAP,
	FLOW_CONSUMED,
	FLOW_EVICT_DROP,
} flow_result_t;

/* Without gaps, so that keys can be compared and hashed. */
struct vr_inet_flow {
	u8 ip4_family;
	u8 ip4_proto;
	u16 ip4_unused;
	__be16 ip4_sport;	/* of ICMP: the id */
	__be16 ip4_dport;	/* of ICMP echoes: 0, of other ICMP: the type */
	u32 ip4_nh_id;		/* of the vif */
	__be32 ip4_sip;
	__be32 ip4_dip;
} __packed;

struct vr_inet6_flow {
	u8 ip6_family;
	u8 ip6_proto;
	u16 ip6_unused;
	__be16 ip6_sport;
	__be16 ip6_dport;
	u32 ip6_nh_id;
	u8 ip6_sip[16];
	u8 ip6_dip[16];
} __packed;

struct vr_common_flow {
	u8 ip_family;
	u8 ip_proto;
	u16 ip_unused;
	__be16 ip_sport;
	__be16 ip_dport;
	u32 ip_nh_id;
	u8 ip_addr[32];
} __packed;

struct vr_flow {
	union {
		struct vr_common_flow ip_key;
		struct vr_inet_flow ip4_key;
		struct vr_inet6_flow ip6_key;
	} key_u;
	u8 vr_flow_keylen;
} __packed;

#define flow_key_len	vr_flow_keylen
#define flow_sport	key_u.ip_key.ip_sport
#define flow_dport	key_u.ip_key.ip_dport
#define flow_nh_id	key_u.ip_key.ip_nh_id
#define flow_proto	key_u.ip_key.ip_proto
#define flow4_family	key_u.ip4_key.ip4_family
#define flow4_sip	key_u.ip4_key.ip4_sip
#define flow4_dip	key_u.ip4_key.ip4_dip

/* A held packet. */
struct vr_packet_node {
	struct vr_packet *pl_packet;
	__be32 pl_outer_src_ip;
	__be32 pl_inner_src_ip;
	__be32 pl_inner_dst_ip;
	u32 pl_label;
	u32 pl_vif_idx;
	u16 pl_flags;
	s8 pl_dscp;
	s8 pl_dotonep;
	u32 pl_vrf;
	u16 pl_vlan;
	u16 pl_mirror_vlan;
	unsigned short pl_custom;
};

/* pl_flags */
#define PN_FLAG_FRAGMENT_HEAD	0x4

struct vr_flow_queue {
	unsigned int vfq_index;
	atomic_t vfq_entries;	/* packets that came, also those dropped */
	struct vr_packet_node vfq_pnodes[VR_MAX_FLOW_QUEUE_ENTRIES];
};

struct vr_flow_stats {
	u32 flow_bytes;
	u32 flow_packets;
	u16 flow_bytes_oflow;
	u8 flow_packets_oflow;
} __packed;

typedef struct vr_hentry {
	struct vr_hentry *hentry_next;
	unsigned int hentry_index;
	unsigned int hentry_bucket_index;
	unsigned int hentry_next_index;
	u8 hentry_flags;
} __packed vr_hentry_t;

/* In the real module's table, which the utilities map, 256 bytes each. */
struct vr_flow_entry {
	vr_hentry_t fe_hentry;
	u8 fe_ttl;
	s16 fe_qos_id;
	struct vr_flow fe_key;
	u8 fe_gen_id;
	u16 fe_tcp_flags;
	struct vr_flow_queue *fe_hold_list;
	unsigned int fe_tcp_seq;
	int fe_rflow;
	unsigned short fe_flags;
	unsigned short fe_flags1;
	unsigned short fe_action;
	unsigned short fe_vrf;
	unsigned short fe_dvrf;
	u8 fe_mirror_id;
	u8 fe_sec_mirror_id;
	u32 fe_src_nh_index;	/* RPF */
	struct vr_flow_stats fe_stats;
	s8 fe_ecmp_nh_index;
	u8 fe_drop_reason;	/* from the agent; only shown */
	u8 fe_type;		/* VP_TYPE_ */
	unsigned short fe_udp_src_port;
	u32 fe_src_info;
	struct vr_mirror_meta_entry *fe_mme;
	unsigned int fe_tcp_ack;
	s8 fe_underlay_ecmp_index;
	u8 fe_bucket_lock;
	unsigned char fe_pack[118];
} __packed;

static_assert(sizeof(struct vr_flow) == 45);
static_assert(sizeof(struct vr_flow_stats) == 11);
static_assert(sizeof(struct vr_flow_entry) == 256);

int vr_flow_init(struct vrouter *router);
/* After all vifs are deleted; drops what is held. */
void vr_flow_exit(struct vrouter *router);

/* Adds, changes or deletes a flow. Under rtnl. */
int vr_flow_set(struct vrouter *router, const struct vr_flow_req *req,
		struct vr_flow_response *resp);

/* The flow with that index; NULL if there is none. */
struct vr_flow_entry *vr_flow_get_entry(struct vrouter *router, int index);

/* True if the packet is to be forwarded; otherwise it has been consumed. */
bool vr_flow_forward(struct vrouter *router, struct vr_packet *pkt,
		     struct vr_forwarding_md *fmd);
bool __vr_flow_forward(flow_result_t result, struct vr_packet *pkt,
		       struct vr_forwarding_md *fmd);
flow_result_t vr_flow_lookup(struct vrouter *router, struct vr_flow *key,
			     struct vr_packet *pkt,
			     struct vr_forwarding_md *fmd);
u16 vr_flow_fat_flow_lookup(struct vrouter *router, struct vr_packet *pkt,
			    u16 l4_proto, __be16 sport, __be16 dport);
void vr_flow_fill_pnode(struct vr_packet_node *pnode, struct vr_packet *pkt,
			struct vr_forwarding_md *fmd);
unsigned int vr_trap_flow(struct vrouter *router, struct vr_flow_entry *fe,
			  struct vr_packet *pkt, unsigned int index,
			  struct vr_flow_stats *stats,
			  struct vr_packet_node *pnode);
/* fe is NULL for a fragment, whose flow is yet to be looked up. */
int vr_flow_flush_pnode(struct vrouter *router, struct vr_packet_node *pnode,
			struct vr_flow_entry *fe, struct vr_forwarding_md *fmd);

/* vr_inet_flow.c */
flow_result_t vr_inet_flow_lookup(struct vrouter *router,
				  struct vr_packet *pkt,
				  struct vr_forwarding_md *fmd);
/* False for a fragment that has no ports. */
bool vr_inet_flow_allow_new_flow(struct vrouter *router, struct vr_packet *pkt);
flow_result_t vr_inet_flow_nat(struct vr_flow_entry *fe, struct vr_packet *pkt,
			       struct vr_forwarding_md *fmd);

/* vr_fragment.c: ports of fragmented packets, for the fragments without. */
bool vr_ip_fragment_head(const struct iphdr *ip);
bool vr_ip_fragment_tail(const struct iphdr *ip);
int vr_v4_fragment_add(struct vrouter *router, unsigned short vrf,
		       const struct iphdr *ip, __be16 sport, __be16 dport);
bool vr_fragment_get(struct vrouter *router, unsigned short vrf,
		     const struct iphdr *ip, __be16 *sport, __be16 *dport);
/* Queues a fragment for the assembler, or drops it: non-zero. */
int vr_fragment_enqueue(struct vrouter *router, struct vr_packet *pkt,
			struct vr_forwarding_md *fmd);
void vr_assembler_wake(void);
/* After all vifs are deleted; drops what waits for its head. */
void vr_fragment_exit(void);

#endif /* VR_FLOW_H */
