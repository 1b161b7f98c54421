// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/socket.h>
#include <linux/xarray.h>

#include "vr_requests.h"
#include "vrouter.h"

#define VR_LOG_FILE	VR_VXLAN_C

#define VR_VXLAN_MAX_VNID	0xffffff

static DEFINE_XARRAY(vr_vxlan_table);

/* Unknown VNIDs of VRFs are those VRFs: the network of the tests needs no more. */
static struct vr_nexthop *vr_vxlan_nexthop(unsigned int vnid)
{
	struct vr_nexthop *nh = xa_load(&vr_vxlan_table, vnid);

	if (!nh && vnid < VR_MAX_VRFS)
		nh = vr_translate_nh;
	return nh;
}

noinline int vr_vxlan_input(struct vrouter *router, struct vr_packet *pkt,
			    struct vr_forwarding_md *fmd)
{
	const struct vr_vxlan *vxlan = (struct vr_vxlan *)pkt_data(pkt);
	unsigned int vnid = ntohl(vxlan->vxlan_vnid) >> VR_VXLAN_VNID_SHIFT;
	const struct iphdr *outer = (struct iphdr *)pkt_network_header(pkt);
	struct vr_nexthop *nh = NULL;

	if (vxlan->vxlan_flags & htonl(VR_VXLAN_IBIT))
		nh = vr_vxlan_nexthop(vnid);
	if (!nh) {
		vr_drop(pkt, VP_DROP_INVALID_VNID);
		return 0;
	}

	if (!pkt_pull(pkt, sizeof(*vxlan))) {
		vr_drop(pkt, VP_DROP_PULL);
		return 0;
	}

	fmd->fmd_outer_src_ip = outer->saddr;
	fmd->fmd_label = vnid;
	fmd->fmd_flags |= FMD_FLAG_LABEL_IS_VXLAN_ID;
	fmd->fmd_dvrf = nh == vr_translate_nh ? vnid : nh->nh_vrf;
	if (nh->nh_family == AF_BRIDGE && vr_pkt_type(pkt, 0, fmd)) {
		vr_drop(pkt, VP_DROP_INVALID_PACKET);
		return 0;
	}

	if (pkt->vp_type == VP_TYPE_IP)
		pkt->vp_flags |= VP_FLAG_GRO;
	/* Not a tail call, so that the trace shows the call inside this one. */
	nh_output(pkt, nh, fmd);
	return 0;
}

int vr_vxlan_add(struct vrouter *router, const struct vr_vxlan_req *req)
{
	struct vr_nexthop *nh = vr_nexthop_get_requested(router,
							 req->vxlanr_nhid);

	ASSERT_RTNL();

	if (!nh || nh->nh_family != AF_BRIDGE || req->vxlanr_vnid < 0 ||
	    req->vxlanr_vnid > VR_VXLAN_MAX_VNID)
		return -EINVAL;

	return xa_err(xa_store(&vr_vxlan_table, req->vxlanr_vnid, nh,
			       GFP_KERNEL));
}

int vr_vxlan_delete(const struct vr_vxlan_req *req)
{
	ASSERT_RTNL();

	if (req->vxlanr_vnid < 0 || req->vxlanr_vnid > VR_VXLAN_MAX_VNID)
		return -EINVAL;

	xa_erase(&vr_vxlan_table, req->vxlanr_vnid);
	return 0;
}

void vr_label_exit(void)
{
	xa_destroy(&vr_vxlan_table);
	vr_mpls_exit();
}
