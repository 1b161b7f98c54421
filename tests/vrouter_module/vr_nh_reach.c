// SPDX-License-Identifier: GPL-2.0
/*
 * Where packets go from a nexthop that is neither a composite nor a tunnel.
 */
#include <linux/socket.h>

#include "vrouter.h"

#define VR_LOG_FILE	VR_NEXTHOP_C

int nh_discard(struct vr_packet *pkt, struct vr_nexthop *nh,
	       struct vr_forwarding_md *fmd)
{
	vr_drop(pkt, VP_DROP_DISCARD);
	return 0;
}

int nh_l3_rcv(struct vr_packet *pkt, struct vr_nexthop *nh,
	      struct vr_forwarding_md *fmd)
{
	if (pkt->vp_type != VP_TYPE_IP) {
		vr_drop(pkt, VP_DROP_INVALID_PROTOCOL);
		return 0;
	}

	/* Not a tail call, so that the trace shows the call inside this one. */
	vr_ip_rcv(nh->nh_router, pkt, fmd);
	return 0;
}

int nh_l2_rcv(struct vr_packet *pkt, struct vr_nexthop *nh,
	      struct vr_forwarding_md *fmd)
{
	unsigned int len = pkt->vp_network_h - pkt->vp_data;

	if (!pkt_pull(pkt, len)) {
		vr_drop(pkt, VP_DROP_PULL);
		return 0;
	}

	if (!vr_l3_input(pkt, fmd))
		vr_drop(pkt, VP_DROP_INVALID_PROTOCOL);
	return 0;
}

int nh_vrf_translate(struct vr_packet *pkt, struct vr_nexthop *nh,
		     struct vr_forwarding_md *fmd)
{
	/* Not tail calls, so that the trace shows the calls inside this one. */
	if (nh->nh_family == AF_BRIDGE)
		vr_bridge_input(nh->nh_router, pkt, fmd);
	else
		vr_ip_input(nh->nh_router, pkt, fmd);
	return 0;
}

/* Sends the frame unchanged: there is nothing to rewrite at layer 2. */
int nh_encap_l2(struct vr_packet *pkt, struct vr_nexthop *nh,
		struct vr_forwarding_md *fmd)
{
	struct vr_interface *vif = READ_ONCE(nh->nh_dev);

	if (!vif) {
		vr_drop(pkt, VP_DROP_INVALID_IF);
		return 0;
	}

	if (pkt->vp_flags & VP_FLAG_GRO && vif->vif_type == VIF_TYPE_VIRTUAL &&
	    vr_gro_input(pkt, nh))
		return 0;

	return vif->vif_tx(vif, pkt, fmd);
}

/* Puts the link header in front of an IP packet. */
int nh_encap_l3(struct vr_packet *pkt, struct vr_nexthop *nh,
		struct vr_forwarding_md *fmd)
{
	struct vr_interface *vif = READ_ONCE(nh->nh_dev);
	unsigned char *head;

	if (!vif) {
		vr_drop(pkt, VP_DROP_INVALID_IF);
		return 0;
	}

	if (pkt->vp_type != VP_TYPE_IP) {
		vr_drop(pkt, VP_DROP_INVALID_PROTOCOL);
		return 0;
	}

	if (pkt->vp_flags & VP_FLAG_GRO && vif->vif_type == VIF_TYPE_VIRTUAL &&
	    vr_gro_input(pkt, nh))
		return 0;

	if (vif->vif_type == VIF_TYPE_PHYSICAL)
		head = eth_set_rewrite(vif, &pkt, fmd, nh->nh_data,
				       nh->nh_data_size);
	else
		head = vif_cmn_rewrite(vif, &pkt, fmd, nh->nh_data,
				       nh->nh_data_size);
	if (!head) {
		vr_drop(pkt, VP_DROP_REWRITE_FAIL);
		return 0;
	}

	return vif->vif_tx(vif, pkt, fmd);
}

int nh_encap_validate_src(struct vr_packet *pkt, struct vr_nexthop *nh,
			  struct vr_forwarding_md *fmd, void *ret_data)
{
	return pkt->vp_if == nh->nh_dev ? NH_SOURCE_VALID : NH_SOURCE_INVALID;
}
