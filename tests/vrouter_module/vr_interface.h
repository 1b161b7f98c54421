/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual interfaces (vifs).
 *
 * Names and offsets of the fields above the mark in struct vr_interface are
 * the real module's; the gaps are fields that the stand-in does not use.
 */
#ifndef VR_INTERFACE_H
#define VR_INTERFACE_H

#include <linux/build_bug.h>
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "vr_compat.h"
#include "vr_packet.h"

struct vr_interface_req;
struct vr_gro_queue;
struct vr_nexthop;
struct vrouter;

/* vif_type */
#define VIF_TYPE_HOST		0
#define VIF_TYPE_AGENT		1
#define VIF_TYPE_PHYSICAL	2
#define VIF_TYPE_VIRTUAL	3
#define VIF_TYPE_XEN_LL_HOST	4
#define VIF_TYPE_GATEWAY	5
#define VIF_TYPE_VIRTUAL_VLAN	6
#define VIF_TYPE_STATS		7
#define VIF_TYPE_VLAN		8
#define VIF_TYPE_MONITORING	9
#define VIF_TYPE_MAX		10

/* vif_flags */
#define VIF_FLAG_POLICY_ENABLED		0x00000001
#define VIF_FLAG_L3_ENABLED		0x00000040
#define VIF_FLAG_L2_ENABLED		0x00000080
#define VIF_FLAG_UNKNOWN_UC_FLOOD	0x00010000
#define VIF_FLAG_DROP_NEW_FLOWS		0x00040000

#define VR_INTERFACE_NAME_LEN	64

/* One per CPU. */
struct vr_interface_stats {
	u64 vis_ibytes;
	u64 vis_ipackets;
	u64 vis_ierrors;
	u64 vis_obytes;
	u64 vis_opackets;
	u64 vis_oerrors;
	u64 vis_reserved[19];	/* queues, ports and devices of DPDK */
};

static_assert(sizeof(struct vr_interface_stats) == 200);

/* A table of small counters; the real one may have several partitions. */
struct vr_btable {
	unsigned int vb_entries;
	u8 vb_mem[];
};

struct vr_interface {
	unsigned int vif_flags;
	unsigned char vif_reserved1[4];
	unsigned short vif_type;
	unsigned short vif_rid;
	unsigned int vif_nh_id;
	unsigned short vif_idx;
	unsigned short vif_vrf;
	unsigned short vif_mtu;
	unsigned short vif_vlan_id;
	unsigned char vif_reserved2[8];
	struct vrouter *vif_router;
	struct vr_interface_stats *vif_stats;
	void *vif_os;			/* struct net_device, held */
	int (*vif_tx)(struct vr_interface *vif, struct vr_packet *pkt,
		      struct vr_forwarding_md *fmd);
	int (*vif_rx)(struct vr_interface *vif, struct vr_packet *pkt,
		      unsigned short vlan_id);
	unsigned char vif_reserved3[98];
	unsigned char vif_mac[ETH_ALEN];
	unsigned char vif_reserved4[856];
	struct vr_interface *vif_parent;
	struct vr_interface *vif_bridge[3];
	unsigned int vif_users;		/* under rtnl */
	unsigned int vif_os_idx;
	unsigned char vif_reserved5[80];
	unsigned char vif_name[VR_INTERFACE_NAME_LEN];
	u64 *vif_drop_stats;		/* by reason, under vif_drop_lock */
	unsigned char vif_reserved6[8];
	struct vr_btable *vif_pcpu_drop_stats;
	unsigned char vif_reserved7[66];
	unsigned short vif_mcast_vrf;

	/* The stand-in's own. */
	struct vr_nexthop *vif_encap_nh;	/* sends out of a virtual vif */
	struct vr_gro_queue *vif_gro_queue;	/* of a virtual vif */
	/* Of the agent: passes it a packet, with a struct agent_send_params. */
	int (*vif_send)(struct vr_interface *vif, struct vr_packet *pkt,
			void *ifspecific);
	netdevice_tracker vif_os_tracker;
	spinlock_t vif_drop_lock;
	unsigned char vif_reserved8[44];
};

