/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Does a packet match the user's expressions (pcap-filter(7))? Its headers are
 * copied once, always as an Ethernet frame, so that each word of an expression
 * has one meaning and needs to be compiled only once. User space replaces the
 * bodies of the functions packet_filter_*() before loading: see src/packet/.
 *
 * Copying, finding the inner frame and matching take some 40 ns, most of it
 * for the copy, whatever the expression.
 */
#ifndef VRFT_PACKET_FILTER_H
#define VRFT_PACKET_FILTER_H

/* Results of filters. */
#define NO_MATCH	0
#define MATCH		1
#define UNDECIDED	2	/* for lack of bytes: ask again later */

#define ETH_HLEN	14
#define VLAN_HLEN	4
#define HEADER_BYTES	(VRFT_FRAME_BYTES - VLAN_HLEN)

enum packet_tunnel {
	TUNNEL_NONE = 0,
	TUNNEL_VXLAN = 1,
	TUNNEL_MPLS = 2,	/* over GRE or UDP */
};

/* The encapsulation of an inner frame. */
struct tunnel {
	__u32 kind;	/* enum packet_tunnel */
	__u32 number;	/* VNI; the last MPLS label */
};

/* Offsets are relative to buffer. */
struct frame {
	__u32 busy;
	__u32 start;		/* of the frame to match */
	__u32 end;		/* of the bytes at hand */
	__u32 length;		/* of the frame to match, with the rest of it */
	__u32 at;		/* of the header that the walk has come to */
	__u32 captured;		/* the bytes at hand from start on */
	__u32 any, outer;	/* results of the filters for the outer frame */
	__u32 any_inner, inner;	/* and for the inner one */
	struct tunnel tunnel;
	__u32 full;		/* no more bytes would be copied if there were */
	/*
	 * Twice the size, so that the verifier needs to know nothing of an
	 * offset but that it is not larger than a frame.
	 */
	__u8 buffer[2 * VRFT_FRAME_BYTES];
};

/*
 * A program that interrupts another on the same CPU finds the frame busy, and
 * its packet is asked for again. It cannot happen among kprobe, multi and
 * session programs: the kernel skips a program, and counts it as missed, while
 * another is active on the CPU (bpf_prog_active). But raw tracepoints do not
 * take part in that. All of these run without preemption, so whoever interrupts
 * is done before the interrupted continues, and the flag needs no atomic
 * operation, which Linux 5.10 does not have. fentry and fexit programs may be
 * preempted, so they must not use it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct frame);
} frames SEC(".maps");

/*
 * Written to memory and read back, a number is any number to the verifier.
 * Otherwise it would verify a filter anew for each way to it and each result of
 * the one before. A filter for any layer and one for the outer layer, of 300
 * instructions each, take 7,100 steps in all, of 4,000 each 60,000.
 */
#define SET(place, value)	(*(volatile __u32 *)&(place) = (value))
#define GET(place)		(*(volatile __u32 *)&(place))

/*
 * Room for a filter: its code is put at the start, and the rest is left out
 * when the object is loaded. An object has 32 kilobytes more for each.
 */
#define PACKET_FILTER(name)						\
static __attribute__((noinline)) __u32					\
name(const __u8 *frame, const __u32 *captured, __u32 length)		\
{									\
	__u32 result;							\
									\
	asm volatile(".rept %c[room]\n goto +0\n .endr\n %[result] = 1"	\
		     : [result] "=r"(result)				\
		     : [room] "i"(VRFT_FILTER_ROOM), "r"(frame),	\
		       "r"(captured), "r"(length));			\
	return result;							\
}

PACKET_FILTER(packet_filter_any)
PACKET_FILTER(packet_filter_outer)
PACKET_FILTER(packet_filter_inner)

/* Applies a filter to the frame, and puts what it says into result. */
#define RUN(filter, frame, result)					\
do {									\
	__u32 _start = GET((frame)->start);				\
	__u32 _result = NO_MATCH;					\
									\
	SET((frame)->captured, (frame)->end - _start);			\
	if (_start <= VRFT_FRAME_BYTES)					\
		_result = filter((frame)->buffer + _start,		\
				 &(frame)->captured, (frame)->length);	\
	SET(result, _result);						\
} while (0)

static __always_inline void put_u16(__u8 *to, __u16 value)
{
	to[0] = value >> 8;
	to[1] = value;
}

