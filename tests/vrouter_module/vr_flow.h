/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flows: what happens to the packets of a 5-tuple from a vif with policy.
 *
 * Names are the real module's, offsets are not.
 */
#ifndef VR_FLOW_H
#define VR_FLOW_H

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct vr_flow_req;
struct vr_flow_response;
struct vr_forwarding_md;
struct vr_packet;
struct vrouter;

/* fe_action */
#define VR_FLOW_ACTION_DROP	0
#define VR_FLOW_ACTION_HOLD	1
#define VR_FLOW_ACTION_FORWARD	2
#define VR_FLOW_ACTION_NAT	3

/* fe_flags */
#define VR_FLOW_FLAG_ACTIVE		0x0001
#define VR_FLOW_FLAG_DELETE_MARKED	0x0040
#define VR_FLOW_FLAG_NEW_FLOW		0x0200

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
struct vr_flow {
	__be32 flow_sip;
	__be32 flow_dip;
	u32 flow_nh_id;		/* of the vif */
	__be16 flow_sport;	/* of ICMP: the id */
	__be16 flow_dport;	/* of ICMP echoes: 0, of other ICMP: the type */
	u8 flow_proto;
	u8 flow_unused[3];
};

static_assert(sizeof(struct vr_flow) == 20);

/* A held packet. */
struct vr_packet_node {
	struct vr_packet *pl_packet;
	int pl_label;
	unsigned short pl_vif_idx;
	unsigned short pl_vrf;
	unsigned short pl_vlan;
};

struct vr_flow_queue {
	unsigned int vfq_index;
	atomic_t vfq_entries;	/* packets that came, also those dropped */
	struct vr_packet_node vfq_pnodes[VR_MAX_FLOW_QUEUE_ENTRIES];
};

struct vr_flow_stats {
	u32 flow_bytes;
	u32 flow_packets;
};

struct vr_flow_entry {
	struct vr_flow fe_key;
	u8 fe_gen_id;
	u8 fe_type;		/* VP_TYPE_ */
	u8 fe_action;
	u8 fe_drop_reason;	/* from the agent; only shown */
	unsigned short fe_flags;
	unsigned short fe_tcp_flags;
	struct vr_flow_queue *fe_hold_list;
	int fe_rflow;
	unsigned short fe_vrf;
	unsigned short fe_dvrf;
	u32 fe_src_nh_index;	/* RPF */
	u32 fe_src_info;
	struct vr_flow_stats fe_stats;
};

int vr_flow_init(struct vrouter *router);
/* After all vifs are deleted; drops what is held. */
void vr_flow_exit(struct vrouter *router);

/* Adds, changes or deletes a flow. Under rtnl. */
int vr_flow_set(struct vrouter *router, const struct vr_flow_req *req,
		struct vr_flow_response *resp);

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
int vr_flow_flush_pnode(struct vrouter *router, struct vr_packet_node *pnode,
			struct vr_flow_entry *fe, struct vr_forwarding_md *fmd);

/* vr_proto_ip.c */
flow_result_t vr_inet_flow_lookup(struct vrouter *router,
				  struct vr_packet *pkt,
				  struct vr_forwarding_md *fmd);
/* False for a fragment that has no ports. */
bool vr_inet_flow_allow_new_flow(struct vrouter *router, struct vr_packet *pkt);

#endif /* VR_FLOW_H */
