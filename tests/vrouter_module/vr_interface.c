// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual interfaces: their table, adding and deleting them, and their receive
 * and transmit functions.
 */
#include <linux/cpumask.h>
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "vr_requests.h"
#include "vr_tracer_cases.h"
#include "vrouter.h"

#define VR_LOG_FILE	VR_INTERFACE_C

#define VR_MIR_ID_INVALID	255

struct vr_interface *__vrouter_get_interface(struct vrouter *router,
					     unsigned int idx)
{
	if (idx >= router->vr_max_interfaces)
		return NULL;

	return rcu_dereference_rtnl(router->vr_interfaces[idx]);
}

struct vr_interface *vrouter_get_interface_by_os_idx(struct vrouter *router,
						     unsigned int os_idx)
{
	struct vr_interface *vif;
	unsigned int idx;

	for (idx = 0; idx < router->vr_max_interfaces; idx++) {
		vif = __vrouter_get_interface(router, idx);
		if (vif && vif->vif_os && vif->vif_os_idx == os_idx)
			return vif;
	}

	return NULL;
}

noinline int vif_drop_pkt(struct vr_interface *vif, struct vr_packet *pkt,
			  bool input)
{
	struct vr_interface_stats *stats = vif_get_stats(vif, pkt->vp_cpu);

	if (input)
		stats->vis_ierrors++;
	else
		stats->vis_oerrors++;

	vr_drop(pkt, VP_DROP_INTERFACE_DROP);
	return 0;
}

/* Passes packets from the fabric to the host, as without a router. */
noinline int vif_xconnect(struct vr_interface *vif, struct vr_packet *pkt,
			  struct vr_forwarding_md *fmd)
{
	struct vr_interface *host = rcu_dereference(vif->vif_router->vr_host_if);

	if (!host)
		return vif_drop_pkt(vif, pkt, true);

	return host->vif_tx(host, pkt, fmd);
}

/*
 * Fills in the destination MAC of frames from a layer 3 nexthop. Bridged frames
 * already have one; non-zero if it is missing.
 */
noinline int vif_plug_mac_request(struct vr_interface *vif,
				  struct vr_packet *pkt,
				  struct vr_forwarding_md *fmd)
{
	const struct ethhdr *eth = (struct ethhdr *)pkt_data(pkt);

	return is_zero_ether_addr(eth->h_dest) ? -EHOSTUNREACH : 0;
}

noinline unsigned char *vif_cmn_rewrite(struct vr_interface *vif,
					struct vr_packet **pktp,
					struct vr_forwarding_md *fmd,
					const unsigned char *rewrite,
					unsigned short len)
{
	unsigned char *head = pkt_push(*pktp, len);

	if (head)
		memcpy(head, rewrite, len);
	return head;
}

noinline unsigned char *eth_set_rewrite(struct vr_interface *vif,
					struct vr_packet **pktp,
					struct vr_forwarding_md *fmd,
					const unsigned char *rewrite,
					unsigned short len)
{
	unsigned char *head = vif_cmn_rewrite(vif, pktp, fmd, rewrite, len);

	/* Not a tail call, so that the trace shows the call inside this one. */
	barrier();
	return head;
}

static __always_inline void vif_count_rx(struct vr_interface *vif,
					 struct vr_packet *pkt)
{
	struct vr_interface_stats *stats = vif_get_stats(vif, pkt->vp_cpu);

	stats->vis_ibytes += pkt_len(pkt);
	stats->vis_ipackets++;
}

static __always_inline void vif_count_tx(struct vr_interface *vif,
					 struct vr_packet *pkt)
{
	struct vr_interface_stats *stats = vif_get_stats(vif, pkt->vp_cpu);

	stats->vis_obytes += pkt_len(pkt);
	stats->vis_opackets++;
}

static int vm_rx(struct vr_interface *vif, struct vr_packet *pkt,
		 unsigned short vlan_id)
{
	struct vr_forwarding_md fmd;

	vr_init_forwarding_md(&fmd);
	vif_count_rx(vif, pkt);
	return vr_virtual_input(READ_ONCE(vif->vif_vrf), vif, pkt, &fmd,
				vlan_id);
}

