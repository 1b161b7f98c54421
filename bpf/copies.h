/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* Packets that are copies of one that is traced. */
#ifndef VRFT_COPIES_H
#define VRFT_COPIES_H

/*
 * Segments of a packet of 64 KB that carry 512 bytes each; with more, those
 * behind are not known to be of the packet.
 */
#define VRFT_MAX_COPIES	128

/*
 * Has a copy belong to the trace. Global, so that the verifier looks at it once
 * and not for each copy of a list: of kprobe.session that is 7,000 steps in
 * place of 52,000. It has to be told by BTF, which programs that are loaded for
 * one function or module are without.
 *
 * @call: slot and function of the packet that it is a copy of
 */
__attribute__((noinline)) int follow_copy(__u64 skb, __u32 call)
{
	__u64 parent = control.packets[call >> VRFT_CALL_SLOT_SHIFT];
	__u64 tag = packet_tag((void *)skb), word;
	__u32 slot;

	slot = find_packet(tag, &word);
	if (!alive(word) || !(word & VRFT_PACKET_KEPT)) {
		slot = seat_packet(tag, parent & (VRFT_PACKET_KEPT |
						  VRFT_PACKET_MET),
				   &word);
		fetch_and_add(&here()->packets_copied, 1);
	}
	record_copy(call, slot, word, parent);
	return 0;
}

/*
 * A function that copies packets returns: its result is the copy, or the first
 * of a list. They belong to the trace if the original does.
 *
 * @most: copies in the list, as far as they are followed; a constant. Of one, no
 *	next one is looked for.
 */
static __always_inline void copied(__u32 call, __u64 skb, int most, bool direct)
{
	int i;

	if (!(control.packets[call >> VRFT_CALL_SLOT_SHIFT] & VRFT_PACKET_KEPT))
		return;
#pragma clang loop unroll(disable)
	for (i = 0; i < most; i++) {
		/* An error is a small negative number. */
		if (!skb || skb >= -4095ULL)
			return;
		follow_copy(skb, call);
		if (most == 1)
			return;
		/* Not by its name, as the verifier allows no arithmetic then. */
		skb = (__u64)read_pointer((void *)skb +
					  bpf_core_field_offset(struct sk_buff,
								next),
					  direct);
	}
	fetch_and_add(&here()->packets_unfollowed, 1);
}

#endif