/* Network byte order to host's, or the other way round. */
static __always_inline __u16 swapped(__u16 value)
{
	return __builtin_bswap16(value);
}

/* EtherType of an IP header; zero if it is none. */
static __always_inline __u16 ip_type(__u8 first)
{
	switch (first >> 4) {
	case 4: return ETH_P_IP;
	case 6: return ETH_P_IPV6;
	default: return 0;
	}
}

/* The VLAN tag that the kernel has taken off, TPID first; zero if none. */
static __always_inline __u32 removed_tag(struct sk_buff *skb)
{
	__u32 tpid;

	/* Linux 6.2 and newer. */
	if (bpf_core_field_exists(skb->vlan_all)) {
		if (!READ(DIRECT, skb, vlan_all))
			return 0;
	} else if (!BPF_CORE_READ_BITFIELD_PROBED(skb, vlan_present)) {
		return 0;
	}
	tpid = swapped(READ(DIRECT, skb, vlan_proto));
	return tpid << 16 | READ(DIRECT, skb, vlan_tci);
}

/*
 * Copies the start of the packet as an Ethernet frame: with its own header, or
 * a made-up one if it has none (yet), and with a removed VLAN tag put back.
 * Only the linear part is read. False if there is nothing to look at yet.
 *
 * @most: bytes to copy, up to HEADER_BYTES; a constant
 */
static __always_inline bool copy_frame(void *packet, struct frame *frame,
				       __u32 most)
{
	struct sk_buff *skb = as_sk_buff(packet, DIRECT);
	__u32 len = READ(DIRECT, skb, len);
	__u32 linear = len - READ(DIRECT, skb, data_len);
	__u16 mac = READ(DIRECT, skb, mac_header);
	__u16 network = READ(DIRECT, skb, network_header);
	void *from = READ(DIRECT, skb, head);
	__u8 *buffer = frame->buffer;
	__u8 *to = buffer + VLAN_HLEN;
	__u32 tag, size, made_up = 0;
	__s64 shift, rest;
	__u16 type;

	if (mac != (__u16)~0 && (!network || network - mac >= ETH_HLEN)) {
		from += mac;
	} else if (network) {
		from += network;
		made_up = ETH_HLEN;
	} else {
		return false;
	}
	/* Data may start in front of the frame or behind. */
	shift = (void *)READ(DIRECT, skb, data) - from;
	rest = linear + shift;
	if (rest <= 0)
		return false;
	frame->full = rest >= most - made_up;
	size = frame->full ? most - made_up : rest;
	asm volatile("" : "+r"(size));
	if (!size || size > most ||
	    bpf_probe_read_kernel(to + made_up, size, from))
		return false;
	frame->start = VLAN_HLEN;
	frame->end = VLAN_HLEN + made_up + size;
	frame->length = len + shift + made_up;
	if (made_up) {
		__builtin_memset(to, 0, 12);
		type = swapped(READ(DIRECT, skb, protocol));
		put_u16(to + 12, type ?: ip_type(to[ETH_HLEN]));
	}
	tag = removed_tag(skb);
	if (tag) {
		for (int i = 0; i < 12; i++)
			buffer[i] = to[i];
		put_u16(buffer + 12, tag >> 16);
		put_u16(buffer + 14, tag);
		frame->start = 0;
		frame->length += VLAN_HLEN;
	}
	return true;
}

/*
 * The bytes of a header at frame->at, if that many are at hand; otherwise NULL.
 */
static __always_inline __u8 *header(struct frame *frame, __u32 bytes)
{
	__u32 at = GET(frame->at);

	if (at > VRFT_FRAME_BYTES || at + bytes > frame->end)
		return NULL;
	return frame->buffer + at;
}

static __always_inline __u16 get_u16(const __u8 *from)
{
	return from[0] << 8 | from[1];
}

static __always_inline __u32 get_u32(const __u8 *from)
{
	return (__u32)get_u16(from) << 16 | get_u16(from + 2);
}

/* For a header that is not at hand: is the rest of the frame elsewhere? */
static __always_inline int missing(struct frame *frame)
{
	return frame->end - frame->start < frame->length ? UNDECIDED : NO_MATCH;
}

/*
 * These steps of the walk go from header to header, and leave frame->at behind
 * the last. They return MATCH as long as there is one more.
 */

