// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * For BPF_PROG_TEST_RUN, which does not support kprobes: the programs record
 * their input, or the result of a lookup, so that tests and benchmarks get real
 * records. The last one tests the filter with an artificial packet.
 */
#include "programs.h"
#include "cookie_table.h"
#include "own_cookie.h"

/*
 * Puts these types into the object's BTF, for the tests. Placed after the
 * control block, which must be first in .bss.
 */
const struct vrft_event *vrft_event_type __attribute__((unused));
const struct vrft_packet *vrft_packet_type __attribute__((unused));
const struct vrft_long_call *vrft_long_call_type __attribute__((unused));
const struct vrft_copy *vrft_copy_type __attribute__((unused));
const struct vrft_drop *vrft_drop_type __attribute__((unused));
const struct vrft_decision *vrft_decision_type __attribute__((unused));
const enum vrft_decision_kind *vrft_decided_type __attribute__((unused));
const enum vrft_kind *vrft_kind_type __attribute__((unused));
const enum vrft_condition *vrft_condition_type __attribute__((unused));
const enum vrft_drop_source *vrft_source_type __attribute__((unused));
const enum vrft_segmentation *vrft_segmentation_type __attribute__((unused));
const enum vrft_route_kind *vrft_route_type __attribute__((unused));

/*
 * The first argument is the call word, with the generation above it. A long
 * record gets all of the third one, whose lower half is the frame.
 */
SEC("raw_tp")
int vrft_test_record(__u64 *ctx)
{
	record_call(ctx[0], ctx[1], ctx[0] >> 32, ctx[2], ctx[1] & VRFT_LONG,
		    ctx[2]);
	return 0;
}

/* Looks up the cookie of a function by address, and records both halves. */
SEC("raw_tp")
int vrft_test_cookie(__u64 *ctx)
{
	__u64 cookie = cookie_at(ctx[0]);

	record(cookie & VRFT_CALL_MASK, ctx[1], 0, cookie >> 32);
	return 0;
}

/* An artificial sk_buff and its data. */
struct vrft_test_packet {
	char skb[1024];
	char bytes[1024];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vrft_test_packet);
} test_packet SEC(".maps");

/* Where that is, without as many of the lowest bits as the argument says. */
SEC("raw_tp")
int vrft_test_address(__u64 *ctx)
{
	__u32 zero = 0;
	void *packet = bpf_map_lookup_elem(&test_packet, &zero);

	return untyped((__u64)packet) >> (ctx[0] & 63);
}

/* The artificial packet, with its data and network header at these offsets. */
static __always_inline struct vrft_test_packet *packet_with(__u32 data,
							    __u16 network)
{
	struct vrft_test_packet *packet;
	__u32 zero = 0;
	void *skb;

	packet = bpf_map_lookup_elem(&test_packet, &zero);
	if (!packet)
		return NULL;
	skb = packet->skb;
	*(void **)(skb + bpf_core_field_offset(struct sk_buff, head)) =
		packet->bytes;
	*(void **)(skb + bpf_core_field_offset(struct sk_buff, data)) =
		packet->bytes + data;
	*(__u16 *)(skb + bpf_core_field_offset(struct sk_buff,
					       network_header)) = network;
	return packet;
}

/* The argument is the offset of the network header; 0 if not set. */
SEC("raw_tp")
int vrft_test_output(__u64 *ctx)
{
	struct vrft_test_packet *packet = packet_with(0, ctx[0]);

	return packet ? carries_output((void *)packet->skb) : -1;
}

/* As a driver leaves the VLAN tag of a received packet. */
static __always_inline void set_tag(void *skb, __u32 tag)
{
	struct sk_buff *kernel = skb;
	__u32 bit;

	*(__u16 *)(skb + bpf_core_field_offset(struct sk_buff, vlan_proto)) =
		swapped(tag >> 16);
	*(__u16 *)(skb + bpf_core_field_offset(struct sk_buff, vlan_tci)) = tag;
	if (bpf_core_field_exists(kernel->vlan_present)) {
		skb += __builtin_preserve_field_info(kernel->vlan_present,
						     BPF_FIELD_BYTE_OFFSET);
		bit = 63 - __builtin_preserve_field_info(kernel->vlan_present,
							 BPF_FIELD_LSHIFT_U64);
		*(__u8 *)(skb + bit / 8) |= 1 << bit % 8;
	}
}

/* Where the result is kept, behind the sk_buff. */
#define RESULT	1020

/*
 * The arguments are the offsets of the MAC header (~0 if not set), the network
 * header (0 if not set) and the data, and the protocol, 16 bits each from the
 * lowest on; the length, and that of the linear part, 32 bits each; and the
 * removed VLAN tag, 32 bits, zero if there is none. Returns the result in 2
 * bits, the kind of tunnel in 2, and its number.
 */
SEC("raw_tp")
int vrft_test_filter(__u64 *ctx)
{
	struct vrft_test_packet *packet = packet_with(ctx[0] >> 32 & 0x1ff,
						      ctx[0] >> 16);
	struct tunnel tunnel = {};
	void *skb;

	if (!packet)
		return -1;
	skb = packet->skb;
	*(__u16 *)(skb + bpf_core_field_offset(struct sk_buff, mac_header)) =
		ctx[0];
	*(__u16 *)(skb + bpf_core_field_offset(struct sk_buff, protocol)) =
		ctx[0] >> 48;
	*(__u32 *)(skb + bpf_core_field_offset(struct sk_buff, len)) = ctx[1];
	*(__u32 *)(skb + bpf_core_field_offset(struct sk_buff, data_len)) =
		ctx[1] - (ctx[1] >> 32);
	if ((__u32)ctx[2])
		set_tag(skb, ctx[2]);
	/* As with SET(): otherwise the walk is verified for each result. */
	SET(packet->skb[RESULT], packet_matches(skb));
	find_tunnel(skb, &tunnel);
	return tunnel.number << 4 | tunnel.kind << 2 | GET(packet->skb[RESULT]);
}
