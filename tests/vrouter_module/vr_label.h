/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What packets in tunnels are for: the nexthops of MPLS labels and of VNIDs.
 */
#ifndef VR_LABEL_H
#define VR_LABEL_H

struct vr_forwarding_md;
struct vr_mpls_req;
struct vr_nexthop;
struct vr_packet;
struct vr_vxlan_req;
struct vrouter;

#define VR_MAX_LABELS		5120

#define VR_MPLS_HDR_LEN		4
#define VR_MPLS_LABEL_SHIFT	12
#define VR_MPLS_LABEL_MASK	0xfffff
#define VR_MPLS_STACK_BIT	0x100

/* Results of vr_mpls_tunnel_type(). */
#define PKT_MPLS_TUNNEL_L3		1
#define PKT_MPLS_TUNNEL_L2_UCAST	2

/* NULL if unknown. Under RCU. */
struct vr_nexthop *__vrouter_get_label(struct vrouter *router,
				       unsigned int label);

int vr_mpls_tunnel_type(unsigned int label, unsigned int control_data,
			unsigned short *reason);
/* Packets with the tunnel's innermost header in front. */
int vr_mpls_input(struct vrouter *router, struct vr_packet *pkt,
		  struct vr_forwarding_md *fmd);
int vr_vxlan_input(struct vrouter *router, struct vr_packet *pkt,
		   struct vr_forwarding_md *fmd);

/* Under rtnl. */
int vr_mpls_add(struct vrouter *router, const struct vr_mpls_req *req);
int vr_mpls_delete(const struct vr_mpls_req *req);
int vr_vxlan_add(struct vrouter *router, const struct vr_vxlan_req *req);
int vr_vxlan_delete(const struct vr_vxlan_req *req);
void vr_mpls_exit(void);
/* Forgets labels and VNIDs. */
void vr_label_exit(void);

#endif /* VR_LABEL_H */
