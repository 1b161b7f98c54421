/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The packet as vRouter sees it: struct vr_packet, which lives in skb->cb.
 *
 * Field names, order and offsets are those of the real module on x86-64.
 */
#ifndef VR_PACKET_H
#define VR_PACKET_H

#include <linux/build_bug.h>
#include <linux/if_ether.h>
#include <linux/skbuff.h>
#include <linux/types.h>

struct vr_flow_entry;
struct vr_interface;
struct vr_nexthop;
struct vrouter;

/* vp_flags */
#define VP_FLAG_FROM_DP		0x0001
#define VP_FLAG_TO_ME		0x0002
#define VP_FLAG_FLOW_GET	0x0004
#define VP_FLAG_FLOW_SET	0x0008
#define VP_FLAG_MULTICAST	0x0010
#define VP_FLAG_CSUM_PARTIAL	0x0020
#define VP_FLAG_GRO		0x0040
#define VP_FLAG_GSO		0x0080
#define VP_FLAG_DIAG		0x0100
#define VP_FLAG_GROED		0x0200

/* vp_type */
#define VP_TYPE_NULL		0
typedef enum {
	VP_TYPE_ARP = 1,
	VP_TYPE_IP,
	VP_TYPE_IP6,
	VP_TYPE_IPOIP,
	VP_TYPE_IP6OIP,
	VP_TYPE_AGENT,
	VP_TYPE_PBB,
	VP_TYPE_UNKNOWN,
	VP_TYPE_MAX,
} drop_vp_type_map_t;

/* The packet is in a tunnel: the header at vp_inner_network_h counts. */
#define vr_pkt_type_is_overlay(type) \
	((type) == VP_TYPE_IPOIP || (type) == VP_TYPE_IP6OIP)

#define VP_QUEUE_INVALID	0xff
#define VP_PRIORITY_INVALID	0xf
#define VP_TTL_DEFAULT		64

#define VLAN_ID_INVALID		0xffff

/*
 * While the router works on a packet it moves vp_data and vp_len and leaves
 * skb->data and skb->len alone; linux_if_tx() writes them back.
 */
struct vr_packet {
	unsigned char *vp_head;		/* skb->head: every offset counts from it */
	struct vr_interface *vp_if;	/* came in here; may be NULL */
	struct vr_nexthop *vp_nh;	/* nexthop it is at; NULL at rx */
	unsigned short vp_data;
	unsigned short vp_tail;
	unsigned short vp_len;		/* linear bytes from vp_data on */
	unsigned short vp_end;
	unsigned short vp_network_h;	/* 0 until vr_pkt_type() has run */
	unsigned short vp_flags;
	unsigned short vp_inner_network_h;
	unsigned char vp_cpu;		/* whose counters to use */
	unsigned char vp_type;
	unsigned char vp_ttl;
	unsigned char vp_queue;
	unsigned char vp_priority:4,
		      vp_rx_pass:1,
		      vp_notused:3;
};

static_assert(sizeof(struct vr_packet) == 48);
static_assert(sizeof(struct vr_packet) <= sizeof_field(struct sk_buff, cb));
static_assert(offsetof(struct vr_packet, vp_if) == 8);
static_assert(offsetof(struct vr_packet, vp_nh) == 16);
static_assert(offsetof(struct vr_packet, vp_data) == 24);
static_assert(offsetof(struct vr_packet, vp_len) == 28);
static_assert(offsetof(struct vr_packet, vp_network_h) == 32);
static_assert(offsetof(struct vr_packet, vp_flags) == 34);
static_assert(offsetof(struct vr_packet, vp_inner_network_h) == 36);
static_assert(offsetof(struct vr_packet, vp_cpu) == 38);
static_assert(offsetof(struct vr_packet, vp_type) == 39);
static_assert(offsetof(struct vr_packet, vp_ttl) == 40);
static_assert(offsetof(struct vr_packet, vp_queue) == 41);