static int eth_rx(struct vr_interface *vif, struct vr_packet *pkt,
		  unsigned short vlan_id)
{
	struct vr_forwarding_md fmd;

	vr_init_forwarding_md(&fmd);
	vif_count_rx(vif, pkt);
	return vr_fabric_input(vif, pkt, &fmd, vlan_id);
}

static int eth_tx(struct vr_interface *vif, struct vr_packet *pkt,
		  struct vr_forwarding_md *fmd)
{
	if (vif->vif_type == VIF_TYPE_VIRTUAL &&
	    vif_plug_mac_request(vif, pkt, fmd))
		return vif_drop_pkt(vif, pkt, false);

	vif_count_tx(vif, pkt);
	return vr_hif_ops->hif_tx(vif, pkt);
}

/* Any device can be the host's: what it transmits does not get here. */
static int vhost_tx(struct vr_interface *vif, struct vr_packet *pkt,
		    struct vr_forwarding_md *fmd)
{
	vif_count_tx(vif, pkt);
	return vr_hif_ops->hif_rx(vif, pkt);
}

static int agent_tx(struct vr_interface *vif, struct vr_packet *pkt,
		    struct vr_forwarding_md *fmd)
{
	vif_count_tx(vif, pkt);
	return vr_hif_ops->hif_tx(vif, pkt);
}

/* In front of the frames that the agent gets, behind an Ethernet header. */
struct agent_hdr {
	__be16 hdr_ifindex;
	__be16 hdr_vrf;
	__be16 hdr_cmd;
	__be32 hdr_cmd_param;
	__be32 hdr_cmd_params[4];
	u8 hdr_cmd_param_5;
	u8 hdr_pad[3];
} __packed;

static_assert(sizeof(struct agent_hdr) == 30);

#define AGENT_PKT_HEAD_SPACE	(sizeof(struct ethhdr) + sizeof(struct agent_hdr))
#define VR_AGENT_MIN_PACKET_LEN	128

static __always_inline void
agent_fill_hdr(struct agent_hdr *hdr, const struct vr_packet *pkt,
	       const struct agent_send_params *params)
{
	const struct vr_flow_trap_arg *fta = params->trap_param;

	memset(hdr, 0, sizeof(*hdr));
	hdr->hdr_ifindex = htons(pkt->vp_if->vif_idx);
	hdr->hdr_vrf = htons(params->trap_vrf);
	hdr->hdr_cmd = htons(params->trap_reason);

	if (params->trap_reason != AGENT_TRAP_FLOW_MISS &&
	    params->trap_reason != AGENT_TRAP_FLOW_ACTION_HOLD)
		return;

	hdr->hdr_cmd_param = htonl(fta->vfta_index);
	hdr->hdr_cmd_params[0] = htonl(fta->vfta_nh_index);
	hdr->hdr_cmd_params[1] = htonl(fta->vfta_stats.flow_bytes);
	hdr->hdr_cmd_params[2] = htonl(fta->vfta_stats.flow_packets);
	hdr->hdr_cmd_param_5 = fta->vfta_gen_id;
}

/* Usually there is no room for the header, and the agent gets a copy. */
static int agent_send(struct vr_interface *vif, struct vr_packet *pkt,
		      void *ifspecific)
{
	const struct agent_send_params *params = ifspecific;
	struct vr_packet *copy;
	unsigned int len;
	unsigned char *data;

	vr_preset(pkt);

	if (vr_pgso_size(pkt) || pkt->vp_data < AGENT_PKT_HEAD_SPACE) {
		len = pkt_len(pkt);
		/* As the real module does, which has other limits then. */
		if (params->trap_reason != AGENT_TRAP_FLOW_MISS &&
		    params->trap_reason != AGENT_TRAP_FLOW_ACTION_HOLD)
			len = pkt_len(pkt);
		len = min_t(unsigned int, len, VR_AGENT_MIN_PACKET_LEN);
		copy = pkt_copy(pkt, AGENT_PKT_HEAD_SPACE, len);
		if (copy) {
			vr_drop(pkt, VP_DROP_DUPLICATED);
			pkt = copy;
		}
	}

	data = pkt_push(pkt, AGENT_PKT_HEAD_SPACE);
	if (!data) {
		vr_drop(pkt, VP_DROP_PUSH);
		return 0;
	}

	pkt->vp_type = VP_TYPE_AGENT;
	pkt->vp_network_h = pkt->vp_data + ETH_HLEN;
	agent_fill_hdr((struct agent_hdr *)(data + ETH_HLEN), pkt, params);
	memcpy(data, vif->vif_mac, ETH_ALEN);
	memcpy(data + ETH_ALEN, vif->vif_mac, ETH_ALEN);
	*(__be16 *)(data + 2 * ETH_ALEN) = htons(ETH_P_IP);
	return vif->vif_tx(vif, pkt, NULL);
}

