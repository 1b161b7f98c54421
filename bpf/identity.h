/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * One packet is one slot in a table, from the first call that is accepted
 * until the packet is freed: what has been decided about it then holds for all
 * of its calls, whatever device it crosses, and names it in records.
 *
 * A slot is one word: the address of the sk_buff as a tag, the decision, and a
 * generation, which counts the packets that had the slot. Slot and generation
 * are the packet's id. A word is read and written as a whole, without a lock:
 * the worst that two CPUs can do to each other is that a packet is decided about
 * anew. There is nothing to delete, and nothing to allocate. A packet may be in
 * either of two places; if both are taken by others, one of those is lost from
 * sight, and counted. (The table costs a lookup 1 to 2 ns; a hash map 25, and 200 for a
 * new packet.)
 *
 * The end of a packet is marked rather than deleted, because there is no single
 * last function: most are freed by skb_release_head_state(), which calls the
 * packet's destructor, then skb_release_data(), then kfree_skbmem() or
 * something inlined into its caller. So a packet is being freed from the first
 * of them on, and from then on only calls known to be part of freeing belong to
 * it. Any other call with that address is the first of a new packet.
 */
#ifndef VRFT_IDENTITY_H
#define VRFT_IDENTITY_H

/*
 * 40 bits of the address, from bit 6 on: no two sk_buffs start in the same 64
 * bytes, not even the halves of a fast clone.
 */
static __always_inline __u64 packet_tag(void *skb)
{
	return (__u64)skb >> 6 & VRFT_PACKET_TAG_MASK;
}

static __always_inline bool alive(__u64 word)
{
	return word && !(word & VRFT_PACKET_ENDED);
}

/* Whether the word can be replaced without losing sight of a traced packet. */
static __always_inline bool is_free(__u64 word)
{
	return !alive(word) || !(word & VRFT_PACKET_KEPT);
}

/* The first of a packet's two places; the other differs in the lowest bit. */
static __always_inline __u32 first_slot(__u64 tag)
{
	return tag * VRFT_PACKET_FACTOR >> (64 - VRFT_PACKET_SLOT_BITS);
}

/* The slot of the packet with this tag; if it is in none, *word is zero. */
static __always_inline __u32 find_packet(__u64 tag, __u64 *word)
{
	/* Both places by one address. */
	__u64 slot = first_slot(tag) & ~1U;
	const __u64 *places;

	/* Or the other slot is kept as well, which takes a register. */
	asm("" : "+r"(slot));
	places = &control.packets[slot];
	*word = places[0];
	if ((*word & VRFT_PACKET_TAG_MASK) == tag)
		return slot;
	*word = places[1];
	if ((*word & VRFT_PACKET_TAG_MASK) == tag)
		return slot + 1;
	*word = 0;
	return slot;
}

/*
 * Gives a packet a slot. Both that it may have can be taken by packets that
 * are traced: then one of those gets lost from sight.
 */
static __always_inline __u32 seat_packet(__u64 tag, __u64 decision,
					  __u64 *word)
{
	__u32 slot = first_slot(tag);
	__u64 old = control.packets[slot];
	__u64 other = control.packets[slot ^ 1];

	if ((other & VRFT_PACKET_TAG_MASK) == tag ||
	    ((old & VRFT_PACKET_TAG_MASK) != tag && !is_free(old) &&
	     is_free(other))) {
		slot ^= 1;
		old = other;
	}
	if (!is_free(old))
		fetch_and_add(&here()->packets_evicted, 1);
	*word = tag | decision |
		((old >> VRFT_PACKET_GENERATION_SHIFT) + 1)
			<< VRFT_PACKET_GENERATION_SHIFT;
	control.packets[slot] = *word;
	return slot;
}

/*
 * One of each N new packets per CPU, at a random place among them. A plain
 * counter would be as exact, but could miss every other packet where requests
 * and replies alternate; pure chance would be less exact.
 */
static __always_inline bool sampled(struct vrft_ring *count)
{
	__u64 place = count->packets_seen % config.sample;

	if (!place)
		count->kept_place = bpf_get_prandom_u32() % config.sample;
	return place == count->kept_place;
}

/* The decision about a packet, at the first call that shows enough of it. */
static __always_inline __u64 decide(struct sk_buff *skb)
{
	struct vrft_ring *count = here();
	bool kept;

	if (config.filters) {
		switch (packet_matches(skb)) {
		case NO_MATCH:
			return 0;
		case UNDECIDED:
			return VRFT_PACKET_UNDECIDED;
		}
	}
	/* If there are any connections, the first one is set. */
	if (config.own[0].version && carries_output(skb))
		return 0;
	kept = config.sample <= 1 || sampled(count);
	fetch_and_add(&count->packets_seen, 1);
	if (!kept)
		return 0;
	fetch_and_add(&count->packets_kept, 1);
	return VRFT_PACKET_KEPT;
}

/*
 * Whether a packet of the trace is still where the trace looks: the stack of
 * another namespace, a guest's say, is none of its business.
 */
static __always_inline bool in_sight(struct sk_buff *packet, __u64 cookie,
				     bool direct)
{
	struct sk_buff *skb;
	struct net *net;

	if (!config.sight_netns || has(cookie, VRFT_COOKIE_VR_PACKET))
		return true;
	skb = as_sk_buff(packet, direct);
	if (!direct)
		return namespace(skb, READ(direct, skb, dev),
				 config.sight_netns, direct) ==
		       config.sight_netns;
	net = net_of(skb, READ(direct, skb, dev), direct);
	return !net || in_sight_netns(net, direct);
}