static_assert(offsetof(struct vr_interface, vif_type) == 8);
static_assert(offsetof(struct vr_interface, vif_rid) == 10);
static_assert(offsetof(struct vr_interface, vif_nh_id) == 12);
static_assert(offsetof(struct vr_interface, vif_idx) == 16);
static_assert(offsetof(struct vr_interface, vif_vrf) == 18);
static_assert(offsetof(struct vr_interface, vif_mtu) == 20);
static_assert(offsetof(struct vr_interface, vif_vlan_id) == 22);
static_assert(offsetof(struct vr_interface, vif_router) == 32);
static_assert(offsetof(struct vr_interface, vif_stats) == 40);
static_assert(offsetof(struct vr_interface, vif_os) == 48);
static_assert(offsetof(struct vr_interface, vif_tx) == 56);
static_assert(offsetof(struct vr_interface, vif_rx) == 64);
static_assert(offsetof(struct vr_interface, vif_mac) == 170);
static_assert(offsetof(struct vr_interface, vif_parent) == 1032);
static_assert(offsetof(struct vr_interface, vif_bridge) == 1040);
static_assert(offsetof(struct vr_interface, vif_users) == 1064);
static_assert(offsetof(struct vr_interface, vif_os_idx) == 1068);
static_assert(offsetof(struct vr_interface, vif_name) == 1152);
static_assert(offsetof(struct vr_interface, vif_drop_stats) == 1216);
static_assert(offsetof(struct vr_interface, vif_pcpu_drop_stats) == 1232);
static_assert(offsetof(struct vr_interface, vif_mcast_vrf) == 1306);
static_assert(sizeof(struct vr_interface) == 1384);

/* What the operating system does for vifs; linux_if.c. */
struct vr_host_interface_ops {
	/* Looks up the device vif_os_idx and registers its receive handler. */
	int (*hif_add)(struct vr_interface *vif);
	/* Unregisters it; no packet of the device is in flight afterwards. */
	void (*hif_del)(struct vr_interface *vif);
	/* Releases the device, when it has no more senders. */
	void (*hif_put)(struct vr_interface *vif);
	int (*hif_tx)(struct vr_interface *vif, struct vr_packet *pkt);
	/* To the host's stack, as if the device had received it. */
	int (*hif_rx)(struct vr_interface *vif, struct vr_packet *pkt);
	/* Speed in Mbit/s and duplex; -1 if unknown. */
	void (*hif_get_settings)(struct vr_interface *vif, int *speed,
				 int *duplex);
};

extern const struct vr_host_interface_ops *vr_hif_ops;

static inline struct vr_interface_stats *
vif_get_stats(const struct vr_interface *vif, unsigned int cpu)
{
	return &vif->vif_stats[cpu];
}

/* The vif with index idx; NULL if there is none. Under RCU or rtnl. */
struct vr_interface *__vrouter_get_interface(struct vrouter *router,
					     unsigned int idx);
struct vr_interface *vrouter_get_interface_by_os_idx(struct vrouter *router,
						     unsigned int os_idx);

/* Under rtnl. */
int vr_interface_add(const struct vr_interface_req *req);
int vr_interface_change(struct vr_interface *vif,
			const struct vr_interface_req *req);
void vr_interface_delete(struct vr_interface *vif);
void vr_interface_make_req(struct vr_interface_req *req,
			   struct vr_interface *vif, unsigned int core);
void vr_interface_reset_stats(struct vr_interface *vif);

int vif_drop_pkt(struct vr_interface *vif, struct vr_packet *pkt, bool input);
int vif_xconnect(struct vr_interface *vif, struct vr_packet *pkt,
		 struct vr_forwarding_md *fmd);
/* Pushes a link header; NULL if there is no room for it. */
unsigned char *vif_cmn_rewrite(struct vr_interface *vif,
			       struct vr_packet **pktp,
			       struct vr_forwarding_md *fmd,
			       const unsigned char *rewrite, unsigned short len);
unsigned char *eth_set_rewrite(struct vr_interface *vif,
			       struct vr_packet **pktp,
			       struct vr_forwarding_md *fmd,
			       const unsigned char *rewrite, unsigned short len);
int vif_plug_mac_request(struct vr_interface *vif, struct vr_packet *pkt,
			 struct vr_forwarding_md *fmd);

#endif /* VR_INTERFACE_H */
