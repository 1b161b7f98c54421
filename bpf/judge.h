/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The verdict about a call, where kernel memory is read by helpers, which take
 * longer than all that judge_direct.h saves. To verify that would take too long
 * for kprobe.multi on top.
 */
#ifndef VRFT_JUDGE_H
#define VRFT_JUDGE_H

/*
 * Decides about a call, by its packet.
 *
 * @call: set unless it is ignored
 */
static __always_inline enum vrft_verdict
judge(struct pt_regs *ctx, __u64 cookie, bool direct, struct vrft_call *call)
{
	void *packet = packet_of(ctx, cookie, direct);
	void *skb;
	__u64 tag, word;
	__u32 slot;
	bool known;

	if (!packet)
		return VRFT_IGNORE;
	skb = sk_buff_of(packet, cookie);
	tag = packet_tag(skb);
	slot = find_packet(tag, &word);
	known = word && (alive(word) || cookie & VRFT_COOKIE_FREES);
	if (!known) {
		if (cookie & VRFT_COOKIE_SILENT ||
		    !accepts(ctx, packet, cookie)) {
			/* Another packet, which is freed at the address. */
			if (word && cookie & VRFT_COOKIE_RELEASES)
				control.packets[slot] =
					word & ~VRFT_PACKET_KEPT;
			return VRFT_IGNORE;
		}
		known = word && is_freed(skb, direct);
		if (known && !was_kept(word))
			return VRFT_IGNORE;
		if (!known)
			slot = seat_packet(tag, VRFT_PACKET_UNDECIDED, &word);
	}
	word = attend(ctx, cookie, direct, skb, slot, word);
	if (!(word & VRFT_PACKET_KEPT) ||
	    (known && !in_sight(skb, cookie, direct)))
		return VRFT_IGNORE;
	accepted(call, cookie, slot, word, known);
	if (!(cookie & VRFT_COOKIE_SILENT))
		return VRFT_RECORD;
	return cookie & VRFT_COOKIE_COPIES ? VRFT_FOLLOW : VRFT_IGNORE;
}

#endif