/* Forwarding state of a packet, on the stack of the receive function. */
struct vr_forwarding_md {
	struct vr_flow_entry *fmd_fe;
	int fmd_flow_index;
	int fmd_label;
	s8 fmd_ecmp_nh_index;
	s8 fmd_ecmp_src_nh_index;
	short fmd_dvrf;
	__be32 fmd_outer_src_ip;	/* of a packet that came in a tunnel */
	unsigned short fmd_vlan;
	unsigned short fmd_mirror_data;
	unsigned short fmd_udp_src_port;
	unsigned char fmd_to_me;
	unsigned char fmd_src;
	unsigned char fmd_flags;
};

/* fmd_flags: fmd_label is a VNID */
#define FMD_FLAG_LABEL_IS_VXLAN_ID	0x01

static_assert(offsetof(struct vr_forwarding_md, fmd_flow_index) == 8);
static_assert(offsetof(struct vr_forwarding_md, fmd_label) == 12);
static_assert(offsetof(struct vr_forwarding_md, fmd_dvrf) == 18);
static_assert(offsetof(struct vr_forwarding_md, fmd_outer_src_ip) == 20);
static_assert(offsetof(struct vr_forwarding_md, fmd_vlan) == 24);
static_assert(offsetof(struct vr_forwarding_md, fmd_udp_src_port) == 28);
static_assert(offsetof(struct vr_forwarding_md, fmd_to_me) == 30);
static_assert(offsetof(struct vr_forwarding_md, fmd_src) == 31);

static inline void vr_init_forwarding_md(struct vr_forwarding_md *fmd)
{
	*fmd = (struct vr_forwarding_md) {
		.fmd_flow_index = -1,
		.fmd_label = -1,
		.fmd_ecmp_nh_index = -1,
		.fmd_ecmp_src_nh_index = -1,
		.fmd_dvrf = -1,
		.fmd_vlan = VLAN_ID_INVALID,
	};
}

/* Prepended to packets for GRO, as their link header. */
struct vr_gro {
	unsigned short vg_vif_id;	/* vif that received it */
	unsigned short vg_nh_id;	/* nexthop to send it to */
} __packed;

/* Why a packet ended here. The values are the real module's. */
typedef enum {
	VP_DROP_INVALID,
	VP_DROP_DISCARD,
	VP_DROP_PULL,
	VP_DROP_INVALID_IF,
	VP_DROP_INVALID_ARP,
	VP_DROP_TRAP_NO_IF,
	VP_DROP_NOWHERE_TO_GO,
	VP_DROP_FLOW_QUEUE_LIMIT_EXCEEDED,
	VP_DROP_FLOW_NO_MEMORY,
	VP_DROP_FLOW_INVALID_PROTOCOL,
	VP_DROP_FLOW_NAT_NO_RFLOW,
	VP_DROP_FLOW_ACTION_DROP,
	VP_DROP_FLOW_ACTION_INVALID,
	VP_DROP_FLOW_UNUSABLE,
	VP_DROP_FLOW_TABLE_FULL,
	VP_DROP_INTERFACE_TX_DISCARD,
	VP_DROP_INTERFACE_DROP,
	VP_DROP_DUPLICATED,
	VP_DROP_PUSH,
	VP_DROP_TTL_EXCEEDED,
	VP_DROP_INVALID_NH,
	VP_DROP_INVALID_LABEL,
	VP_DROP_INVALID_PROTOCOL,
	VP_DROP_INTERFACE_RX_DISCARD,
	VP_DROP_INVALID_MCAST_SOURCE,
	VP_DROP_HEAD_ALLOC_FAIL,
	VP_DROP_PCOW_FAIL,
	VP_DROP_MCAST_DF_BIT,
	VP_DROP_MCAST_CLONE_FAIL,
	VP_DROP_NO_MEMORY,
	VP_DROP_REWRITE_FAIL,
	VP_DROP_MISC,
	VP_DROP_INVALID_PACKET,
	VP_DROP_CKSUM_ERR,
	VP_DROP_NO_FMD,
	VP_DROP_CLONED_ORIGINAL,
	VP_DROP_INVALID_VNID,
	VP_DROP_FRAGMENTS,
	VP_DROP_INVALID_SOURCE,
	VP_DROP_L2_NO_ROUTE,
	VP_DROP_FRAGMENT_QUEUE_FAIL,
	VP_DROP_VLAN_FWD_TX,
	VP_DROP_VLAN_FWD_ENQ,
	VP_DROP_NEW_FLOWS,
	VP_DROP_FLOW_EVICT,
	VP_DROP_TRAP_ORIGINAL,
	VP_DROP_LEAF_TO_LEAF,
	VP_DROP_BMAC_ISID_MISMATCH,
	VP_DROP_PKT_LOOP,
	VP_DROP_NO_CRYPT_PATH,
	VP_DROP_INVALID_HBS_PKT,
	VP_DROP_NO_FRAG_ENTRY,
	VP_DROP_ICMP_ERROR,
	VP_DROP_CLONE_FAIL,
	VP_DROP_INVALID_UNDERLAY_ECMP,
	VP_DROP_MAX,
} drop_rsn_map_t;

