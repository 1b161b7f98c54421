/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The record of a dropped packet: who, why, where, and what vrouter had found
 * out about the packet until then. Drops are rare, so all of it is read there,
 * with helpers; only what would be gone by then is kept on the way: see
 * bpf/flow_lookup.h and bpf/lookup.h.
 */
#ifndef VRFT_DROP_H
#define VRFT_DROP_H

#include "flow_lookup.h"

/* A packet, and who drops it. */
struct dropped {
	struct sk_buff *skb;
	void *vif;		/* that is charged; NULL if there is none */
	void *nexthop;		/* NULL if unknown */
	enum vrft_drop_source source;
	enum vrft_segmentation segmentation;
	__u32 reason;
	__u64 location;
};

/*
 * What an sk_buff's control buffer says of it, if it is a vr_packet: some of
 * vrouter's functions drop packets before they have initialised it. It starts
 * with the head pointer of the sk_buff.
 */
static __always_inline void *vr_packet_of(struct sk_buff *skb)
{
	void *cb = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);

	return read_pointer(cb, false) == BPF_CORE_READ(skb, head) ? cb : NULL;
}

static __always_inline void set_nexthop(void *nexthop, __u32 *id, __u32 *type,
					__u64 *reach)
{
	*id = VRFT_UNKNOWN;
	*type = VRFT_UNKNOWN;
	*reach = 0;
	if (!nexthop)
		return;
	if (config.nh_id_offset)
		*id = read_u32(nexthop + config.nh_id_offset, false);
	if (config.drop.nh_type != VRFT_UNKNOWN)
		*type = read_u32(nexthop + config.drop.nh_type,
				 false);
	if (config.drop.nh_reach_nh != VRFT_UNKNOWN)
		*reach = (__u64)read_pointer(nexthop + config.drop.nh_reach_nh,
					     false);
}

static __always_inline void set_packet(struct vrft_drop *drop,
				       struct sk_buff *skb)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	drop->netns = namespace(skb, dev, config.vrouter_netns, false);
	drop->ifindex = dev ? BPF_CORE_READ(dev, ifindex) : 0;
	drop->iif = BPF_CORE_READ(skb, skb_iif);
	drop->no_flow = 0;
	drop->captured = record_bytes(drop->bytes, VRFT_DROP_BYTES,
				      &drop->length, skb);
}

/*
 * Starts the record; NULL if there is no room for it.
 *
 * @ctx: of the running program, for the stack
 */
static __always_inline struct vrft_drop *
begin_drop(void *ctx, __u32 cpu, const struct dropped *dropped, __u32 function,
	   __u32 slot)
{
	struct vrft_drop *drop;

	drop = (void *)begin_record(cpu, VRFT_MAX_UNITS);
	if (!drop)
		return NULL;
	drop->event.frame = VRFT_MAX_UNITS;
	drop->event.function = function & VRFT_COOKIE_FUNCTION_MASK;
	drop->event.slot = slot;
	drop->reason = dropped->reason;
	drop->source = dropped->source;
	drop->location = dropped->location;
	drop->segmentation = dropped->segmentation;
	drop->vif = VRFT_UNKNOWN;
	drop->vrf = VRFT_UNKNOWN;
	if (dropped->vif) {
		drop->vif = read_u16(dropped->vif + config.vif_idx_offset,
				     false);
		if (config.vif_vrf_offset)
			drop->vrf = read_u16(dropped->vif +
					     config.vif_vrf_offset, false);
	}
	set_nexthop(dropped->nexthop, &drop->nexthop, &drop->nexthop_type,
		    &drop->nexthop_reach);
	drop->flow = VRFT_UNKNOWN;
	drop->route_kind = VRFT_ROUTE_NONE;
	set_packet(drop, dropped->skb);
	bpf_get_stack(ctx, drop->stack, sizeof(drop->stack), 0);
	return drop;
}

static __always_inline void finish_drop(struct vrft_drop *drop, __u32 cpu,
					__u64 word)
{
	finish_record(&drop->event, cpu, VRFT_DROP,
		      word >> VRFT_PACKET_GENERATION_SHIFT);
}

/*
 * The packet that vrouter has dropped last on each CPU, as its word was then:
 * the kernel frees it with kfree_skb(), but it is one drop.
 */
struct last_drop {
	__u64 word;
	__u64 padding[7];
};

struct last_drop last_drops[VRFT_MAX_CPUS] = {};

static __always_inline bool was_dropped_by_vrouter(__u32 cpu, __u64 word)
{
	__u64 last = last_drops[cpu & (VRFT_MAX_CPUS - 1)].word;

	/* The tag and the generation. */
	return !((last ^ word) & ~(VRFT_PACKET_MET | VRFT_PACKET_ENDED));
}

/* Below all functions that have not returned yet. */
static __always_inline __u32 stack_top(struct pt_regs *ctx)
{
#if defined(VRFT_TRAMPOLINE) || defined(VRFT_LISTED)
	return untyped((__u64)ctx);
#else
	return ctx->sp;
#endif
}

/*
 * The record of a call of one of vrouter's functions that drop packets:
 * lh_pfree(vr_packet, reason) and lh_pfree_skb(sk_buff, vif, reason). A function
 * of its own, as such calls are rare.
 */
static __attribute__((noinline)) void
record_drop(struct pt_regs *ctx, __u64 cookie, __u32 slot, __u64 word)
{
	bool is_vr_packet = cookie & VRFT_COOKIE_VR_PACKET;
	struct dropped dropped = { .source = VRFT_DROP_VROUTER };
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_drop *drop;
	void *packet;

	dropped.skb = sk_buff_of(packet_of(ctx, cookie, false), cookie);
	dropped.reason = (__u64)argument(ctx, is_vr_packet ? 2 : 3) & 0xffff;
	packet = vr_packet_of(dropped.skb);
	if (!is_vr_packet)
		dropped.vif = companion(ctx, cookie, VRFT_COOKIE_VIF_SHIFT);
	else if (packet)
		dropped.vif = read_pointer(packet + config.vp_if_offset, false);
	if (packet && config.vp_nh_offset)
		dropped.nexthop = read_pointer(packet + config.vp_nh_offset,
					       false);
	last_drops[cpu & (VRFT_MAX_CPUS - 1)].word = word;
	drop = begin_drop(ctx, cpu, &dropped, cookie, slot);
	if (!drop)
		return;
	set_flow(drop, packet, stack_top(ctx));
	finish_drop(drop, cpu, word);
}

#endif