static int vif_discard_rx(struct vr_interface *vif, struct vr_packet *pkt,
			  unsigned short vlan_id)
{
	vif_get_stats(vif, pkt->vp_cpu)->vis_ierrors++;
	vr_drop(pkt, VP_DROP_INTERFACE_RX_DISCARD);
	return 0;
}

static int vif_discard_tx(struct vr_interface *vif, struct vr_packet *pkt,
			  struct vr_forwarding_md *fmd)
{
	vif_get_stats(vif, pkt->vp_cpu)->vis_oerrors++;
	vr_drop(pkt, VP_DROP_INTERFACE_TX_DISCARD);
	return 0;
}

/* Types that the stand-in does not implement can be added, but discard. */
static void vif_set_handlers(struct vr_interface *vif)
{
	vif->vif_rx = vif_discard_rx;
	vif->vif_tx = vif_discard_tx;

	if (vif->vif_type == VIF_TYPE_VIRTUAL) {
		vif->vif_rx = vm_rx;
		vif->vif_tx = eth_tx;
	} else if (vif->vif_type == VIF_TYPE_PHYSICAL) {
		vif->vif_rx = eth_rx;
		vif->vif_tx = eth_tx;
	} else if (vif->vif_type == VIF_TYPE_AGENT) {
		vif->vif_tx = agent_tx;
		vif->vif_send = agent_send;
	} else if (vif->vif_type == VIF_TYPE_HOST) {
		vif->vif_tx = vhost_tx;
	}
}

static struct vr_btable *vr_btable_alloc(unsigned int entries)
{
	struct vr_btable *table;

	table = kzalloc(struct_size(table, vb_mem, entries), GFP_KERNEL);
	if (table)
		table->vb_entries = entries;
	return table;
}

/* No packet may use the vif any more. */
static void vif_free(struct vr_interface *vif)
{
	if (!vif)
		return;

	vr_nexthop_free(vif->vif_encap_nh);
	kfree(vif->vif_pcpu_drop_stats);
	kfree(vif->vif_drop_stats);
	kfree(vif->vif_stats);
	kfree(vif);
}

static struct vr_interface *vif_alloc(void)
{
	struct vr_interface *vif = kzalloc(sizeof(*vif), GFP_KERNEL);

	if (!vif)
		return NULL;

	spin_lock_init(&vif->vif_drop_lock);
	vif->vif_router = &router;
	vif->vif_users = 1;
	vif->vif_stats = kcalloc(nr_cpu_ids, sizeof(*vif->vif_stats),
				 GFP_KERNEL);
	vif->vif_drop_stats = kcalloc(VP_DROP_MAX, sizeof(u64), GFP_KERNEL);
	vif->vif_pcpu_drop_stats = vr_btable_alloc(nr_cpu_ids * VP_DROP_MAX);
	if (!vif->vif_stats || !vif->vif_drop_stats ||
	    !vif->vif_pcpu_drop_stats) {
		vif_free(vif);
		return NULL;
	}

	return vif;
}

static int vr_interface_check(const struct vr_interface_req *req)
{
	if (!req->vifr_name.count ||
	    req->vifr_name.count >= VR_INTERFACE_NAME_LEN)
		return -EINVAL;
	if (req->vifr_type < 0 || req->vifr_type >= VIF_TYPE_MAX)
		return -EINVAL;
	if (req->vifr_mac.count && req->vifr_mac.count != ETH_ALEN)
		return -EINVAL;
	if (req->vifr_mtu < 0 || req->vifr_mtu > U16_MAX)
		return -EINVAL;
	if (req->vifr_vrf < 0 || (req->vifr_vrf >= VR_MAX_VRFS &&
				  req->vifr_vrf != VR_VRF_INVALID))
		return -EINVAL;
	/* There would be no bridge table for its packets. */
	if (req->vifr_type == VIF_TYPE_VIRTUAL &&
	    req->vifr_vrf == VR_VRF_INVALID)
		return -EINVAL;

	return 0;
}

