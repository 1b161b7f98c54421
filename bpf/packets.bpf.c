// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * The way of packets through vrouter, with a small set of functions, on kernels
 * with BTF of modules (5.11): a trampoline for each, of one program at its entry
 * and in some cases one at its return. User space loads them from these, once
 * for each function, as fentry and fexit programs: see
 * src/probe/packet_probes.ts.
 *
 * Only where packets come in are they decided about. Elsewhere a program looks
 * whether the packet is in the trace, and does no more if it is not.
 */
#define VRFT_TRAMPOLINE
#include "programs.h"
#include "copies.h"
#include "kernel_drop.h"
#include "decision_trampoline.h"
#include "open_places.h"

/* Records an entry. False if the ring is full. */
static __always_inline bool record_trampoline(__u64 cookie,
					      const struct vrft_call *call,
					      __u32 frame)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_event *event = begin_record(cpu, 1);

	if (!event)
		return false;
	event->frame = frame;
	*(__u32 *)&event->function =
		cookie & VRFT_COOKIE_RETURNS ? call->word :
					       call->word | VRFT_NO_RETURN;
	finish_record(event, cpu, VRFT_ENTRY, call->generation);
	return true;
}

/* Records the entry of a call, and what it decides. */
static __always_inline void enter(__u64 *ctx, __u64 cookie,
				  const struct vrft_call *call, __u64 word)
{
	__u32 frame = frame_of(ctx);

	if (record_trampoline(cookie, call, frame) &&
	    cookie & VRFT_COOKIE_RETURNS)
		open_call(frame, call->word);
	if (decision_of(cookie))
		record_decision(ctx, cookie,
				call->word >> VRFT_CALL_SLOT_SHIFT, word);
}

/*
 * Whether the packet comes from the device of a vif, and not from that for RPS,
 * whose handler has no data.
 */
static __always_inline bool from_vif(struct sk_buff *packet)
{
	struct sk_buff *skb = packet;
	struct net_device *dev;

#ifdef VRFT_DIRECT
	skb = bpf_rdonly_cast(packet, bpf_core_type_id_kernel(struct sk_buff));
#endif
	dev = READ(DIRECT, skb, dev);
	return dev && READ(DIRECT, dev, rx_handler_data);
}

/* @arrives: packets get here from their devices */
static __always_inline int pass_door(__u64 *ctx, bool arrives)
{
	enum vrft_verdict verdict;
	__u64 cookie = own_cookie();
	struct vrft_call call;
	struct sk_buff *skb;
	__u64 word;

	verdict = judge((void *)ctx, cookie, DIRECT, &call);
	if (verdict != VRFT_RECORD) {
		note_work(0);
		return 0;
	}
	word = control.packets[call.word >> VRFT_CALL_SLOT_SHIFT];
	note_work(word);
	if (arrives && call.known) {
		/* A guest has sent it on: by which device, it says anew. */
		skb = packet_of((void *)ctx, cookie, DIRECT);
		if (skb && from_vif(skb))
			record_packet(skb, cookie,
				      call.word >> VRFT_CALL_SLOT_SHIFT, word);
	}
	enter(ctx, cookie, &call, word);
	return 0;
}

/* Packets come in here. */
SEC("raw_tp")
int vrft_packet_door(__u64 *ctx)
{
	return pass_door(ctx, false);
}

/* Of linux_rx_handler(), the first one of packets from devices. */
SEC("raw_tp")
int vrft_packet_arrival(__u64 *ctx)
{
	return pass_door(ctx, true);
}

SEC("raw_tp")
int vrft_packet_entry(__u64 *ctx)
{
	__u64 cookie = own_cookie();
	struct vrft_call call;
	void *packet;
	__u64 word;
	__u32 slot;

	packet = packet_of((void *)ctx, cookie, DIRECT);
	if (!packet || !find_kept(packet, cookie, &slot, &word)) {
		note_work(0);
		return 0;
	}
	if (config.conditions)
		word = check_conditions((void *)ctx, cookie, DIRECT, slot,
					word);
	if (!in_sight(sk_buff_of(packet, cookie), cookie, DIRECT))
		return 0;
	note_work(word);
	call.word = (cookie & VRFT_CALL_MASK) | slot << VRFT_CALL_SLOT_SHIFT;
	call.generation = word >> VRFT_PACKET_GENERATION_SHIFT;
	enter(ctx, cookie, &call, word);
	return 0;
}

/* Of a function whose entry is recorded. */
SEC("raw_tp")
int vrft_packet_return(__u64 *ctx)
{
	__u32 frame = frame_of(ctx);
	__u32 call;

	if (!close_call(frame, &call))
		return 0;
	record(call, VRFT_RETURN, 0, frame);
	return 0;
}

/* A packet is being freed. */
SEC("raw_tp")
int vrft_packet_end(__u64 *ctx)
{
	__u64 cookie = own_cookie();
	void *packet = packet_of((void *)ctx, cookie, DIRECT);
	__u64 word;
	__u32 slot;

	if (!packet)
		return 0;
	slot = find_packet(packet_tag(packet), &word);
	if (!word)
		return 0;
	if (alive(word))
		end_packet(cookie, slot, word);
	else if (!(cookie & VRFT_COOKIE_FREES))
		/* Another packet, which is freed at the address. */
		control.packets[slot] = word & ~VRFT_PACKET_KEPT;
	return 0;
}

/*
 * A function that copies packets has returned, with a copy or the first of a list
 * of at most so many.
 */
static __always_inline int copies(__u64 *ctx, __u64 cookie, int most)
{
	void *packet = packet_of((void *)ctx, cookie, DIRECT);
	__u64 word;
	__u32 slot;

	if (!packet || !find_kept(packet, cookie, &slot, &word) ||
	    !in_sight(packet, cookie, DIRECT))
		return 0;
	copied((cookie & VRFT_CALL_MASK) | slot << VRFT_CALL_SLOT_SHIFT,
	       result_among(ctx, cookie), most, DIRECT);
	return 0;
}

/* To verify it takes a seventh of what the other one takes. */
SEC("raw_tp")
int vrft_packet_copy(__u64 *ctx)
{
	return copies(ctx, own_cookie(), 1);
}

SEC("raw_tp")
int vrft_packet_copies(__u64 *ctx)
{
	return copies(ctx, own_cookie(), VRFT_MAX_COPIES);
}
