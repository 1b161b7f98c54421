// SPDX-License-Identifier: GPL-2.0
/*
 * Flows. The stand-in has no flow table: a vif without policy forwards, and on
 * a vif with policy every packet starts a new flow.
 */
#include <linux/ip.h>
#include <linux/string.h>

#include "vrouter.h"

/* True if the packet is to be forwarded; otherwise it has been consumed. */
noinline bool __vr_flow_forward(flow_result_t result, struct vr_packet *pkt,
				struct vr_forwarding_md *fmd)
{
	switch (result) {
	case FLOW_FORWARD:
		return true;
	case FLOW_DROP:
		vr_pfree(pkt, VP_DROP_FLOW_UNUSABLE);
		return false;
	case FLOW_CONSUMED:
		return false;
	}

	return false;
}

/* The agent decides about new flows; without an agent they are dropped. */
noinline flow_result_t vr_flow_lookup(struct vrouter *router,
				      struct vr_flow *key,
				      struct vr_packet *pkt,
				      struct vr_forwarding_md *fmd)
{
	if (READ_ONCE(pkt->vp_if->vif_flags) & VIF_FLAG_DROP_NEW_FLOWS)
		vr_pfree(pkt, VP_DROP_NEW_FLOWS);
	else
		vr_trap(pkt, fmd->fmd_dvrf, AGENT_TRAP_FLOW_MISS, key);

	return FLOW_CONSUMED;
}

noinline flow_result_t vr_inet_flow_lookup(struct vrouter *router,
					   struct vr_packet *pkt,
					   struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	struct vr_flow key;

	if (!(READ_ONCE(pkt->vp_if->vif_flags) & VIF_FLAG_POLICY_ENABLED))
		return FLOW_FORWARD;
	if (ip->version != 4)
		return FLOW_DROP;

	memset(&key, 0, sizeof(key));
	key.flow_sip = ip->saddr;
	key.flow_dip = ip->daddr;
	key.flow_proto = ip->protocol;
	return vr_flow_lookup(router, &key, pkt, fmd);
}

noinline bool vr_flow_forward(struct vrouter *router, struct vr_packet *pkt,
			      struct vr_forwarding_md *fmd)
{
	flow_result_t result = FLOW_FORWARD;

	if (pkt->vp_type == VP_TYPE_IP)
		result = vr_inet_flow_lookup(router, pkt, fmd);

	return __vr_flow_forward(result, pkt, fmd);
}