static struct vr_interface *
vr_interface_create(const struct vr_interface_req *req)
{
	struct vr_interface *vif = vif_alloc();

	if (!vif)
		return NULL;

	vif->vif_type = req->vifr_type;
	vif->vif_flags = req->vifr_flags | VIF_FLAG_L2_ENABLED |
			 VIF_FLAG_L3_ENABLED;
	vif->vif_idx = req->vifr_idx;
	vif->vif_vrf = req->vifr_vrf;
	vif->vif_mcast_vrf = req->vifr_mcast_vrf;
	vif->vif_os_idx = req->vifr_os_idx;
	vif->vif_mtu = req->vifr_mtu;
	vif->vif_vlan_id = VLAN_ID_INVALID;
	memcpy(vif->vif_name, req->vifr_name.data, req->vifr_name.count);
	if (req->vifr_mac.count)
		memcpy(vif->vif_mac, req->vifr_mac.data, ETH_ALEN);
	vif_set_handlers(vif);

	if (vif->vif_type == VIF_TYPE_VIRTUAL) {
		vif->vif_encap_nh = vr_nexthop_encap_create(vif);
		if (!vif->vif_encap_nh) {
			vif_free(vif);
			return NULL;
		}
		vif->vif_nh_id = vif->vif_encap_nh->nh_id;
	}

	return vif;
}

/* The router's pointer to a vif with a special role; NULL for others. */
static struct vr_interface __rcu **vr_interface_part(struct vr_interface *vif)
{
	switch (vif->vif_type) {
	case VIF_TYPE_HOST:
		return &router.vr_host_if;
	case VIF_TYPE_AGENT:
		return &router.vr_agent_if;
	case VIF_TYPE_PHYSICAL:
		return &router.vr_eth_if[0];
	default:
		return NULL;
	}
}

static void vr_interface_link(struct vr_interface *vif)
{
	struct vr_interface __rcu **part = vr_interface_part(vif);

	rcu_assign_pointer(router.vr_interfaces[vif->vif_idx], vif);
	if (part)
		rcu_assign_pointer(*part, vif);
}

static void vr_interface_unlink(struct vr_interface *vif)
{
	struct vr_interface __rcu **part = vr_interface_part(vif);

	RCU_INIT_POINTER(router.vr_interfaces[vif->vif_idx], NULL);
	if (part && rtnl_dereference(*part) == vif)
		RCU_INIT_POINTER(*part, NULL);
}

int vr_interface_add(const struct vr_interface_req *req)
{
	struct vr_interface *vif;
	int err;

	ASSERT_RTNL();

	err = vr_interface_check(req);
	if (err)
		return err;

	vif = vr_interface_create(req);
	if (!vif)
		return -ENOMEM;

	vr_interface_link(vif);
	if (vif->vif_encap_nh)
		err = vr_bridge_join(vif, vif->vif_vrf);
	/* Last, because packets arrive from here on. */
	if (!err)
		err = vr_hif_ops->hif_add(vif);
	if (err)
		vr_interface_delete(vif);

	return err;
}

/* Flags, VRF and MTU can be changed; the device cannot. */
int vr_interface_change(struct vr_interface *vif,
			const struct vr_interface_req *req)
{
	unsigned short old_vrf = vif->vif_vrf;
	int err;

	ASSERT_RTNL();

	err = vr_interface_check(req);
	if (err)
		return err;
	if (req->vifr_type != vif->vif_type)
		return -EINVAL;

	if (vif->vif_encap_nh && req->vifr_vrf != old_vrf) {
		err = vr_bridge_join(vif, req->vifr_vrf);
		if (err)
			return err;
		WRITE_ONCE(vif->vif_vrf, req->vifr_vrf);
		vif->vif_encap_nh->nh_vrf = req->vifr_vrf;
		/* No packet still adds addresses of this vif to the old VRF. */
		synchronize_net();
		vr_bridge_leave(vif, old_vrf);
	}

	WRITE_ONCE(vif->vif_vrf, req->vifr_vrf);
	WRITE_ONCE(vif->vif_flags, req->vifr_flags | VIF_FLAG_L2_ENABLED |
				   VIF_FLAG_L3_ENABLED);
	vif->vif_mcast_vrf = req->vifr_mcast_vrf;
	if (req->vifr_mtu)
		vif->vif_mtu = req->vifr_mtu;
	return 0;
}

