/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sandesh structs that the router speaks, as C structs. They hold the
 * fields that can be other than zero; the tables in vr_requests.c know all.
 */
#ifndef VR_REQUESTS_H
#define VR_REQUESTS_H

#include "vr_packet.h"
#include "vr_sandesh.h"

/* h_op */
#define SANDESH_OP_ADD		0
#define SANDESH_OP_GET		1
#define SANDESH_OP_DEL		2
#define SANDESH_OP_DUMP		3
#define SANDESH_OP_RESPONSE	4
#define SANDESH_OP_RESET	5

/* resp_code of a dump that goes on. */
#define VR_MESSAGE_DUMP_INCOMPLETE	0x40000000

/* vifr_flags of GET and DUMP: every vif is followed by its drop counters. */
#define VIF_FLAG_GET_DROP_STATS		0x00000001

struct vr_response {
	s32 h_op;
	s32 resp_code;
};

struct vr_interface_req {
	s32 h_op;
	u32 vifr_core;		/* 0: all CPUs, n: CPU n - 1; in replies less 1 */
	s32 vifr_type;
	s32 vifr_flags;
	s32 vifr_vrf;
	s32 vifr_idx;
	s32 vifr_rid;
	s32 vifr_os_idx;
	s32 vifr_mtu;
	struct vr_sandesh_list vifr_name;
	s64 vifr_ibytes;
	s64 vifr_ipackets;
	s64 vifr_ierrors;
	s64 vifr_obytes;
	s64 vifr_opackets;
	s64 vifr_oerrors;
	struct vr_sandesh_list vifr_queue_ierrors_to_lcore;
	s32 vifr_ref_cnt;
	s32 vifr_marker;
	struct vr_sandesh_list vifr_mac;
	s16 vifr_mir_id;
	s32 vifr_speed;
	s32 vifr_duplex;
	s32 vifr_parent_vif_idx;
	s32 vifr_nh_id;
	u8 vifr_transport;
	u64 vifr_dpackets;
	s32 vifr_mcast_vrf;
};

struct vr_drop_stats_req {
	s32 h_op;
	s16 vds_rid;
	s16 vds_core;
	s64 vds_drops[VP_DROP_MAX];	/* by reason; that of 0 is not sent */
};

struct vr_pkt_drop_log_req {
	s32 h_op;
	s16 vdl_core;		/* a CPU's number plus one */
	s16 vdl_log_idx;	/* first entry of the reply */
	s16 vdl_max_num_cores;
	s16 vdl_pkt_droplog_max_bufsz;
	s16 vdl_pkt_droplog_en;
	s16 vdl_pkt_droplog_sysctl_en;
	struct vr_sandesh_list vdl_pkt_droplog_arr;
	u8 vdl_type;		/* in replies VP_DROP_MAX */
};

struct vr_flow_req {
	s32 fr_op;
	s32 fr_index;		/* -1: add the flow */
	s16 fr_action;
	s16 fr_flags;
	s32 fr_rindex;		/* the reverse flow, with VR_RFLOW_VALID */
	s32 fr_family;
	u64 fr_flow_sip_l;	/* addresses and ports in network order */
	u64 fr_flow_dip_l;
	u16 fr_flow_sport;
	u16 fr_flow_dport;
	u8 fr_flow_proto;
	u16 fr_flow_vrf;
	u16 fr_flow_dvrf;
	u32 fr_src_nh_index;
	u32 fr_flow_nh_id;
	u16 fr_drop_reason;
	u8 fr_gen_id;
};

struct vr_flow_response {
	s32 fresp_op;
	u16 fresp_flags;
	u32 fresp_index;
	u8 fresp_gen_id;
};

struct vr_nexthop_req {
	s32 h_op;
	u8 nhr_type;
	u8 nhr_family;
	s32 nhr_id;
	struct vr_sandesh_list nhr_encap_oif_id;
	s32 nhr_encap_len;	/* in replies, up to nhr_encap_family */
	s32 nhr_encap_family;
	s32 nhr_vrf;
	u32 nhr_tun_sip;	/* in network order */
	u32 nhr_tun_dip;
	s32 nhr_ref_cnt;
	s32 nhr_marker;		/* DUMP: id of the last one that is known */
	u32 nhr_flags;
	struct vr_sandesh_list nhr_encap;
	struct vr_sandesh_list nhr_nh_list;	/* components */
	struct vr_sandesh_list nhr_label_list;
	s16 nhr_nh_count;	/* in replies */
};

struct vr_mpls_req {
	s32 h_op;
	s32 mr_label;
	s32 mr_nhid;
};

struct vr_vxlan_req {
	s32 h_op;
	s32 vxlanr_vnid;
	s32 vxlanr_nhid;
};

/* rtr_label_flags of a bridge's route */
#define VR_BE_LABEL_VALID_FLAG	0x2

/* vr_route_req, on the wire; the struct of that name is the one of lookups. */
struct vr_route_message {
	s32 h_op;
	s32 rtr_vrf_id;
	s32 rtr_family;
	struct vr_sandesh_list rtr_prefix;
	s32 rtr_prefix_len;
	s16 rtr_label_flags;
	s32 rtr_label;
	s32 rtr_nh_id;
	struct vr_sandesh_list rtr_mac;
};

struct vr_hugepage_config {
	s32 vhp_op;
	u32 vhp_resp;
};

extern const struct vr_sandesh_type vr_response_type;
extern const struct vr_sandesh_type vr_interface_req_type;
extern const struct vr_sandesh_type vr_drop_stats_req_type;
extern const struct vr_sandesh_type vr_pkt_drop_log_req_type;
extern const struct vr_sandesh_type vr_flow_req_type;
extern const struct vr_sandesh_type vr_flow_response_type;
extern const struct vr_sandesh_type vr_hugepage_config_type;
extern const struct vr_sandesh_type vr_nexthop_req_type;
extern const struct vr_sandesh_type vr_mpls_req_type;
extern const struct vr_sandesh_type vr_vxlan_req_type;
extern const struct vr_sandesh_type vr_route_req_type;

#endif /* VR_REQUESTS_H */
