/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * What vrouter looks up for packets and decides about them, read at the entry or
 * the return of the functions that do so. Each program belongs to one function.
 * It records packets of the trace alone, and decides about none: so it has to
 * be there beside others.
 *
 * The functions that look up a route take no packet. They are recorded while
 * this CPU works on one of the trace, as far as is known: user space knows by
 * the calls that are open whether that is so.
 */
#ifndef VRFT_DECISIONS_H
#define VRFT_DECISIONS_H

#include "own_cookie.h"

/* enum nexthop_type: the same in all versions of vrouter */
#define NH_TUNNEL	3
#define AF_INET		2

/* The task that works on a packet of the trace, one more than its id; or zero. */
struct at_work {
	__u64 task;
	__u64 padding[7];
};

struct at_work at_work[VRFT_MAX_CPUS] = {};

/* @slot_word: of the packet that the CPU works on from here on */
static __always_inline void note_work(__u64 slot_word)
{
	__u32 cpu = bpf_get_smp_processor_id() & (VRFT_MAX_CPUS - 1);

	at_work[cpu].task = slot_word & VRFT_PACKET_KEPT ?
		this_task() + 1ULL : 0;
}

static __always_inline bool works_on_traced(void)
{
	__u32 cpu = bpf_get_smp_processor_id() & (VRFT_MAX_CPUS - 1);

	return at_work[cpu].task == this_task() + 1ULL;
}

static __always_inline bool is_known(__u32 place)
{
	return place != VRFT_UNKNOWN;
}

/* A member of up to 32 bits, extended to these. */
static __always_inline __u32 member(void *object, __u32 place)
{
	__u32 shift = place >> VRFT_PLACE_SHIFT & 31;
	__u32 value;

	if (!is_known(place) || !object)
		return VRFT_UNKNOWN;
	value = read_u32(object + (place & VRFT_PLACE_OFFSET_MASK), DIRECT)
		<< shift;
	return place & VRFT_PLACE_SIGNED ? (__u32)((__s32)value >> shift) :
					   value >> shift;
}

static __always_inline void *pointer_member(void *object, __u32 place)
{
	if (!is_known(place) || !object)
		return NULL;
	return read_pointer(object + (place & VRFT_PLACE_OFFSET_MASK), DIRECT);
}

#define MEMBER(object, name)	member(object, config.decision.name)
#define POINTER(object, name)	pointer_member(object, config.decision.name)

static __always_inline void describe_nexthop(struct vrft_nexthop *to, void *nh)
{
	to->id = MEMBER(nh, nh_id);
	to->type = MEMBER(nh, nh_type);
	to->flags = MEMBER(nh, nh_flags);
	to->vif = MEMBER(POINTER(nh, nh_dev), vif_idx);
	to->source = VRFT_UNKNOWN;
	to->destination = VRFT_UNKNOWN;
	/* Of other types there is something else. */
	if (to->type == NH_TUNNEL) {
		to->source = MEMBER(nh, tun_sip);
		to->destination = MEMBER(nh, tun_dip);
	}
}

/* What explains a drop that follows. */
static __always_inline __u32 reach_of(void *nh)
{
	if (!config.drops || !nh || !is_known(config.drop.nh_reach_nh))
		return 0;
	return (__u64)read_pointer(nh + config.drop.nh_reach_nh, DIRECT);
}

static __always_inline void copy_key(__u8 *key, __u32 bytes, const void *from)
{
	__builtin_memset(key, 0, 16);
	if (from)
		bpf_probe_read_kernel(key, bytes, from);
}

/* vr_bridge_entry *bridge_lookup(mac, fmd) */
static __always_inline void decide_bridge(struct vrft_decision *to,
					  void *mac, void *fmd, void *entry)
{
	void *nh = POINTER(entry, be_nh);

	to->vrf = MEMBER(fmd, fmd_dvrf);
	describe_nexthop(&to->route.nexthop, nh);
	to->route.label = MEMBER(entry, be_label);
	to->route.label_flags = MEMBER(entry, be_flags);
	to->route.prefix_length = VRFT_UNKNOWN;
	to->route.family = VRFT_UNKNOWN;
	to->route.member = VRFT_UNKNOWN;
	to->route.reach = reach_of(nh);
	copy_key(to->route.key, 6, mac);
}

