/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The log of dropped packets: for each CPU the last 200, with the place in the
 * source. It is off until net.vrouter.pkt_drop_log_enable is 1; by default it
 * has neither vif, nexthop, ports nor the packet's bytes:
 * net.vrouter.pkt_drop_log_min_enable 0 adds them.
 *
 * Names, numbers and layouts are the real module's.
 */
#ifndef VR_DROPLOG_H
#define VR_DROPLOG_H

#include <linux/build_bug.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/types.h>

struct vr_flow;
struct vr_packet;
struct vr_pkt_drop_log_req;
struct vrouter;

/* Source files, as far as the stand-in drops packets in them. */
typedef enum {
	VR_HOST_INTERFACE_C	= 5,
	VR_MPLS_C		= 66,
	VR_INTERFACE_C		= 73,
	VR_BRIDGE_C		= 76,
	VR_FLOW_C		= 80,
	VR_VXLAN_C		= 81,
	VR_NEXTHOP_C		= 84,
	VR_FRAGMENT_C		= 86,
	VR_PROTO_IP_C		= 87,
	VR_DATAPATH_C		= 90,
} map_t;

/* Entries for each CPU, and those of one reply. */
#define VR_PKT_DROP_LOG_MAX		200
#define VR_PKT_DROPLOG_MAX_ALLOW_BUFSZ	20

#define VR_PKT_DROP_LOG_BYTES		100

struct vr_drop_loc {
	map_t file;
	unsigned int line;
};

typedef struct vr_pkt_drop_log {
	s64 timestamp;		/* seconds since 1970; 0: no entry */
	unsigned char vp_type;
	unsigned short drop_reason;
	unsigned short vif_idx;
	unsigned int nh_id;
	union {
		struct in_addr ipv4;
		struct in6_addr ipv6;
	} src;
	union {
		struct in_addr ipv4;
		struct in6_addr ipv6;
	} dst;
	unsigned short sport;	/* both in network order; with a flow's key only */
	unsigned short dport;
	struct vr_drop_loc drop_loc;
	unsigned short pkt_len;
	unsigned char pkt_header[VR_PKT_DROP_LOG_BYTES];
} vr_pkt_drop_log_t;

static_assert(sizeof(vr_pkt_drop_log_t) == 168);
static_assert(offsetof(vr_pkt_drop_log_t, src) == 20);
static_assert(offsetof(vr_pkt_drop_log_t, drop_loc) == 56);
static_assert(offsetof(vr_pkt_drop_log_t, pkt_header) == 66);

extern unsigned int vr_pkt_droplog_sysctl_en;

int vr_pkt_drop_log_init(struct vrouter *router);
void vr_pkt_drop_log_exit(struct vrouter *router);
/* Entries of a CPU (core - 1; 0 is the first one, too) from the index on. */
void vr_pkt_drop_log_get(struct vrouter *router,
			 const struct vr_pkt_drop_log_req *req,
			 struct vr_pkt_drop_log_req *reply);
void vr_pkt_drop_log_clear(struct vrouter *router);

/* The packet has no type, so that no tracer takes this for one of its calls. */
void vr_pkt_drop_log_write(unsigned short drop_reason, const void *packet,
			   const struct vr_flow *key, map_t file,
			   unsigned int line);

#define PKT_LOG(reason, pkt, key, file, line) do {			\
	if (unlikely(READ_ONCE(vr_pkt_droplog_sysctl_en)))		\
		vr_pkt_drop_log_write(reason, pkt, key, file, line);	\
} while (0)

/* Logs the packet and frees it. */
#define vr_drop_keyed(pkt, reason, key) do {				\
	unsigned short __reason = (reason);				\
									\
	PKT_LOG(__reason, pkt, key, VR_LOG_FILE, __LINE__);		\
	vr_pfree(pkt, __reason);					\
} while (0)

#define vr_drop(pkt, reason)	vr_drop_keyed(pkt, reason, NULL)

#endif /* VR_DROPLOG_H */