/* An Ethernet header with a VLAN tag or without. */
static __always_inline int walk_ethernet(struct frame *frame, __u16 *type)
{
	__u8 *bytes;

	frame->at = frame->start;
	bytes = header(frame, ETH_HLEN);
	if (!bytes)
		return missing(frame);
	*type = get_u16(bytes + 12);
	frame->at += ETH_HLEN;
	if (*type != ETH_P_8021Q && *type != ETH_P_8021AD)
		return MATCH;
	bytes = header(frame, VLAN_HLEN);
	if (!bytes)
		return missing(frame);
	*type = get_u16(bytes + 2);
	frame->at += VLAN_HLEN;
	return MATCH;
}

/* IPv4 with its options, or IPv6 without extension headers. */
static __always_inline int walk_ip(struct frame *frame, __u16 type,
				   __u8 *protocol)
{
	__u8 *bytes;

	if (type == ETH_P_IP) {
		bytes = header(frame, 20);
		if (!bytes)
			return missing(frame);
		/* Only the first fragment has the next header. */
		if (get_u16(bytes + 6) & 0x1fff)
			return NO_MATCH;
		*protocol = bytes[9];
		frame->at += (bytes[0] & 0xf) * 4;
		return MATCH;
	}
	if (type != ETH_P_IPV6)
		return NO_MATCH;
	bytes = header(frame, 40);
	if (!bytes)
		return missing(frame);
	*protocol = bytes[6];
	frame->at += 40;
	return MATCH;
}

/* UDP with VXLAN, or with MPLS by one of the ports in use for it. */
static __always_inline int walk_udp(struct frame *frame)
{
	__u8 *bytes = header(frame, 8);

	if (!bytes)
		return missing(frame);
	frame->at += 8;
	switch (get_u16(bytes + 2)) {
	case 6635:
	case 51234:
		SET(frame->tunnel.kind, TUNNEL_MPLS);
		return MATCH;
	case 4789:
		bytes = header(frame, 8);
		if (!bytes)
			return missing(frame);
		frame->at += 8;
		SET(frame->tunnel.kind, TUNNEL_VXLAN);
		SET(frame->tunnel.number, get_u32(bytes + 4) >> 8);
		return MATCH;
	default:
		return NO_MATCH;
	}
}

/* GRE (RFC 2784, RFC 2890) with MPLS. */
static __always_inline int walk_gre(struct frame *frame)
{
	__u8 *bytes = header(frame, 4);
	__u32 length = 4;

	if (!bytes)
		return missing(frame);
	if (get_u16(bytes + 2) != ETH_P_MPLS_UC || bytes[1] & 7)
		return NO_MATCH;
	length += bytes[0] >> 7 << 2;			/* checksum */
	length += (bytes[0] >> 5 & 1) << 2;		/* key */
	length += (bytes[0] >> 4 & 1) << 2;		/* sequence number */
	frame->at += length;
	SET(frame->tunnel.kind, TUNNEL_MPLS);
	return MATCH;
}

/* One MPLS label. */
static __always_inline int walk_label(struct frame *frame, bool *bottom)
{
	__u8 *bytes = header(frame, 4);

	if (!bytes)
		return missing(frame);
	SET(frame->tunnel.number, get_u32(bytes) >> 12);
	*bottom = bytes[2] & 1;
	frame->at += 4;
	return MATCH;
}

/* What follows the labels: Ethernet, or IP, which gets an Ethernet header. */
static __always_inline int walk_payload(struct frame *frame)
{
	__u8 *bytes = header(frame, 1);
	__u32 start;
	__u16 type;

	if (!bytes)
		return missing(frame);
	type = ip_type(bytes[0]);
	if (!type)
		return MATCH;
	/* Over headers that have been read. */
	SET(frame->at, frame->at - ETH_HLEN);
	start = GET(frame->at);
	if (start > VRFT_FRAME_BYTES)
		return NO_MATCH;
	bytes = frame->buffer + start;
	__builtin_memset(bytes, 0, 12);
	put_u16(bytes + 12, type);
	return MATCH;
}

/*
 * Goes from the outer frame to the inner one, and overwrites the outer frame's
 * headers.
 */