static_assert(VP_DROP_CLONED_ORIGINAL == 35);
static_assert(VP_DROP_L2_NO_ROUTE == 39);
static_assert(VP_DROP_MAX == 55);

/* The kind of a tunnel's payload by its MPLS label; -1 with a reason. */
typedef int (*vr_tunnel_type_cb)(unsigned int label, unsigned int control_data,
				 unsigned short *reason);

/*
 * What the router asks of the operating system about packets. The functions
 * are static ones of linux_host.c, reached through this table alone.
 */
struct host_os {
	/* A packet of no vif, with an empty linear buffer. */
	struct vr_packet *(*hos_palloc)(unsigned int size);
	struct vr_packet *(*hos_pclone)(struct vr_packet *pkt);
	/* Copies len bytes from offset on to dst; the number copied, or -EFAULT. */
	int (*hos_pcopy)(unsigned char *dst, struct vr_packet *pkt,
			 unsigned int offset, unsigned int len);
	int (*hos_pcow)(struct vr_packet **pktp, unsigned short head_room);
	void (*hos_pfree)(struct vr_packet *pkt, unsigned short reason);
	unsigned int (*hos_pfrag_len)(struct vr_packet *pkt);
	/* More room before vp_data, in a head of its own; non-zero on failure. */
	int (*hos_pexpand_head)(struct vr_packet *pkt, unsigned int hspace);
	unsigned int (*hos_pgso_size)(struct vr_packet *pkt);
	int (*hos_pkt_may_pull)(struct vr_packet *pkt, unsigned int len);
	/* Of the tunnel for a packet: the same for all of a flow. */
	u16 (*hos_get_udp_src_port)(struct vr_packet *pkt,
				    struct vr_forwarding_md *fmd,
				    unsigned short vrf);
	/* Back to the data as received. */
	void (*hos_preset)(struct vr_packet *pkt);
	/* A header at vp_data; copied to buf if it is not linear. NULL: too short. */
	void *(*hos_pheader_pointer)(struct vr_packet *pkt, unsigned short len,
				     void *buf);
	/* Both make a tunnel's inner headers linear; 0 with a reason on failure. */
	int (*hos_pull_inner_headers_fast)(struct vr_packet *pkt,
					   unsigned char protocol,
					   vr_tunnel_type_cb tunnel_type,
					   int *ret, int *encap_type);
	int (*hos_pull_inner_headers)(struct vr_packet *pkt,
				      unsigned char protocol,
				      unsigned short *reason,
				      vr_tunnel_type_cb tunnel_type);
	/* Non-zero: the reason to drop the packet. */
	unsigned short (*hos_pkt_from_vm_tcp_mss_adj)(struct vr_packet *pkt,
						      unsigned short overlay_len);
	/* Consumes the packet. */
	int (*hos_enqueue_to_assembler)(struct vrouter *router,
					struct vr_packet *pkt,
					struct vr_forwarding_md *fmd);
};