/* vr_nexthop *mtrie_lookup(vrf, request) */
static __always_inline void decide_prefix(struct vrft_decision *to, __u32 vrf,
					  void *request, void *nh)
{
	void *prefix = POINTER(request, rtr_prefix);

	to->vrf = vrf & 0xffff;
	describe_nexthop(&to->route.nexthop, nh);
	to->route.label = MEMBER(request, rtr_label);
	to->route.label_flags = MEMBER(request, rtr_label_flags);
	to->route.prefix_length = MEMBER(request, rtr_prefix_len);
	to->route.family = MEMBER(request, rtr_family);
	to->route.member = VRFT_UNKNOWN;
	to->route.reach = reach_of(nh);
	if (to->route.family == AF_INET)
		copy_key(to->route.key, 4, prefix);
	else
		copy_key(to->route.key, 16, prefix);
}

/* nh_output(pkt, nh, fmd) */
static __always_inline void decide_nexthop(struct vrft_decision *to, void *nh,
					   void *fmd)
{
	to->vrf = MEMBER(fmd, fmd_dvrf);
	describe_nexthop(&to->route.nexthop, nh);
	to->route.label = MEMBER(fmd, fmd_label);
	to->route.label_flags = MEMBER(fmd, fmd_flags);
	to->route.prefix_length = VRFT_UNKNOWN;
	to->route.family = VRFT_UNKNOWN;
	to->route.member = MEMBER(fmd, fmd_ecmp_nh_index);
	to->route.reach = 0;
	copy_key(to->route.key, 0, NULL);
}

/* *_validate_src(pkt, nh, fmd, data) */
static __always_inline void decide_source(struct vrft_decision *to,
					  void *packet, void *nh, void *fmd,
					  __u32 result)
{
	to->vrf = MEMBER(fmd, fmd_dvrf);
	describe_nexthop(&to->source.expected, nh);
	to->source.result = result;
	to->source.vif = MEMBER(POINTER(packet, vp_if), vif_idx);
	to->source.outer_source = MEMBER(fmd, fmd_outer_src_ip);
}

