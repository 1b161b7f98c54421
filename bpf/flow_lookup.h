/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The entry of the flow table that vrouter has looked up for the packet that a
 * CPU is working on. A drop does not say: most flow entries are known only to the
 * functions that use them. These run for every packet, so what they keep are
 * addresses, and a drop reads what is behind them.
 *
 * They are called with softirqs disabled, except for packets that were held
 * until their flow was decided. Those may be interrupted by other packets, so a
 * drop uses only what is certain to be of its packet.
 */
#ifndef VRFT_FLOW_LOOKUP_H
#define VRFT_FLOW_LOOKUP_H

/* THREAD_SIZE, IRQ_STACK_SIZE */
#define STACK_BYTES		16384

struct flow_lookup {
	void *packet;		/* vr_packet; NULL if none was looked up */
	void *flow;		/* vr_flow_entry; NULL if not known */
	void *metadata;		/* vr_forwarding_md of the packet */
	__u32 index;		/* of the flow */
} __attribute__((aligned(64)));

struct flow_lookup flow_lookups[VRFT_MAX_CPUS] = {};

static __always_inline struct flow_lookup *this_flow_lookup(void)
{
	return &flow_lookups[bpf_get_smp_processor_id() & (VRFT_MAX_CPUS - 1)];
}

/* @flow: NULL if it is not known yet: the metadata will name it */
static __always_inline void flow_looked_up(void *flow, __u32 index,
					   void *packet, void *metadata)
{
	struct flow_lookup *last = this_flow_lookup();

	last->packet = packet;
	last->flow = flow;
	last->metadata = metadata;
	last->index = index;
}

/*
 * Is it in a function that has not returned yet? By the low halves: those alone
 * are known of the context of a trampoline.
 */
static __always_inline bool on_stack(void *address, __u32 top)
{
	return (__u32)((__u32)(__u64)address - top) < STACK_BYTES;
}

static __always_inline __u32 read_optional(void *from, __u32 offset)
{
	return offset == VRFT_UNKNOWN ? VRFT_UNKNOWN :
					read_u32(from + offset, false);
}

/*
 * The flow, if it is that of this packet: the metadata of the packet on the
 * stack must name it as well, because the address of a packet may have been
 * another one's before.
 *
 * @top: the stack pointer
 */
static __always_inline void set_flow(struct vrft_drop *drop, void *packet,
				     __u32 top)
{
	const struct flow_lookup *last = this_flow_lookup();
	void *flow = last->flow;
	__u32 index;

	if (!packet || last->packet != packet ||
	    !on_stack(last->metadata, top))
		return;
	/* -1 if there is none, or it is not known yet. */
	index = read_optional(last->metadata, config.drop.fmd_flow_index);
	if (flow && index != last->index)
		return;
	drop->flow = index;
	drop->no_flow = config.drop.fmd_flow_index != VRFT_UNKNOWN &&
			index == VRFT_UNKNOWN;
	drop->flow_reverse = VRFT_UNKNOWN;
	drop->flow_action = VRFT_UNKNOWN;
	drop->flow_reason = VRFT_UNKNOWN;
	drop->flow_flags = VRFT_UNKNOWN;
	if (!flow)
		return;
	drop->flow_reverse = read_optional(flow, config.drop.fe_rflow);
	drop->flow_action = read_optional(flow, config.drop.fe_action);
	drop->flow_reason = read_optional(flow, config.drop.fe_drop_reason);
	drop->flow_flags = read_optional(flow, config.drop.fe_flags);
}

#endif