static __always_inline void end_packet(__u32 cookie, __u32 slot,
				       __u64 word)
{
	if (word & VRFT_PACKET_ENDED)
		return;
	control.packets[slot] = word | VRFT_PACKET_ENDED;
	if (!(word & VRFT_PACKET_KEPT))
		return;
	fetch_and_add(&here()->packets_ended, 1);
	record_fate(VRFT_END, cookie, slot, word);
}

/* Returns the packet's word with the conditions that are met by now. */
static __always_inline __u64 check_conditions(struct pt_regs *ctx,
					      __u64 cookie, bool direct,
					      __u32 slot, __u64 word)
{
	__u32 unmet = config.conditions & ~(word >> VRFT_PACKET_MET_SHIFT);
	__u32 met;

	if (!unmet)
		return word;
	met = meets(ctx, cookie, direct) & unmet;
	if (!met)
		return word;
	word |= (__u64)met << VRFT_PACKET_MET_SHIFT;
	control.packets[slot] = word;
	if (met == unmet)
		record_fate(VRFT_MATCH, cookie, slot, word);
	return word;
}

/* A call to record or follow: what its record and its return need. */
struct vrft_call {
	__u32 word;		/* see VRFT_CALL_MASK */
	__u8 generation;
	bool known;		/* the packet was traced before */
};

#define NOWHERE		(~0ULL)

/*
 * The vif and the nexthop that a call is given, or else that its packet is at,
 * as in struct vrft_long_call. NOWHERE outside of vrouter.
 */
static __always_inline __u64 place_of(struct pt_regs *ctx, __u64 cookie,
				      bool direct)
{
	void *vif = companion(ctx, cookie, VRFT_COOKIE_VIF_SHIFT);
	void *nexthop = companion(ctx, cookie, VRFT_COOKIE_NEXTHOP_SHIFT);
	__u32 index = VRFT_UNKNOWN, id = VRFT_UNKNOWN;
	void *packet;

	if (cookie & VRFT_COOKIE_VR_PACKET) {
		packet = packet_of(ctx, cookie, direct);
		if (packet && !vif)
			vif = read_pointer(packet + config.vp_if_offset,
					   direct);
		if (packet && !nexthop && config.vp_nh_offset)
			nexthop = read_pointer(packet + config.vp_nh_offset,
					       direct);
	}
	if (vif)
		index = read_u16(vif + config.vif_idx_offset, direct);
	if (nexthop && config.nh_id_offset)
		id = read_u32(nexthop + config.nh_id_offset, direct);
	return (__u64)id << 32 | index;
}

/* Records its entry. False if the ring is full. */
static __always_inline bool record_entry(struct pt_regs *ctx, __u64 cookie,
					 bool direct,
					 const struct vrft_call *call,
					 __u64 frame)
{
	__u64 place;

	if (config.show & VRFT_SHOW_PLACE) {
		place = place_of(ctx, cookie, direct);
		if (place != NOWHERE)
			return record_call(call->word, VRFT_ENTRY,
					   call->generation, frame, true,
					   place);
	}
	return record(call->word, VRFT_ENTRY, call->generation, frame);
}

/* What to do about a call. */
enum vrft_verdict {
	VRFT_IGNORE,
	VRFT_RECORD,
	VRFT_FOLLOW,	/* until it returns, without a record */
	VRFT_UNCLEAR,	/* to judge_plainly() */
};

/* The call is to be recorded. @known: whether its packet was traced before */
static __always_inline enum vrft_verdict
accepted(struct vrft_call *call, __u64 cookie, __u32 slot, __u64 word,
	 bool known)
{
	call->word = (cookie & VRFT_CALL_MASK) | slot << VRFT_CALL_SLOT_SHIFT;
	call->generation = word >> VRFT_PACKET_GENERATION_SHIFT;
	call->known = known;
	return VRFT_RECORD;
}

/*
 * Decides about a packet that has a slot, unless that is done, and does what the
 * function means for it. Returns what the slot holds then.
 */
static __always_inline __u64 attend(struct pt_regs *ctx, __u64 cookie,
				    bool direct, void *skb, __u32 slot,
				    __u64 word)
{
	if (word & VRFT_PACKET_UNDECIDED) {
		word = (word ^ VRFT_PACKET_UNDECIDED) | decide(skb);
		control.packets[slot] = word;
		if (word & VRFT_PACKET_KEPT)
			record_packet(skb, cookie, slot, word);
	}
	if (config.conditions && word & VRFT_PACKET_KEPT && alive(word))
		word = check_conditions(ctx, cookie, direct, slot, word);
	if (config.drops && cookie & VRFT_COOKIE_DROPS && word & VRFT_PACKET_KEPT)
		record_drop(ctx, cookie, slot, word);
	if (cookie & VRFT_COOKIE_RELEASES)
		end_packet(cookie, slot, word);
	return word;
}

/* More than any: a packet of BIG TCP has 512 KB. */
#define MAX_PACKET_BYTES	(1 << 24)

/*
 * vrouter calls __vr_flow_forward() with a packet that a flow has dropped. Since
 * Linux 5.7 the allocator keeps a pointer in the middle of what is free, where
 * packets have their lengths. The call is of the packet that has ended there.
 */
static __always_inline bool is_freed(void *packet, bool direct)
{
	struct sk_buff *skb = as_sk_buff(packet, direct);
	__u32 len = READ(direct, skb, len);

	return len > MAX_PACKET_BYTES || READ(direct, skb, data_len) > len;
}

/* Whether a packet that has ended was traced. */
static __always_inline bool was_kept(__u64 word)
{
	return (word & (VRFT_PACKET_KEPT | VRFT_PACKET_UNDECIDED)) ==
	       VRFT_PACKET_KEPT;
}

#endif
