// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/socket.h>
#include <linux/xarray.h>

#include "vr_requests.h"
#include "vrouter.h"

#define VR_LOG_FILE	VR_MPLS_C

static DEFINE_XARRAY(vr_ilm);

struct vr_nexthop *__vrouter_get_label(struct vrouter *router,
				       unsigned int label)
{
	return xa_load(&vr_ilm, label);
}

/* Logs without the packet, which it does not have. */
int vr_mpls_tunnel_type(unsigned int label, unsigned int control_data,
			unsigned short *reason)
{
	struct vr_nexthop *nh;

	label >>= VR_MPLS_LABEL_SHIFT;
	nh = label < VR_MAX_LABELS ? __vrouter_get_label(&router, label) : NULL;
	if (!nh) {
		*reason = VP_DROP_INVALID_LABEL;
		PKT_LOG(*reason, NULL, NULL, VR_LOG_FILE, __LINE__);
		return -1;
	}

	switch (nh->nh_family) {
	case AF_INET:
		return PKT_MPLS_TUNNEL_L3;
	case AF_BRIDGE:
		return PKT_MPLS_TUNNEL_L2_UCAST;
	default:
		*reason = VP_DROP_INVALID_NH;
		PKT_LOG(*reason, NULL, NULL, VR_LOG_FILE, __LINE__);
		return -1;
	}
}

/* The payload of the label. Returns the reason to drop the packet, or 0. */
static __always_inline unsigned short
vr_mpls_payload(struct vr_packet *pkt, const struct vr_nexthop *nh,
		struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_data(pkt);

	if (nh->nh_family == AF_BRIDGE)
		return vr_pkt_type(pkt, 0, fmd) ? VP_DROP_INVALID_PACKET : 0;
	if (nh->nh_family != AF_INET)
		return VP_DROP_INVALID_NH;
	if (ip->version != 4)
		return VP_DROP_INVALID_PROTOCOL;

	pkt->vp_type = VP_TYPE_IP;
	pkt->vp_network_h = pkt->vp_data;
	pkt->vp_inner_network_h = pkt->vp_data;
	return 0;
}

noinline int vr_mpls_input(struct vrouter *router, struct vr_packet *pkt,
			   struct vr_forwarding_md *fmd)
{
	unsigned int label = ntohl(*(__be32 *)pkt_data(pkt));
	const struct iphdr *outer;
	unsigned short reason;
	struct vr_nexthop *nh;
	int ttl;

	/* A first label of all ones is no label. */
	if (!(label & VR_MPLS_STACK_BIT) &&
	    label >> VR_MPLS_LABEL_SHIFT == VR_MPLS_LABEL_MASK) {
		if (!pkt_pull(pkt, VR_MPLS_HDR_LEN)) {
			vr_drop(pkt, VP_DROP_PULL);
			return 0;
		}
		label = ntohl(*(__be32 *)pkt_data(pkt));
	}

	ttl = (label & 0xff) - 1;
	label >>= VR_MPLS_LABEL_SHIFT;
	if (label >= VR_MAX_LABELS) {
		vr_drop(pkt, VP_DROP_INVALID_LABEL);
		return 0;
	}
	if (ttl <= 0) {
		vr_drop(pkt, VP_DROP_TTL_EXCEEDED);
		return 0;
	}

	outer = (struct iphdr *)pkt_network_header(pkt);
	fmd->fmd_outer_src_ip = outer->saddr;
	fmd->fmd_label = label;
	pkt->vp_ttl = ttl;
	if (!pkt_pull(pkt, VR_MPLS_HDR_LEN)) {
		vr_drop(pkt, VP_DROP_PULL);
		return 0;
	}

	nh = __vrouter_get_label(router, label);
	if (!nh) {
		vr_drop(pkt, VP_DROP_INVALID_LABEL);
		return 0;
	}

	pkt->vp_flags |= VP_FLAG_GRO;
	pkt->vp_flags &= ~VP_FLAG_MULTICAST;
	fmd->fmd_vlan = VLAN_ID_INVALID;
	reason = vr_mpls_payload(pkt, nh, fmd);
	if (reason) {
		vr_drop(pkt, reason);
		return 0;
	}

	fmd->fmd_dvrf = nh->nh_vrf;
	/* Not a tail call, so that the trace shows the call inside this one. */
	nh_output(pkt, nh, fmd);
	return 0;
}

int vr_mpls_add(struct vrouter *router, const struct vr_mpls_req *req)
{
	struct vr_nexthop *nh = vr_nexthop_get_requested(router, req->mr_nhid);

	ASSERT_RTNL();

	if (!nh || req->mr_label < 0 || req->mr_label >= VR_MAX_LABELS)
		return -EINVAL;

	return xa_err(xa_store(&vr_ilm, req->mr_label, nh, GFP_KERNEL));
}

int vr_mpls_delete(const struct vr_mpls_req *req)
{
	ASSERT_RTNL();

	if (req->mr_label < 0 || req->mr_label >= VR_MAX_LABELS)
		return -EINVAL;

	xa_erase(&vr_ilm, req->mr_label);
	return 0;
}

void vr_mpls_exit(void)
{
	xa_destroy(&vr_ilm);
}