/*
 * Deletes a vif during traffic: first stops reception, so that no more packets
 * are learned from or queued; then removes it from all lookups.
 */
void vr_interface_delete(struct vr_interface *vif)
{
	ASSERT_RTNL();

	vr_hif_ops->hif_del(vif);
	vr_tracer_cases_flush();

	if (vif->vif_encap_nh)
		vr_bridge_leave(vif, vif->vif_vrf);
	vr_nexthop_unlink(vif->vif_encap_nh);
	vr_nexthop_forget(vif);
	vr_interface_unlink(vif);
	synchronize_net();

	vr_hif_ops->hif_put(vif);
	vif_free(vif);
}

static void vif_sum_stats(const struct vr_interface *vif, unsigned int core,
			  struct vr_interface_stats *sum)
{
	const struct vr_interface_stats *stats;
	unsigned int cpu;

	memset(sum, 0, sizeof(*sum));
	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		if (core && cpu != core - 1)
			continue;

		stats = vif_get_stats(vif, cpu);
		sum->vis_ibytes += READ_ONCE(stats->vis_ibytes);
		sum->vis_ipackets += READ_ONCE(stats->vis_ipackets);
		sum->vis_ierrors += READ_ONCE(stats->vis_ierrors);
		sum->vis_obytes += READ_ONCE(stats->vis_obytes);
		sum->vis_opackets += READ_ONCE(stats->vis_opackets);
		sum->vis_oerrors += READ_ONCE(stats->vis_oerrors);
	}
}

/* Of all reasons, also those that are no loss. */
static u64 vif_sum_drops(struct vr_interface *vif)
{
	unsigned int reason;
	u64 sum = 0;

	for (reason = 0; reason < VP_DROP_MAX; reason++)
		sum += vif_drop_stats_get(vif, reason);

	return sum;
}

/* core: 0 for the sum of all CPUs, n for CPU n - 1. */
void vr_interface_make_req(struct vr_interface_req *req,
			   struct vr_interface *vif, unsigned int core)
{
	struct vr_interface_stats sum;

	ASSERT_RTNL();

	vif_sum_stats(vif, core, &sum);
	*req = (struct vr_interface_req) {
		.vifr_core = core - 1,
		.vifr_type = vif->vif_type,
		.vifr_flags = vif->vif_flags,
		.vifr_vrf = vif->vif_vrf,
		.vifr_idx = vif->vif_idx,
		.vifr_rid = vif->vif_rid,
		.vifr_os_idx = vif->vif_os_idx,
		.vifr_mtu = vif->vif_mtu,
		.vifr_name = { vif->vif_name, strlen(vif->vif_name) },
		.vifr_ibytes = sum.vis_ibytes,
		.vifr_ipackets = sum.vis_ipackets,
		.vifr_ierrors = sum.vis_ierrors,
		.vifr_obytes = sum.vis_obytes,
		.vifr_opackets = sum.vis_opackets,
		.vifr_oerrors = sum.vis_oerrors,
		.vifr_queue_ierrors_to_lcore = { NULL, num_present_cpus() },
		.vifr_ref_cnt = vif->vif_users,
		.vifr_mac = { vif->vif_mac, ETH_ALEN },
		.vifr_mir_id = VR_MIR_ID_INVALID,
		.vifr_speed = -1,
		.vifr_duplex = -1,
		.vifr_parent_vif_idx = -1,
		.vifr_nh_id = vif->vif_nh_id,
		.vifr_transport = vif->vif_type == VIF_TYPE_STATS,
		.vifr_dpackets = vif_sum_drops(vif),
		.vifr_mcast_vrf = vif->vif_mcast_vrf,
	};

	if (vif->vif_type == VIF_TYPE_PHYSICAL)
		vr_hif_ops->hif_get_settings(vif, &req->vifr_speed,
					     &req->vifr_duplex);
}

void vr_interface_reset_stats(struct vr_interface *vif)
{
	memset(vif->vif_stats, 0, nr_cpu_ids * sizeof(*vif->vif_stats));
	vif_drop_stats_reset(vif);
}
