/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stand-in for the vRouter kernel module of Tungsten Fabric, made to test
 * tracers: real packets take the real functions' path, by their real names.
 *
 * Locking: rtnl serialises every change to vifs, nexthops and floods.
 * Packets look at all of them under RCU. The bridge table alone changes under
 * its own spinlock, because packets teach it addresses.
 */
#ifndef VROUTER_H
#define VROUTER_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

#include "vr_droplog.h"
#include "vr_flow.h"
#include "vr_interface.h"
#include "vr_nexthop.h"
#include "vr_label.h"
#include "vr_packet.h"
#include "vr_route.h"

#define VR_MAX_INTERFACES	4355
#define VR_MAX_VRFS		4096
#define VR_VRF_INVALID		65535

/* The last two vifs are internal, in this order. */
#define VR_VIF_PKT3		(VR_MAX_INTERFACES - 2)
#define VR_VIF_PKT1		(VR_MAX_INTERFACES - 1)

struct vr_bridge_entry;

struct vrouter {
	unsigned char vr_reserved1[16];
	struct vr_interface __rcu **vr_interfaces;	/* by vif_idx */
	unsigned char vr_reserved2[4];
	unsigned int vr_max_interfaces;
	unsigned char vr_reserved3[120];
	u64 **vr_pdrop_stats;				/* by CPU, by reason */
	unsigned char vr_reserved4[40];
	struct vr_interface __rcu *vr_agent_if;
	struct vr_interface __rcu *vr_host_if;
	struct vr_interface __rcu *vr_eth_if[3];
};

static_assert(offsetof(struct vrouter, vr_interfaces) == 16);
static_assert(offsetof(struct vrouter, vr_max_interfaces) == 28);
static_assert(offsetof(struct vrouter, vr_pdrop_stats) == 152);
static_assert(offsetof(struct vrouter, vr_agent_if) == 200);
static_assert(offsetof(struct vrouter, vr_host_if) == 208);
static_assert(offsetof(struct vrouter, vr_eth_if) == 216);

extern struct vrouter router;

/* vr_datapath.c */
int vr_pkt_type(struct vr_packet *pkt, unsigned short offset,
		struct vr_forwarding_md *fmd);
unsigned int vr_virtual_input(unsigned short vrf, struct vr_interface *vif,
			      struct vr_packet *pkt,
			      struct vr_forwarding_md *fmd,
			      unsigned short vlan_id);
unsigned int vr_fabric_input(struct vr_interface *vif, struct vr_packet *pkt,
			     struct vr_forwarding_md *fmd,
			     unsigned short vlan_id);
int vr_reinject_packet(struct vr_packet *pkt, struct vr_forwarding_md *fmd);
int vr_trap(struct vr_packet *pkt, unsigned short trap_vrf,
	    unsigned short trap_reason, void *trap_param);

/* trap_reason */
#define AGENT_TRAP_FLOW_MISS		6
#define AGENT_TRAP_L3_PROTOCOLS		7
#define AGENT_TRAP_HANDLE_DF		11
#define AGENT_TRAP_ZERO_TTL		12
#define AGENT_TRAP_FLOW_ACTION_HOLD	15

struct vr_packet *pkt_copy(struct vr_packet *pkt, unsigned int head_room,
			   unsigned int len);

/* Argument of vif_send. */
struct agent_send_params {
	unsigned short trap_vrf;
	unsigned short trap_reason;
	void *trap_param;
};

/* trap_param of flows */
struct vr_flow_trap_arg {
	unsigned int vfta_index;
	unsigned int vfta_nh_index;
	struct vr_flow_stats vfta_stats;
	u8 vfta_gen_id;
};

/* True if GRO has consumed the packet, and will pass it to the nexthop. */
int vr_gro_input(struct vr_packet *pkt, struct vr_nexthop *nh);

/* vr_bridge.c */
void vr_bridge_exit(void);
int vr_bridge_input(struct vrouter *router, struct vr_packet *pkt,
		    struct vr_forwarding_md *fmd);