static __always_inline int find_inner(struct frame *frame)
{
	bool bottom = false;
	__u8 protocol;
	__u16 type;
	int more;

	more = walk_ethernet(frame, &type);
	if (more == MATCH)
		more = walk_ip(frame, type, &protocol);
	if (more != MATCH)
		return more;
	if (protocol == IPPROTO_UDP)
		more = walk_udp(frame);
	else if (protocol == IPPROTO_GRE)
		more = walk_gre(frame);
	else
		return NO_MATCH;
	if (more == MATCH && GET(frame->tunnel.kind) == TUNNEL_MPLS) {
		more = walk_label(frame, &bottom);
		if (more == MATCH && !bottom)
			more = walk_label(frame, &bottom);
		if (more == MATCH)
			more = bottom ? walk_payload(frame) : NO_MATCH;
	}
	if (more != MATCH)
		return more;
	frame->length -= frame->at - frame->start;
	frame->start = frame->at;
	return MATCH;
}

static __always_inline int both(int a, int b)
{
	if (a == NO_MATCH || b == NO_MATCH)
		return NO_MATCH;
	return a == MATCH && b == MATCH ? MATCH : UNDECIDED;
}

static __always_inline int either(int a, int b)
{
	if (a == MATCH || b == MATCH)
		return MATCH;
	return a == NO_MATCH && b == NO_MATCH ? NO_MATCH : UNDECIDED;
}

/* The expressions' answer for a frame. */
static __always_inline int match_layers(struct frame *frame)
{
	int found, any;

	SET(frame->any, MATCH);
	SET(frame->outer, MATCH);
	if (config.filters & VRFT_FILTER_OUTER)
		RUN(packet_filter_outer, frame, frame->outer);
	if (config.filters & VRFT_FILTER_ANY)
		RUN(packet_filter_any, frame, frame->any);
	if (GET(frame->outer) == NO_MATCH)
		return NO_MATCH;
	if (GET(frame->any) == MATCH && !(config.filters & VRFT_FILTER_INNER))
		return GET(frame->outer);
	found = find_inner(frame);
	if (found != MATCH)
		SET(frame->tunnel.kind, TUNNEL_NONE);
	SET(frame->any_inner, found);
	SET(frame->inner, found);
	if (found == MATCH) {
		if (config.filters & VRFT_FILTER_INNER)
			RUN(packet_filter_inner, frame, frame->inner);
		if (config.filters & VRFT_FILTER_ANY)
			RUN(packet_filter_any, frame, frame->any_inner);
	}
	any = either(GET(frame->any), GET(frame->any_inner));
	if (config.filters & VRFT_FILTER_INNER)
		any = both(any, GET(frame->inner));
	return both(any, GET(frame->outer));
}

static __always_inline void put_frame(struct frame *frame)
{
	SET(frame->busy, 0);
}

/*
 * The frame of this CPU with the headers of a packet; NULL if there are none.
 *
 * @most: as of copy_frame()
 */
static __always_inline struct frame *take_frame(void *skb, __u32 most)
{
	__u32 zero = 0;
	struct frame *frame = bpf_map_lookup_elem(&frames, &zero);

	if (!frame || GET(frame->busy))
		return NULL;
	SET(frame->busy, 1);
	SET(frame->tunnel.kind, TUNNEL_NONE);
	if (copy_frame(skb, frame, most))
		return frame;
	put_frame(frame);
	return NULL;
}

/* Applies the expressions to a packet. */
static __always_inline int packet_matches(struct sk_buff *skb)
{
	struct frame *frame = take_frame(skb, HEADER_BYTES);
	int result;

	if (!frame)
		return UNDECIDED;
	result = match_layers(frame);
	/* More bytes than that are never looked at. */
	if (result == UNDECIDED && frame->full)
		result = NO_MATCH;
	put_frame(frame);
	return result;
}

/* The tunnel that a packet is in, as its headers say. */
static __always_inline __u32 find_tunnel(struct sk_buff *skb,
					 struct tunnel *tunnel)
{
	struct frame *frame = take_frame(skb, HEADER_BYTES);

	tunnel->kind = TUNNEL_NONE;
	if (!frame)
		return TUNNEL_NONE;
	if (find_inner(frame) == MATCH) {
		tunnel->kind = GET(frame->tunnel.kind);
		tunnel->number = GET(frame->tunnel.number);
	}
	put_frame(frame);
	return tunnel->kind;
}

#endif
