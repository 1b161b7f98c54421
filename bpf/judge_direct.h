/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The verdict about a call, with plain loads: the shorter the way of most calls,
 * the better.
 */
#ifndef VRFT_JUDGE_DIRECT_H
#define VRFT_JUDGE_DIRECT_H

/*
 * A packet that is traced, and not more: there is nothing to decide about it,
 * and it is not being freed.
 */
static __always_inline bool is_settled(__u64 word)
{
	__u32 state = word >> VRFT_PACKET_STATE_SHIFT;

	/* As 32 bits, whose masks need no instructions of their own. */
	asm("" : "+r"(state));
	return (state & VRFT_PACKET_STATE_MASK) ==
	       VRFT_PACKET_KEPT >> VRFT_PACKET_STATE_SHIFT;
}

/* Functions whose calls mean more than that the packet has got there. */
#define MORE_THAN_A_CALL						\
	(VRFT_COOKIE_RELEASES | VRFT_COOKIE_SILENT | VRFT_COOKIE_DROPS)

/* The slot of a packet, and what it holds. */
struct seat {
	__u32 slot;
	bool known;		/* the packet was traced before */
	__u64 word;
};

/*
 * Decides about a packet that is not settled, and does what the function means
 * for it; true if it is traced.
 */
static SELDOM bool settle(struct pt_regs *ctx, __u64 cookie, void *skb,
			  struct seat *seat)
{
	__u64 word = seat->word;
	__u32 slot = seat->slot;

	if (!seat->known)
		slot = seat_packet(packet_tag(skb), VRFT_PACKET_UNDECIDED,
				   &word);
	word = attend(ctx, cookie, DIRECT, skb, slot, word);
	seat->slot = slot;
	seat->word = word;
	return word & VRFT_PACKET_KEPT;
}

/* Decided about, and not traced. */
static __always_inline bool is_refused(__u64 word)
{
	return alive(word) && !(word & (VRFT_PACKET_KEPT | VRFT_PACKET_UNDECIDED));
}

/* Functions for which judge_plainly() is not enough. */
#define NOT_PLAIN							\
	(MORE_THAN_A_CALL | VRFT_COOKIE_FREES | VRFT_COOKIE_VR_PACKET |	\
	 VRFT_COOKIE_INDIRECT |						\
	 (__u64)VRFT_COOKIE_COMPANION_MASK << VRFT_COOKIE_VIF_SHIFT)

/*
 * The verdict about most calls: with config.plain, a call whose packet is in
 * another namespace is ignored whatever is known about the packet, so it is not
 * looked up. Of the 216 calls of a round trip 105 end there. What few calls need
 * is left to judge_fully().
 */
static __always_inline enum vrft_verdict
judge_plainly(void *packet, __u64 cookie, bool direct, struct vrft_call *call)
{
	void *KEPT kept_packet = packet;
	struct net_device *KEPT kept_dev;
	struct sk_buff *KEPT kept_skb;
	struct net *KEPT kept_net;
	struct net_device *dev;
	struct sk_buff *skb;
	struct net *net;
	__u64 word;
	__u32 slot;

	/* NULL reads as a packet of no device, and none has its tag. */
	skb = as_sk_buff(packet, direct);
	dev = READ(direct, skb, dev);
	net = net_of(skb, dev, direct);
	if (net && !in_sight_netns(net, direct))
		return VRFT_IGNORE;
	kept_dev = dev;
	kept_skb = skb;
	kept_net = net;
	slot = find_packet(packet_tag(kept_packet), &word);
	if (is_settled(word))
		return accepted(call, cookie, slot, word, true);
	if (is_refused(word) ||
	    (!alive(word) &&
	     (!kept_net || !of_interface(kept_skb, kept_dev, direct))))
		return VRFT_IGNORE;
	return VRFT_UNCLEAR;
}

/* The verdict about any call: never VRFT_UNCLEAR. */
static __always_inline enum vrft_verdict
judge_fully(struct pt_regs *ctx, __u64 cookie, bool direct,
	    struct vrft_call *call)
{
	bool known = true;
	struct seat seat;
	void *packet, *skb;
	__u64 tag, word;
	__u32 slot;

	packet = packet_of(ctx, cookie, direct);
	if (!packet)
		return VRFT_IGNORE;
	skb = sk_buff_of(packet, cookie);
	tag = packet_tag(skb);
	slot = find_packet(tag, &word);
	if (!is_settled(word) || config.conditions ||
	    has(cookie, MORE_THAN_A_CALL)) {
		known = word && (alive(word) || has(cookie, VRFT_COOKIE_FREES));
		if (!known && (has(cookie, VRFT_COOKIE_SILENT) ||
			       !accepts(ctx, packet, cookie))) {
			/* Another packet, which is freed at the address. */
			if (word && has(cookie, VRFT_COOKIE_RELEASES))
				control.packets[slot] =
					word & ~VRFT_PACKET_KEPT;
			return VRFT_IGNORE;
		}
		if (!known && word && is_freed(skb, direct))
			return was_kept(word) ?
				accepted(call, cookie, slot, word, true) :
				VRFT_IGNORE;
		if (is_refused(word) && !has(cookie, VRFT_COOKIE_RELEASES))
			return VRFT_IGNORE;
		seat.slot = slot;
		seat.known = known;
		seat.word = word;
		if (!settle(ctx, cookie, skb, &seat))
			return VRFT_IGNORE;
		slot = seat.slot;
		word = seat.word;
	}
	if (known && !in_sight(skb, cookie, direct))
		return VRFT_IGNORE;
	accepted(call, cookie, slot, word, known);
	if (!has(cookie, VRFT_COOKIE_SILENT))
		return VRFT_RECORD;
	return cookie & VRFT_COOKIE_COPIES ? VRFT_FOLLOW : VRFT_IGNORE;
}

/*
 * Decides about a call, by its packet.
 *
 * @call: set unless it is ignored
 */
static __always_inline enum vrft_verdict
judge(struct pt_regs *ctx, __u64 cookie, bool direct, struct vrft_call *call)
{
	enum vrft_verdict verdict;

	if (!control.enabled)
		return VRFT_IGNORE;
	if (config.plain && !has(cookie, NOT_PLAIN)) {
		verdict = judge_plainly(argument(ctx, argument_of_packet(cookie)),
					cookie, direct, call);
		if (verdict != VRFT_UNCLEAR)
			return verdict;
	}
	return judge_fully(ctx, cookie, direct, call);
}

#endif