struct vr_bridge_entry *bridge_lookup(const unsigned char *mac,
				      struct vr_forwarding_md *fmd);
/*
 * Adds or changes a route to a nexthop that was added by a request; label is -1
 * or a tunnel's VNID.
 */
int vr_bridge_set(unsigned int vrf, const unsigned char *mac,
		  struct vr_nexthop *nh, int label);
int vr_bridge_delete(unsigned int vrf, const unsigned char *mac);
/* Under rtnl: the vif gets a VRF's floods, or no longer and is forgotten. */
int vr_bridge_join(struct vr_interface *vif, unsigned int vrf);
void vr_bridge_leave(struct vr_interface *vif, unsigned int vrf);

/* vr_proto_ip.c */
int vr_ip_input(struct vrouter *router, struct vr_packet *pkt,
		struct vr_forwarding_md *fmd);
int vr_forward(struct vrouter *router, struct vr_packet *pkt,
	       struct vr_forwarding_md *fmd);

/* A packet to this host, starting with its IPv4 header. */
int vr_ip_rcv(struct vrouter *router, struct vr_packet *pkt,
	      struct vr_forwarding_md *fmd);
int vr_l3_input(struct vr_packet *pkt, struct vr_forwarding_md *fmd);
/* Non-zero if it has consumed the ARP packet. */
int vr_arp_input(struct vr_packet *pkt, struct vr_forwarding_md *fmd,
		 unsigned char *eth_dmac);
int vr_ip_well_known_packet(struct vr_packet *pkt);

/* vr_tunnel.c */
#define VR_VXLAN_UDP_DST_PORT	4789
#define VR_MPLS_OVER_UDP_DST_PORT	6635
#define VR_VXLAN_IBIT		0x08000000
#define VR_VXLAN_VNID_SHIFT	8
#define VR_GRE_HDR_LEN		4

struct vr_vxlan {
	__be32 vxlan_flags;
	__be32 vxlan_vnid;
};

void *vr_qos_get_forwarding_class(struct vrouter *router, struct vr_packet *pkt,
				  struct vr_forwarding_md *fmd);

/* vr_stats.c */
int vr_stats_init(struct vrouter *router);
void vr_stats_exit(struct vrouter *router);
void pkt_drop_stats(struct vr_interface *vif, unsigned short reason,
		    unsigned int cpu);
/* Packets dropped for a reason, on one CPU or (-1) on all. */
u64 vr_drop_stats_get(struct vrouter *router, unsigned int reason, int cpu);
void vr_drop_stats_reset(struct vrouter *router);
u64 vif_drop_stats_get(struct vr_interface *vif, unsigned int reason);
void vif_drop_stats_reset(struct vr_interface *vif);

/* linux_host.c */
int vr_allocate_default_wq(void);
/* Runs what is scheduled first. */
void vr_destroy_default_wq(void);
/* Calls fn(arg) in process context, in an RCU read section. */
int lh_schedule_work(unsigned int cpu, void (*fn)(void *), void *arg);
#define vr_schedule_work(cpu, fn, arg)	lh_schedule_work(cpu, fn, arg)
void lh_pfree_skb(struct sk_buff *skb, struct vr_interface *vif,
		  unsigned short reason);

/* linux_if.c */
int linux_if_init(void);
void linux_if_exit(void);
rx_handler_result_t linux_rx_handler(struct sk_buff **pskb);
/* True if it has consumed the packet, which leaves by the virtual vif. */
int lh_gro_process(struct vr_packet *pkt, struct vr_interface *vif,
		   bool l2_pkt);
int linux_xmit_segment(struct vr_interface *vif, struct sk_buff *seg,
		       unsigned short type, int diag);
int linux_xmit(struct vr_interface *vif, struct sk_buff *skb,
	       unsigned short type);

/* vr_genetlink.c */
int vr_genetlink_init(void);
void vr_genetlink_exit(void);

#endif /* VROUTER_H */