extern const struct host_os *vrouter_host;

#define vr_palloc(size)			(vrouter_host->hos_palloc(size))
#define vr_pclone(pkt)			(vrouter_host->hos_pclone(pkt))
#define vr_pcopy(dst, pkt, off, len)	(vrouter_host->hos_pcopy(dst, pkt, off, len))
#define vr_pcow(pktp, head_room)	(vrouter_host->hos_pcow(pktp, head_room))
#define vr_pfree(pkt, reason)		(vrouter_host->hos_pfree(pkt, reason))
#define vr_pfrag_len(pkt)		(vrouter_host->hos_pfrag_len(pkt))
#define vr_pexpand_head(pkt, hspace)	(vrouter_host->hos_pexpand_head(pkt, hspace))
#define vr_get_udp_src_port(pkt, fmd, vrf) \
	(vrouter_host->hos_get_udp_src_port(pkt, fmd, vrf))
#define vr_pgso_size(pkt)		(vrouter_host->hos_pgso_size(pkt))
#define vr_preset(pkt)			(vrouter_host->hos_preset(pkt))
#define vr_pkt_may_pull(pkt, len)	(vrouter_host->hos_pkt_may_pull(pkt, len))
#define vr_pheader_pointer(pkt, len, buf) \
	(vrouter_host->hos_pheader_pointer(pkt, len, buf))
#define vr_pull_inner_headers_fast(pkt, protocol, cb, ret, encap_type) \
	(vrouter_host->hos_pull_inner_headers_fast(pkt, protocol, cb, ret, encap_type))
#define vr_pull_inner_headers(pkt, protocol, reason, cb) \
	(vrouter_host->hos_pull_inner_headers(pkt, protocol, reason, cb))
#define vr_pkt_from_vm_tcp_mss_adj(pkt, overlay_len) \
	(vrouter_host->hos_pkt_from_vm_tcp_mss_adj(pkt, overlay_len))
#define vr_enqueue_to_assembler(router, pkt, fmd) \
	(vrouter_host->hos_enqueue_to_assembler(router, pkt, fmd))

static inline struct sk_buff *vp_os_packet(struct vr_packet *pkt)
{
	return container_of((void *)pkt, struct sk_buff, cb);
}

static inline unsigned char *pkt_data(const struct vr_packet *pkt)
{
	return pkt->vp_head + pkt->vp_data;
}

static inline unsigned char *pkt_network_header(const struct vr_packet *pkt)
{
	return pkt->vp_head + pkt->vp_network_h;
}

/* Bytes from vp_data on, those in fragments included. */
static inline unsigned int pkt_len(struct vr_packet *pkt)
{
	return pkt->vp_len + vr_pfrag_len(pkt);
}

/* Returns the new start of the data, NULL if fewer linear bytes are there. */
static inline unsigned char *pkt_pull(struct vr_packet *pkt, unsigned int len)
{
	if (unlikely(len > pkt->vp_len))
		return NULL;

	pkt->vp_data += len;
	pkt->vp_len -= len;
	return pkt_data(pkt);
}

/* Returns the new start of the data, NULL if there is no room before it. */
static inline unsigned char *pkt_push(struct vr_packet *pkt, unsigned int len)
{
	if (unlikely(len > pkt->vp_data))
		return NULL;

	pkt->vp_data -= len;
	pkt->vp_len += len;
	return pkt_data(pkt);
}

/* Makes len bytes from vp_data on linear; false if the packet has fewer. */
static inline bool pkt_may_pull(struct vr_packet *pkt, unsigned int len)
{
	return likely(len <= pkt->vp_len) || !vr_pkt_may_pull(pkt, len);
}

#endif /* VR_PACKET_H */
