// SPDX-License-Identifier: GPL-2.0
/*
 * Fields of the router's sandesh structs. All of them are written, in the order
 * of the real module.
 */
#include <linux/kernel.h>

#include "vr_requests.h"

/* A field with a value; one of zeros; a list with elements; an empty list. */
#define FIELD(id, type, object, member) \
	{ id, SANDESH_##type, 0, offsetof(struct object, member) }
#define ZERO(id, type) \
	{ id, SANDESH_##type, 0, SANDESH_NO_VALUE }
#define LIST(id, element, object, member) \
	{ id, SANDESH_LIST, SANDESH_##element, offsetof(struct object, member) }
#define EMPTY(id, element) \
	{ id, SANDESH_LIST, SANDESH_##element, SANDESH_NO_VALUE }

#define SANDESH_TYPE(object) \
	const struct vr_sandesh_type object##_type = { \
		.name = #object, \
		.fields = object##_fields, \
		.count = ARRAY_SIZE(object##_fields), \
	}

static const struct vr_sandesh_field vr_response_fields[] = {
	FIELD(1, I32, vr_response, h_op),
	FIELD(2, I32, vr_response, resp_code),
};

SANDESH_TYPE(vr_response);

#define VIFR(id, type, member) \
	FIELD(id, type, vr_interface_req, vifr_##member)

static const struct vr_sandesh_field vr_interface_req_fields[] = {
	FIELD(1, I32, vr_interface_req, h_op),
	VIFR(2, U32, core),
	VIFR(3, I32, type),
	VIFR(4, I32, flags),
	VIFR(5, I32, vrf),
	VIFR(6, I32, idx),
	VIFR(7, I32, rid),
	VIFR(8, I32, os_idx),
	VIFR(9, I32, mtu),
	VIFR(10, STRING, name),
	VIFR(11, I64, ibytes),
	VIFR(12, I64, ipackets),
	VIFR(13, I64, ierrors),
	VIFR(14, I64, obytes),
	VIFR(15, I64, opackets),
	VIFR(16, I64, oerrors),
	/* queue_ipackets, queue_ierrors */
	ZERO(17, I64),
	ZERO(18, I64),
	LIST(19, I64, vr_interface_req, vifr_queue_ierrors_to_lcore),
	/* queue_opackets, queue_oerrors */
	ZERO(20, I64),
	ZERO(21, I64),
	/* port_*, up to 28 */
	ZERO(22, I64),
	ZERO(23, I64),
	ZERO(24, I64),
	ZERO(25, I64),
	ZERO(26, I64),
	ZERO(27, I64),
	ZERO(28, I64),
	/* dev_*, up to 35 */
	ZERO(29, I64),
	ZERO(30, I64),
	ZERO(31, I64),
	ZERO(32, I64),
	ZERO(33, I64),
	ZERO(34, I64),
	ZERO(35, I64),
	VIFR(36, I32, ref_cnt),
	VIFR(37, I32, marker),
	LIST(38, BYTE, vr_interface_req, vifr_mac),
	/* ip, ip6_u, ip6_l, context */
	ZERO(39, U32),
	ZERO(40, U64),
	ZERO(41, U64),
	ZERO(42, I32),
	VIFR(43, I16, mir_id),
	VIFR(44, I32, speed),
	VIFR(45, I32, duplex),
	/* vlan_id */
	ZERO(46, I16),
	VIFR(47, I32, parent_vif_idx),
	VIFR(48, I32, nh_id),
	/* cross_connect_idx, src_mac, bridge_idx, ovlan_id */
	EMPTY(49, I32),
	EMPTY(50, BYTE),
	EMPTY(51, I32),
	ZERO(52, I16),
	VIFR(53, BYTE, transport),
	/* fat_flow_protocol_port, qos_map_index, mirror metadata */
	EMPTY(54, I32),
	ZERO(55, I16),
	EMPTY(56, BYTE),
	EMPTY(57, BYTE),
	VIFR(58, U64, dpackets),
	/* hw_queues, isid, pbb_mac, vhostuser_mode */
	EMPTY(59, I16),
	ZERO(60, U32),
	EMPTY(61, BYTE),
	ZERO(62, BYTE),
	VIFR(63, I32, mcast_vrf),
	/* if_guid; then fat flow lists; 69 to 76 do not exist */
	EMPTY(64, BYTE),
	EMPTY(65, U64),
	EMPTY(66, U64),
	EMPTY(67, U64),
	EMPTY(68, U16),
	EMPTY(77, U64),
	EMPTY(78, U64),
	EMPTY(79, BYTE),
	EMPTY(80, BYTE),
	EMPTY(81, U64),
	EMPTY(82, U64),
	EMPTY(83, BYTE),
	EMPTY(84, BYTE),
	/* intf_status, bond, VLAN, loopback_ip */
	ZERO(85, BYTE),
	EMPTY(86, BYTE),
	EMPTY(87, BYTE),
	ZERO(88, BYTE),
	EMPTY(89, BYTE),
	EMPTY(90, BYTE),
	ZERO(91, U32),
	EMPTY(92, BYTE),
	ZERO(93, U32),
};

static_assert(ARRAY_SIZE(vr_interface_req_fields) == 85);

SANDESH_TYPE(vr_interface_req);

#define VDS(id, reason) \
	FIELD(id, I64, vr_drop_stats_req, vds_drops[VP_DROP_##reason])

/* From PULL (2) on, the id is the reason and 4. */
static const struct vr_sandesh_field vr_drop_stats_req_fields[] = {
	FIELD(1, I32, vr_drop_stats_req, h_op),
	FIELD(2, I16, vr_drop_stats_req, vds_rid),
	FIELD(3, I16, vr_drop_stats_req, vds_core),
	VDS(4, DISCARD),
	ZERO(5, BYTE),	/* pcpu_failure */
	VDS(6, PULL),
	VDS(7, INVALID_IF),
	VDS(8, INVALID_ARP),
	VDS(9, TRAP_NO_IF),
	VDS(10, NOWHERE_TO_GO),
	VDS(11, FLOW_QUEUE_LIMIT_EXCEEDED),
	VDS(12, FLOW_NO_MEMORY),
	VDS(13, FLOW_INVALID_PROTOCOL),
	VDS(14, FLOW_NAT_NO_RFLOW),
	VDS(15, FLOW_ACTION_DROP),
	VDS(16, FLOW_ACTION_INVALID),
	VDS(17, FLOW_UNUSABLE),
	VDS(18, FLOW_TABLE_FULL),
	VDS(19, INTERFACE_TX_DISCARD),
	VDS(20, INTERFACE_DROP),
	VDS(21, DUPLICATED),
	VDS(22, PUSH),
	VDS(23, TTL_EXCEEDED),
	VDS(24, INVALID_NH),
	VDS(25, INVALID_LABEL),
	VDS(26, INVALID_PROTOCOL),
	VDS(27, INTERFACE_RX_DISCARD),
	VDS(28, INVALID_MCAST_SOURCE),
	/* HEAD_ALLOC_FAIL: the real module leaves it out. */
	ZERO(29, I64),
	VDS(30, PCOW_FAIL),
	VDS(31, MCAST_DF_BIT),
	VDS(32, MCAST_CLONE_FAIL),
	VDS(33, NO_MEMORY),
	VDS(34, REWRITE_FAIL),
	VDS(35, MISC),
	VDS(36, INVALID_PACKET),
	VDS(37, CKSUM_ERR),
	VDS(38, NO_FMD),
	VDS(39, CLONED_ORIGINAL),
	VDS(40, INVALID_VNID),
	VDS(41, FRAGMENTS),
	VDS(42, INVALID_SOURCE),
	VDS(43, L2_NO_ROUTE),
	VDS(44, FRAGMENT_QUEUE_FAIL),
	VDS(45, VLAN_FWD_TX),
	VDS(46, VLAN_FWD_ENQ),
	VDS(47, NEW_FLOWS),
	VDS(48, FLOW_EVICT),
	VDS(49, TRAP_ORIGINAL),
	VDS(50, LEAF_TO_LEAF),
	VDS(51, BMAC_ISID_MISMATCH),
	VDS(52, PKT_LOOP),
	VDS(53, NO_CRYPT_PATH),
	VDS(54, INVALID_HBS_PKT),
	VDS(55, NO_FRAG_ENTRY),
	VDS(56, ICMP_ERROR),
	VDS(57, CLONE_FAIL),
	VDS(58, INVALID_UNDERLAY_ECMP),
};

SANDESH_TYPE(vr_drop_stats_req);

#define VDL(id, type, member) \
	FIELD(id, type, vr_pkt_drop_log_req, vdl_##member)

static const struct vr_sandesh_field vr_pkt_drop_log_req_fields[] = {
	FIELD(1, I32, vr_pkt_drop_log_req, h_op),
	ZERO(2, I16),	/* rid */
	VDL(3, I16, core),
	VDL(4, I16, log_idx),
	VDL(5, I16, max_num_cores),
	VDL(6, I16, pkt_droplog_max_bufsz),
	VDL(7, I16, pkt_droplog_en),
	VDL(8, I16, pkt_droplog_sysctl_en),
	LIST(9, BYTE, vr_pkt_drop_log_req, vdl_pkt_droplog_arr),
	VDL(10, BYTE, type),
	ZERO(11, BYTE),
	ZERO(12, BYTE),
};

SANDESH_TYPE(vr_pkt_drop_log_req);

#define FR(id, type, member) \
	FIELD(id, type, vr_flow_req, fr_##member)

static const struct vr_sandesh_field vr_flow_req_fields[] = {
	FR(1, I32, op),
	ZERO(2, I16),	/* rid */
	FR(3, I32, index),
	FR(4, I16, action),
	FR(5, I16, flags),
	FR(6, I32, rindex),
	FR(7, I32, family),
	ZERO(8, U64),	/* flow_sip_u */
	FR(9, U64, flow_sip_l),
	ZERO(10, U64),	/* flow_dip_u */
	FR(11, U64, flow_dip_l),
	FR(12, U16, flow_sport),
	FR(13, U16, flow_dport),
	FR(14, BYTE, flow_proto),
	FR(15, U16, flow_vrf),
	FR(16, U16, flow_dvrf),
	/* mirrors, up to 22; ecmp_nh_index */
	ZERO(17, U16),
	ZERO(18, U16),
	ZERO(19, U32),
	ZERO(20, U16),
	EMPTY(21, BYTE),
	ZERO(22, U16),
	ZERO(23, U32),
	FR(24, U32, src_nh_index),
	FR(25, U32, flow_nh_id),
	FR(26, U16, drop_reason),
	FR(27, BYTE, gen_id),
	/* the reverse flow, QoS, TTL and others, up to 39 */
	ZERO(28, U64),
	ZERO(29, U64),
	ZERO(30, U64),
	ZERO(31, U64),
	ZERO(32, U32),
	ZERO(33, U16),
	ZERO(34, U16),
	ZERO(35, U16),
	ZERO(36, BYTE),
	ZERO(37, I16),
	ZERO(38, I16),
	ZERO(39, BYTE),
};

SANDESH_TYPE(vr_flow_req);

static const struct vr_sandesh_field vr_flow_response_fields[] = {
	FIELD(1, I32, vr_flow_response, fresp_op),
	ZERO(2, U16),	/* rid */
	FIELD(3, U16, vr_flow_response, fresp_flags),
	FIELD(4, U32, vr_flow_response, fresp_index),
	/* bytes, packets, stats_oflow */
	ZERO(5, U32),
	ZERO(6, U32),
	ZERO(7, U32),
	FIELD(8, BYTE, vr_flow_response, fresp_gen_id),
};

SANDESH_TYPE(vr_flow_response);

static const struct vr_sandesh_field vr_hugepage_config_fields[] = {
	FIELD(1, I32, vr_hugepage_config, vhp_op),
	EMPTY(2, U64),	/* mem */
	EMPTY(3, U32),	/* psize */
	FIELD(4, U32, vr_hugepage_config, vhp_resp),
	EMPTY(5, U32),	/* mem_sz */
	EMPTY(6, BYTE),	/* file_paths */
	EMPTY(7, U32),	/* file_path_sz */
};

SANDESH_TYPE(vr_hugepage_config);

#define NHR(id, type, member) \
	FIELD(id, type, vr_nexthop_req, nhr_##member)

static const struct vr_sandesh_field vr_nexthop_req_fields[] = {
	FIELD(1, I32, vr_nexthop_req, h_op),
	NHR(2, BYTE, type),
	NHR(3, BYTE, family),
	NHR(4, I32, id),
	ZERO(5, I32),		/* rid */
	LIST(6, I32, vr_nexthop_req, nhr_encap_oif_id),
	NHR(7, I32, encap_len),
	NHR(8, I32, encap_family),
	NHR(9, I32, vrf),
	NHR(10, U32, tun_sip),
	NHR(11, U32, tun_dip),
	/* tun_sport, tun_dport */
	ZERO(12, I16),
	ZERO(13, I16),
	NHR(14, I32, ref_cnt),
	NHR(15, I32, marker),
	NHR(16, U32, flags),
	LIST(17, BYTE, vr_nexthop_req, nhr_encap),
	LIST(18, I32, vr_nexthop_req, nhr_nh_list),
	LIST(19, I32, vr_nexthop_req, nhr_label_list),
	NHR(20, I16, nh_count),
	/* tun_sip6, tun_dip6, ecmp_config_hash, PBB, and others */
	EMPTY(21, BYTE),
	EMPTY(22, BYTE),
	ZERO(23, BYTE),
	EMPTY(24, BYTE),
	ZERO(25, I32),
	ZERO(26, I32),
	ZERO(27, I32),
	EMPTY(28, BYTE),
	ZERO(29, U32),
	EMPTY(30, I32),
};

SANDESH_TYPE(vr_nexthop_req);

static const struct vr_sandesh_field vr_mpls_req_fields[] = {
	FIELD(1, I32, vr_mpls_req, h_op),
	FIELD(2, I32, vr_mpls_req, mr_label),
	ZERO(3, I16),		/* rid */
	FIELD(4, I32, vr_mpls_req, mr_nhid),
	ZERO(5, I32),		/* marker */
};

SANDESH_TYPE(vr_mpls_req);

static const struct vr_sandesh_field vr_vxlan_req_fields[] = {
	FIELD(1, I32, vr_vxlan_req, h_op),
	ZERO(2, I16),		/* rid */
	FIELD(3, I32, vr_vxlan_req, vxlanr_vnid),
	FIELD(4, I32, vr_vxlan_req, vxlanr_nhid),
};

SANDESH_TYPE(vr_vxlan_req);

#define RTR(id, type, member) \
	FIELD(id, type, vr_route_message, rtr_##member)

static const struct vr_sandesh_field vr_route_req_fields[] = {
	FIELD(1, I32, vr_route_message, h_op),
	RTR(2, I32, vrf_id),
	RTR(3, I32, family),
	LIST(4, BYTE, vr_route_message, rtr_prefix),
	RTR(5, I32, prefix_len),
	ZERO(6, I16),	/* rid */
	RTR(7, I16, label_flags),
	RTR(8, I32, label),
	RTR(9, I32, nh_id),
	/* marker, marker_plen */
	EMPTY(10, BYTE),
	ZERO(11, I32),
	LIST(12, BYTE, vr_route_message, rtr_mac),
	/* replace_plen, index */
	ZERO(13, I32),
	ZERO(14, I32),
};

SANDESH_TYPE(vr_route_req);
