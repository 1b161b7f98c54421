// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/timekeeping.h>

#include "vr_compat.h"
#include "vr_requests.h"
#include "vrouter.h"

unsigned int vr_pkt_droplog_sysctl_en;
static unsigned int vr_pkt_droplog_min_sysctl_en = 1;

/* The log of a CPU; the index goes on after the log is cleared. */
struct vr_pkt_drop_ring {
	atomic_t pdr_index;
	vr_pkt_drop_log_t pdr_log[VR_PKT_DROP_LOG_MAX];
};

static struct vr_pkt_drop_ring **vr_pkt_drop_rings;
static struct ctl_table_header *vr_sysctl_header;

static struct ctl_table vr_sysctls[] = {
	{
		.procname	= "pkt_drop_log_enable",
		.data		= &vr_pkt_droplog_sysctl_en,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec,
	},
	{
		.procname	= "pkt_drop_log_min_enable",
		.data		= &vr_pkt_droplog_min_sysctl_en,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec,
	},
	VR_SYSCTL_END
};

static void vr_pkt_drop_log_addresses(vr_pkt_drop_log_t *entry,
				      struct vr_packet *pkt)
{
	const struct ipv6hdr *ip6;
	const struct iphdr *ip;

	if (!pkt->vp_network_h)
		return;

	if (pkt->vp_type == VP_TYPE_IP || pkt->vp_type == VP_TYPE_IPOIP) {
		ip = (struct iphdr *)pkt_network_header(pkt);
		entry->src.ipv4.s_addr = ip->saddr;
		entry->dst.ipv4.s_addr = ip->daddr;
	} else if (pkt->vp_type == VP_TYPE_IP6) {
		ip6 = (struct ipv6hdr *)pkt_network_header(pkt);
		entry->src.ipv6 = ip6->saddr;
		entry->dst.ipv6 = ip6->daddr;
	}
}

static void vr_pkt_drop_log_bytes(vr_pkt_drop_log_t *entry,
				  struct vr_packet *pkt)
{
	int len = pkt->vp_tail - pkt->vp_network_h;

	if (!pkt->vp_network_h || len <= 0)
		return;

	entry->pkt_len = min(len, VR_PKT_DROP_LOG_BYTES);
	memcpy(entry->pkt_header, pkt_network_header(pkt), entry->pkt_len);
}

noinline void vr_pkt_drop_log_write(unsigned short drop_reason,
				    const void *packet,
				    const struct vr_flow *key, map_t file,
				    unsigned int line)
{
	struct vr_packet *pkt = (struct vr_packet *)packet;
	struct vr_pkt_drop_ring *ring;
	vr_pkt_drop_log_t *entry;
	unsigned int index;

	ring = vr_pkt_drop_rings[raw_smp_processor_id()];
	index = (unsigned int)atomic_inc_return(&ring->pdr_index) - 1;
	entry = &ring->pdr_log[index % VR_PKT_DROP_LOG_MAX];
	memset(entry, 0, sizeof(*entry));
	entry->drop_reason = drop_reason;
	entry->drop_loc.file = file;
	entry->drop_loc.line = line;
	entry->timestamp = ktime_get_real_seconds();
	if (!pkt)
		return;

	entry->vp_type = pkt->vp_type;
	vr_pkt_drop_log_addresses(entry, pkt);
	if (READ_ONCE(vr_pkt_droplog_min_sysctl_en))
		return;

	if (pkt->vp_if)
		entry->vif_idx = pkt->vp_if->vif_idx;
	if (pkt->vp_nh)
		entry->nh_id = pkt->vp_nh->nh_id;
	if (key) {
		entry->sport = (__force unsigned short)key->flow_sport;
		entry->dport = (__force unsigned short)key->flow_dport;
	}
	vr_pkt_drop_log_bytes(entry, pkt);
}

void vr_pkt_drop_log_get(struct vrouter *router,
			 const struct vr_pkt_drop_log_req *req,
			 struct vr_pkt_drop_log_req *reply)
{
	unsigned int core = max_t(int, req->vdl_core, 1) - 1;
	unsigned int index = (u16)req->vdl_log_idx;

	*reply = (struct vr_pkt_drop_log_req) {
		.vdl_pkt_droplog_sysctl_en = vr_pkt_droplog_sysctl_en,
		.vdl_type = VP_DROP_MAX,
	};
	if (!vr_pkt_droplog_sysctl_en)
		return;

	reply->vdl_core = req->vdl_core;
	reply->vdl_log_idx = index;
	reply->vdl_max_num_cores = num_present_cpus();
	reply->vdl_pkt_droplog_max_bufsz = VR_PKT_DROP_LOG_MAX;
	reply->vdl_pkt_droplog_en = 1;
	if (core >= nr_cpu_ids || index >= VR_PKT_DROP_LOG_MAX)
		return;

	reply->vdl_pkt_droplog_arr.data = &vr_pkt_drop_rings[core]->pdr_log[index];
	reply->vdl_pkt_droplog_arr.count = sizeof(vr_pkt_drop_log_t) *
		min_t(unsigned int, VR_PKT_DROP_LOG_MAX - index,
		      VR_PKT_DROPLOG_MAX_ALLOW_BUFSZ);
}

void vr_pkt_drop_log_clear(struct vrouter *router)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		memset(vr_pkt_drop_rings[cpu]->pdr_log, 0,
		       sizeof(vr_pkt_drop_rings[cpu]->pdr_log));
}

int vr_pkt_drop_log_init(struct vrouter *router)
{
	unsigned int cpu;

	vr_pkt_drop_rings = kcalloc(nr_cpu_ids, sizeof(*vr_pkt_drop_rings),
				    GFP_KERNEL);
	if (!vr_pkt_drop_rings)
		return -ENOMEM;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		vr_pkt_drop_rings[cpu] = kvzalloc(sizeof(struct vr_pkt_drop_ring),
						  GFP_KERNEL);
		if (!vr_pkt_drop_rings[cpu])
			goto fail;
	}

	vr_sysctl_header = register_net_sysctl(&init_net, "net/vrouter",
					       vr_sysctls);
	if (vr_sysctl_header)
		return 0;

fail:
	vr_pkt_drop_log_exit(router);
	return -ENOMEM;
}

void vr_pkt_drop_log_exit(struct vrouter *router)
{
	unsigned int cpu;

	if (vr_sysctl_header)
		unregister_net_sysctl_table(vr_sysctl_header);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		kvfree(vr_pkt_drop_rings[cpu]);
	kfree(vr_pkt_drop_rings);
}
