/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * One packet in N, with all its calls. The decision is made at the first call
 * of a packet and stored under the address of its sk_buff until that is freed.
 *
 * The end of a packet is marked rather than deleted, because there is no single
 * last function: most are freed by skb_release_head_state(), which calls the
 * packet's destructor, then skb_release_data(), then kfree_skbmem() or
 * something inlined into its caller. So a packet is being freed from the first
 * of them on, and from then on only calls known to be part of freeing belong to
 * it. Any other call with that address is the first of a new packet, whose
 * decision replaces the old one in place: no deletion and no insertion, which
 * in a flood would cost more than the lookup.
 *
 * A flood ping in a guest (Linux 6.12, session, all functions; medians of five,
 * times the untraced duration): every packet recorded 6.8, one in a hundred
 * 5.6, a filter that rejects all of them 5.0. The lookup is the difference
 * between the last two.
 */
#ifndef VRFT_SAMPLING_H
#define VRFT_SAMPLING_H

#define VRFT_PACKET_KEPT	1
#define VRFT_PACKET_FREED	2	/* or being freed */

/* LRU, because packets whose end is missed are never removed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);		/* set by user space */
	__type(key, __u64);
	__type(value, __u8);
} packets SEC(".maps");

/* A clone has its own sk_buff and counts as its own packet. */
static __always_inline __u64 packet_identity(void *packet, __u64 cookie)
{
	if (cookie & VRFT_COOKIE_VR_PACKET)
		packet -= bpf_core_field_offset(struct sk_buff, cb);
	return (__u64)packet;
}

/*
 * One of each N new packets per CPU, at a random place among them. A plain
 * counter would be as exact, but could miss every other packet where requests
 * and replies alternate; pure chance would be less exact.
 */
static __always_inline __u8 decide(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_ring *count = ring_of(cpu);
	__u64 place;

	if (!config.sample)
		return 0;
	place = count->packets_seen++ % config.sample;
	if (!place)
		count->kept_place = bpf_get_prandom_u32() % config.sample;
	if (place != count->kept_place)
		return 0;
	count->packets_kept++;
	return VRFT_PACKET_KEPT;
}

/* accepts(), for calls of kept packets. */
static __always_inline bool accepts_sampled(struct pt_regs *ctx, __u64 cookie,
					    bool direct)
{
	void *packet = packet_of(ctx, cookie, direct);
	__u64 identity;
	bool accepted;
	__u8 state, *known;

	if (!packet)
		return false;
	accepted = !(cookie & VRFT_COOKIE_SILENT) &&
		   accepts_packet(packet, cookie, direct);
	/* A packet may no longer belong to a selected interface when freed. */
	if (!accepted && !(cookie & VRFT_COOKIE_RELEASES))
		return false;
	identity = packet_identity(packet, cookie);
	known = bpf_map_lookup_elem(&packets, &identity);
	if (known && (!(*known & VRFT_PACKET_FREED) ||
		      cookie & (VRFT_COOKIE_RELEASES | VRFT_COOKIE_FREES)))
		state = *known;
	else if (accepted)
		state = decide();
	else
		return false;
	if (cookie & VRFT_COOKIE_RELEASES)
		state |= VRFT_PACKET_FREED;
	if (known)
		*known = state;
	else if (bpf_map_update_elem(&packets, &identity, &state, BPF_ANY))
		return false;
	return accepted && state & VRFT_PACKET_KEPT;
}

static __always_inline bool wants(struct pt_regs *ctx, __u64 cookie,
				  bool direct, bool sampled)
{
	return sampled ? accepts_sampled(ctx, cookie, direct) :
			 accepts(ctx, cookie, direct);
}

#endif
