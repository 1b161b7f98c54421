/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Records about packets rather than calls, each with the function that shows
 * it. Only a view that asks for them pays: without packet_events, the verifier
 * removes all of this.
 */
#ifndef VRFT_PACKET_EVENTS_H
#define VRFT_PACKET_EVENTS_H

/* Units of a record of that many bytes. */
#define UNITS(bytes)							\
	(((bytes) + sizeof(struct vrft_event) - 1) / sizeof(struct vrft_event))

/* NULL if such records are not wanted, or the ring is full. */
static __always_inline struct vrft_event *
begin_packet_record(__u32 cpu, __u32 function, __u32 slot, __u32 units)
{
	struct vrft_event *event;

	if (!config.packet_events)
		return NULL;
	event = begin_record(cpu, units);
	if (!event)
		return NULL;
	event->frame = units;
	event->function = function & VRFT_COOKIE_FUNCTION_MASK;
	event->slot = slot;
	return event;
}

static __always_inline void finish_packet_record(struct vrft_event *event,
						 __u32 cpu, __u8 kind,
						 __u64 word)
{
	finish_record(event, cpu, kind, word >> VRFT_PACKET_GENERATION_SHIFT);
}

/*
 * The first bytes of a packet, as a filter sees them; returns their number, and
 * sets the length with the rest.
 *
 * @most: constant; so many are written in any case
 */
static __always_inline __u32 record_bytes(__u8 *bytes, __u32 most,
					  __u32 *length, void *skb)
{
	struct frame *frame = take_frame(skb, most);
	__u32 start, captured;

	*length = READ(DIRECT, as_sk_buff(skb, DIRECT), len);
	if (!frame)
		return 0;
	start = GET(frame->start);
	captured = GET(frame->end) - start;
	if (captured > most)
		captured = most;
	*length = frame->length;
	if (start > VLAN_HLEN ||
	    bpf_probe_read_kernel(bytes, most, frame->buffer + start))
		captured = 0;
	put_frame(frame);
	return captured;
}

static __always_inline void record_packet(void *of, __u32 cookie, __u32 slot,
					  __u64 word)
{
	struct sk_buff *skb = as_sk_buff(of, DIRECT);
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_packet *packet;
	struct net_device *dev;

	packet = (void *)begin_packet_record(cpu, cookie, slot,
					     UNITS(sizeof(*packet) +
						   VRFT_PACKET_BYTES));
	if (!packet)
		return;
	dev = READ(DIRECT, skb, dev);
	packet->generation = word >> VRFT_PACKET_GENERATION_SHIFT;
	packet->netns = namespace(skb, dev, config.sight_netns, DIRECT);
	packet->ifindex = dev ? READ(DIRECT, dev, ifindex) : 0;
	packet->reserved = 0;
	packet->captured = record_bytes(packet->bytes, VRFT_PACKET_BYTES,
					&packet->length, of);
	finish_packet_record(&packet->event, cpu, VRFT_PACKET, word);
}

static __always_inline void record_copy(__u32 call, __u32 slot, __u64 word,
					__u64 parent)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_copy *copy;

	copy = (void *)begin_packet_record(cpu, call, slot,
					   UNITS(sizeof(*copy)));
	if (!copy)
		return;
	copy->generation = word >> VRFT_PACKET_GENERATION_SHIFT;
	copy->parent_generation = parent >> VRFT_PACKET_GENERATION_SHIFT;
	copy->parent_slot = call >> VRFT_CALL_SLOT_SHIFT;
	copy->reserved = 0;
	finish_packet_record(&copy->event, cpu, VRFT_COPY, word);
}

/* @kind: VRFT_END or VRFT_MATCH, which have nothing behind the head */
static __always_inline void record_fate(__u8 kind, __u32 cookie, __u32 slot,
					__u64 word)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_event *event;

	event = begin_packet_record(cpu, cookie, slot, 1);
	if (event)
		finish_packet_record(event, cpu, kind, word);
}

#endif