static __always_inline void decide_flow(struct vrft_decision *to, void *flow,
					__u32 index, void *fmd, __u32 result)
{
	to->vrf = MEMBER(fmd, fmd_dvrf);
	to->flow.index = index;
	to->flow.reverse = MEMBER(flow, fe_rflow);
	to->flow.action = MEMBER(flow, fe_action);
	to->flow.reason = MEMBER(flow, fe_drop_reason);
	to->flow.flags = MEMBER(flow, fe_flags);
	to->flow.result = result;
	to->flow.source_nexthop = MEMBER(flow, fe_src_nh_index);
	to->flow.dvrf = MEMBER(flow, fe_dvrf);
	to->flow.member = MEMBER(flow, fe_ecmp_nh_index);
	to->flow.tcp_flags = MEMBER(flow, fe_tcp_flags);
	to->flow.key_nexthop = MEMBER(flow, fe_key_nh_id);
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* vr_inet_flow_nat(fe, pkt, fmd), and that of IPv6 */
static __always_inline void decide_nat(struct vrft_decision *to, void *packet,
				       void *fmd, bool is_after)
{
	void *header = POINTER(packet, vp_head);
	union ip_header ip = {};
	__u32 length;

	to->vrf = MEMBER(fmd, fmd_dvrf);
	to->nat.is_after = is_after;
	to->nat.version = VRFT_UNKNOWN;
	to->nat.ports = 0;
	if (!header || !is_known(config.decision.vp_network_h))
		return;
	header += MEMBER(packet, vp_network_h) & 0xffff;
	if (bpf_probe_read_kernel(&ip, sizeof(ip), header))
		return;
	to->nat.version = ip.v4.version_length >> 4;
	__builtin_memset(to->nat.from, 0, sizeof(to->nat.from));
	__builtin_memset(to->nat.to, 0, sizeof(to->nat.to));
	if (to->nat.version == 4) {
		to->nat.protocol = ip.v4.protocol;
		__builtin_memcpy(to->nat.from, &ip.v4.address[0], 4);
		__builtin_memcpy(to->nat.to, &ip.v4.address[1], 4);
		/* Only the first of some fragments has ports. */
		if (!has_ports(ip.v4.protocol) || ip.v4.fragment & 0xff1f)
			return;
		length = (ip.v4.version_length & 0xf) * 4;
	} else {
		to->nat.protocol = ip.v6.next;
		__builtin_memcpy(to->nat.from, ip.v6.address[0], 16);
		__builtin_memcpy(to->nat.to, ip.v6.address[1], 16);
		if (!has_ports(ip.v6.next))
			return;
		length = sizeof(ip.v6);
	}
	to->nat.ports = read_u32(header + length, DIRECT);
}

/* vr_trap(pkt, vrf, reason, parameter) */
static __always_inline void decide_trap(struct vrft_decision *to, __u32 vrf,
					__u32 reason, void *parameter)
{
	to->vrf = vrf & 0xffff;
	to->trap.reason = reason & 0xffff;
	to->trap.parameter = parameter ? read_u32(parameter, DIRECT) :
					 VRFT_UNKNOWN;
}

/* bool vr_has_to_fragment(vif, pkt, overhead) */
static __always_inline void decide_fragment(struct vrft_decision *to,
					    void *vif, __u32 result)
{
	to->vrf = VRFT_UNKNOWN;
	to->fragment.result = result & 0xff;
	to->fragment.mtu = MEMBER(vif, vif_mtu);
}

/* linux_if_tx(vif, pkt), linux_if_rx(vif, pkt) */
static __always_inline void decide_vif(struct vrft_decision *to, void *vif,
				       bool to_host)
{
	to->vrf = MEMBER(vif, vif_vrf);
	to->vif.index = MEMBER(vif, vif_idx);
	to->vif.type = MEMBER(vif, vif_type);
	to->vif.to_host = to_host;
}

static __always_inline __u32 result_place(__u64 cookie)
{
	return cookie >> VRFT_COOKIE_RESULT_SHIFT & VRFT_COOKIE_RESULT_MASK;
}

static __always_inline __u32 decision_of(__u64 cookie)
{
	return cookie >> VRFT_COOKIE_DECISION_SHIFT & VRFT_COOKIE_DECISION_MASK;
}

/* The result, behind the arguments; with barriers as in argument(). */
static __always_inline __u64 result_among(const __u64 *arguments, __u64 cookie)
{
	switch (result_place(cookie)) {
	case 1: return untyped(arguments[1]);
	case 2: return untyped(arguments[2]);
	case 3: return untyped(arguments[3]);
	case 4: return untyped(arguments[4]);
	case 5: return untyped(arguments[5]);
	default: return untyped(arguments[6]);
	}
}

#define ARGUMENT(n)	((void *)untyped(arguments[(n) - 1]))

/*
 * A packet that is dropped before its flow is acted upon, or by that, says by its
 * drop which it is: a return would find it gone. Returns whether the flow is not
 * known yet.
 */
static __always_inline bool note_flow(const __u64 *arguments, bool second)
{
	if (second)	/* vr_flow_action(router, fe, index, pkt, fmd) */
		flow_looked_up(ARGUMENT(2), untyped(arguments[2]), ARGUMENT(4),
			       ARGUMENT(5));
	else		/* vr_flow_lookup(router, key, pkt, fmd) */
		flow_looked_up(NULL, VRFT_UNKNOWN, ARGUMENT(3), ARGUMENT(4));
	return !second;
}

/*
 * Records what the function decides: its arguments, and at a return its result
 * behind them, are as in the context of a trampoline.
 *
 * @slot: of the packet, with its word; zero for lookups
 */
static __always_inline void record_decision(const __u64 *arguments,
					    __u64 cookie, __u32 slot,
					    __u64 word)
{
	bool second = cookie & VRFT_COOKIE_SECOND_KIND;
	__u32 cpu = bpf_get_smp_processor_id();
	__u32 result = VRFT_UNKNOWN;
	struct vrft_decision *to;
	__u32 decision = decision_of(cookie) - 1;
	void *fmd;

	if (decision == VRFT_DECIDED_FLOW && !result_place(cookie) &&
	    note_flow(arguments, second))
		return;
	to = (void *)begin_packet_record(cpu, cookie, slot, UNITS(sizeof(*to)));
	if (!to)
		return;
	to->decision = decision;
	switch (decision) {
	case VRFT_DECIDED_BRIDGE:
		decide_bridge(to, ARGUMENT(1), ARGUMENT(2), ARGUMENT(3));
		break;
	case VRFT_DECIDED_PREFIX:
		decide_prefix(to, untyped(arguments[0]), ARGUMENT(2),
			      ARGUMENT(3));
		break;
	case VRFT_DECIDED_NEXTHOP:
		decide_nexthop(to, ARGUMENT(2), ARGUMENT(3));
		break;
	case VRFT_DECIDED_SOURCE:
		decide_source(to, ARGUMENT(1), ARGUMENT(2), ARGUMENT(3),
			      result_among(arguments, cookie));
		break;
	case VRFT_DECIDED_FLOW:
		if (result_place(cookie))
			result = result_among(arguments, cookie);
		if (second) {
			/* vr_flow_action(router, fe, index, pkt, fmd) */
			decide_flow(to, ARGUMENT(2), untyped(arguments[2]),
				    ARGUMENT(5), result);
		} else {
			/* vr_flow_lookup(router, key, pkt, fmd) */
			fmd = ARGUMENT(4);
			decide_flow(to, POINTER(fmd, fmd_fe),
				    MEMBER(fmd, fmd_flow_index), fmd, result);
		}
		break;
	case VRFT_DECIDED_NAT:
		decide_nat(to, ARGUMENT(2), ARGUMENT(3), result_place(cookie));
		break;
	case VRFT_DECIDED_TRAP:
		decide_trap(to, untyped(arguments[1]), untyped(arguments[2]),
			    ARGUMENT(4));
		break;
	case VRFT_DECIDED_FRAGMENT:
		decide_fragment(to, ARGUMENT(1),
				result_among(arguments, cookie));
		break;
	case VRFT_DECIDED_VIF:
		decide_vif(to, ARGUMENT(1), second);
		break;
	}
	finish_packet_record(&to->event, cpu, VRFT_DECISION, word);
}

/* The packet of a call, if it is in the trace. */
static __always_inline bool find_kept(void *packet, __u64 cookie, __u32 *slot,
				      __u64 *word)
{
	*slot = find_packet(packet_tag(sk_buff_of(packet, cookie)), word);
	return alive(*word) && *word & VRFT_PACKET_KEPT;
}

/* A program that is there for a decision alone; or for who works on what. */
static __always_inline void decide_alone(const __u64 *arguments, __u64 cookie,
					 void *packet)
{
	__u32 slot = 0;
	__u64 word = 0;

	if (!control.enabled)
		return;
	if (argument_of_packet(cookie)) {
		if (!find_kept(packet, cookie, &slot, &word)) {
			note_work(0);
			return;
		}
		if (!result_place(cookie))
			note_work(word);
	} else if (!works_on_traced()) {
		return;
	}
	if (decision_of(cookie))
		record_decision(arguments, cookie, slot, word);
}

#endif
