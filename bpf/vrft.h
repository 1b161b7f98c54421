/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The interface between the BPF programs and user space: records, cookies,
 * counters and configuration. src/probe/record.ts and src/probe/layout.ts
 * repeat the numbers for TypeScript; tests/native/layout_test.ts compares them
 * with the BTF of the built object.
 */
#ifndef VRFT_H
#define VRFT_H

#define VRFT_RECORD_VERSION	3

enum vrft_kind {
	VRFT_ENTRY = 1,
	VRFT_RETURN = 2,
	VRFT_PACKET = 3,	/* seen for the first time; its bytes follow */
	VRFT_COPY = 4,		/* made from another packet */
	VRFT_DROP = 5,
	VRFT_END = 6,		/* freed, or gone */
	VRFT_MATCH = 7,		/* has met all conditions */
	VRFT_DECISION = 8,	/* what vrouter has looked up or decided */
};

/*
 * The head of each record, and all of a call's. Records of other kinds may go
 * on behind it, in whole units of its size: the low byte of their frame is the
 * number of units, head included, so readers can skip unknown kinds.
 */
struct vrft_event {
	__u64 timestamp;	/* ns, CLOCK_MONOTONIC */
	__u32 task;		/* thread id; 0 for every CPU's idle task */
	union {
		__u32 frame;	/* low half of the return address' stack slot */
		__u8 units;	/* 1..VRFT_MAX_UNITS; not for calls */
	};
	__u16 function;		/* index into user space's table */
	__u16 slot;		/* of the packet: see VRFT_PACKET_SLOT_BITS */
	__u16 cpu;
	__u8 kind;		/* enum vrft_kind */
	__u8 generation;	/* of the slot; zero for returns */
};

#define VRFT_MAX_UNITS		16

/* Bit of an entry's function: its return is not recorded. */
#define VRFT_NO_RETURN		(1U << 15)

/*
 * Bit of an entry's or a return's kind: the call's record has a second unit,
 * with what only some traces ask for (VRFT_SHOW_*).
 */
#define VRFT_LONG		0x80

struct vrft_long_call {
	struct vrft_event event;
	union {
		/* VRFT_ENTRY; VRFT_UNKNOWN if there is none: */
		struct {
			__u32 vif;	/* index */
			__u32 nexthop;	/* id */
		};
		__u64 result;		/* VRFT_RETURN: all of RAX */
	};
	__u64 reserved[2];
};

/*
 * Records about packets. The head's slot and generation name the packet; its
 * function is VRFT_NO_FUNCTION outside of all. An end has no more than that.
 */
#define VRFT_NO_FUNCTION	0x7fff

/* VRFT_PACKET */
struct vrft_packet {
	struct vrft_event event;
	__u32 generation;	/* all of it */
	__u32 length;
	__u32 netns;		/* of the device: inode number */
	__u32 ifindex;
	__u16 captured;		/* number of bytes that follow */
	__u16 reserved;
	__u8 bytes[];		/* of the packet, from its first header on */
};

/*
 * Bytes of a packet that are recorded: its headers, also those of TCP and IPv6
 * in a tunnel, and eight units of a record.
 */
#define VRFT_PACKET_BYTES	148
/* Of one that is dropped, whose record has the stack as well. */
#define VRFT_DROP_BYTES		100

/* VRFT_COPY */
struct vrft_copy {
	struct vrft_event event;
	__u32 generation;	/* all of it */
	__u32 parent_generation;
	__u16 parent_slot;
	__u16 reserved;
};

/* VRFT_DROP, with the packet as it is then. */
#define VRFT_DROP_STACK		16

struct vrft_drop {
	struct vrft_event event;
	__u32 reason;		/* in the enumeration of the source */
	__u32 source;		/* enum vrft_drop_source */
	__u64 location;		/* kernel: behind the call that drops it */
	/* VRFT_UNKNOWN, or a zero address, if unknown: */
	__u32 vif;		/* index of the vif that is charged */
	__u32 vrf;		/* of that vif */
	__u32 nexthop;		/* id of the one that the packet is at */
	__u32 nexthop_type;	/* and, like all of 32 bits that are smaller */
	__u64 nexthop_reach;	/* in vrouter, with what follows it */
	__u32 flow;		/* index of the entry it was checked against */
	__u32 flow_reverse;
	__u32 flow_action;
	__u32 flow_reason;
	__u32 flow_flags;
	__u32 route_kind;	/* enum vrft_route_kind */
	__u32 route_vrf;
	__u32 route_length;	/* of the prefix that won */
	__u8 route_key[16];	/* address that was looked up */
	__u64 route_reach;
	__u32 route_nexthop;	/* VRFT_UNKNOWN if nothing was found */
	__u32 route_type;
	__u32 route_family;
	/* Of the packet, as in struct vrft_packet: */
	__u32 netns;
	__u32 ifindex;
	__u32 iif;
	__u32 length;
	__u16 captured;
	__u8 no_flow;		/* one was looked up, and there is none yet */
	__u8 segmentation;	/* enum vrft_segmentation */
	__u64 stack[VRFT_DROP_STACK];	/* return addresses, zero behind them */
	__u8 bytes[];
};

enum vrft_drop_source {
	VRFT_DROP_VROUTER,
	VRFT_DROP_KERNEL,
};

/* What became of the packet when the kernel last cut one into segments. */
enum vrft_segmentation {
	VRFT_SEGMENTATION_UNKNOWN,
	VRFT_SEGMENTATION_OTHER,	/* that was another packet */
	VRFT_SEGMENTED,
	VRFT_SEGMENTATION_FAILED,
};

enum vrft_route_kind {
	VRFT_ROUTE_NONE,
	VRFT_ROUTE_BRIDGE,
	VRFT_ROUTE_PREFIX,
};

#define VRFT_UNKNOWN		0xffffffff

/*
 * VRFT_DECISION. A lookup takes no packet, so its slot is that of no packet, and
 * user space knows it by the call that is open on the task: then generation and
 * slot are zero, and the function is VRFT_NO_FUNCTION. Fields of vrouter that
 * are smaller than 32 bits are extended, those with a sign by that: -1, which
 * stands for none, is VRFT_UNKNOWN, and so is what the BTF of the module does not
 * describe, or is not there.
 */
enum vrft_decision_kind {
	VRFT_DECIDED_BRIDGE,	/* bridge_lookup() has returned */
	VRFT_DECIDED_PREFIX,	/* mtrie_lookup() has returned */
	VRFT_DECIDED_NEXTHOP,	/* nh_output() starts */
	VRFT_DECIDED_SOURCE,	/* *_validate_src() has returned */
	/*
	 * vr_flow_action() starts, without a result; it has returned, or
	 * vr_flow_lookup() has, and the packet is still there.
	 */
	VRFT_DECIDED_FLOW,
	VRFT_DECIDED_NAT,	/* vr_inet_flow_nat() starts, likewise */
	VRFT_DECIDED_TRAP,	/* vr_trap() starts */
	VRFT_DECIDED_FRAGMENT,	/* vr_has_to_fragment() has returned */
	VRFT_DECIDED_VIF,	/* linux_if_tx(), linux_if_rx() start */
};

/* A nexthop as it is then. */
struct vrft_nexthop {
	__u32 id;		/* VRFT_UNKNOWN: none, and so is the rest */
	__u32 type;
	__u32 flags;
	__u32 vif;		/* index of its device's vif */
	__u32 source;		/* of a tunnel: IPv4, big endian */
	__u32 destination;
};

struct vrft_decision {
	struct vrft_event event;
	__u32 decision;		/* enum vrft_decision_kind */
	__u32 vrf;		/* of the lookup, of the metadata, of the trap */
	union {
		/* BRIDGE, PREFIX, NEXTHOP */
		struct vrft_decided_route {
			struct vrft_nexthop nexthop;
			__u32 label;		/* of the route, the metadata */
			__u32 label_flags;	/* beside the label */
			__u32 prefix_length;	/* PREFIX: that won */
			__u32 family;		/* PREFIX */
			__u8 key[16];		/* MAC or IP address */
			__u32 member;		/* NEXTHOP: of ECMP */
			/*
			 * BRIDGE, PREFIX: the function in vrouter that is
			 * next, the low half of its address, of which the high
			 * half is all ones; 0 if that is not asked for.
			 */
			__u32 reach;
		} route;
		/* SOURCE */
		struct vrft_decided_source {
			struct vrft_nexthop expected;
			__u32 result;		/* 0 no, 1 yes, 2 moved */
			__u32 vif;		/* of the packet */
			__u32 outer_source;	/* IPv4, big endian */
		} source;
		/* FLOW */
		struct vrft_decided_flow {
			__u32 index;
			__u32 reverse;
			__u32 action;
			__u32 reason;
			__u32 flags;
			__u32 result;		/* flow_result_t */
			__u32 source_nexthop;	/* RPF */
			__u32 dvrf;		/* if translated */
			__u32 member;		/* of ECMP */
			__u32 tcp_flags;
			__u32 key_nexthop;
		} flow;
		/* NAT */
		struct vrft_decided_nat {
			__u32 is_after;
			__u32 version;		/* of IP */
			__u32 protocol;
			__u32 ports;		/* as in the header */
			__u8 from[16];
			__u8 to[16];
		} nat;
		/* TRAP */
		struct vrft_decided_trap {
			__u32 reason;
			__u32 parameter;	/* first word of it */
		} trap;
		/* FRAGMENT */
		struct vrft_decided_fragment {
			__u32 result;		/* bool */
			__u32 mtu;		/* of the vif that it leaves by */
		} fragment;
		/* VIF */
		struct vrft_decided_vif {
			__u32 index;
			__u32 type;
			__u32 to_host;		/* linux_if_rx() */
		} vif;
	};
};

/*
 * Attach cookie of a function: everything that the program needs to know about
 * it, so that it needs no further lookup. The low half, with the slot of the
 * packet above it, is what a call is known by until it returns.
 */
#define VRFT_COOKIE_FUNCTION_MASK	0x7fffULL
/* It returns a copy of the packet, or a list of them: see bpf/identity.h. */
#define VRFT_COOKIE_COPIES		(1ULL << 15)
#define VRFT_CALL_MASK			0xffffULL
#define VRFT_CALL_SLOT_SHIFT		16
#define VRFT_COOKIE_VR_PACKET		(1ULL << 35)
#define VRFT_COOKIE_INDIRECT		(1ULL << 36)
/*
 * A call of a RELEASES function starts freeing the packet; a FREES function may
 * be called while that is in progress; a SILENT function is only probed for
 * what it does with packets, and not recorded.
 */
#define VRFT_COOKIE_RELEASES		(1ULL << 37)
#define VRFT_COOKIE_FREES		(1ULL << 38)
#define VRFT_COOKIE_SILENT		(1ULL << 39)
#define VRFT_COOKIE_VIF_SHIFT		40	/* register of a vif; 0 if none */
#define VRFT_COOKIE_NEXTHOP_SHIFT	43	/* of a nexthop */
#define VRFT_COOKIE_METADATA_SHIFT	46	/* of a vr_forwarding_md */
#define VRFT_COOKIE_COMPANION_MASK	0x7
/* It drops the packet, for the reason in the register behind its others. */
#define VRFT_COOKIE_DROPS		(1ULL << 49)
/*
 * Of programs that belong to one function each: see bpf/own_cookie.h. The place
 * of the result among the words of the context, behind the arguments; zero at an
 * entry. What the function decides, one more than enum vrft_decision_kind, and
 * which of two kinds of function it is: linux_if_rx(), vr_flow_action(). Whether
 * its return is recorded.
 */
#define VRFT_COOKIE_RESULT_SHIFT	50
#define VRFT_COOKIE_RESULT_MASK		0xf
#define VRFT_COOKIE_DECISION_SHIFT	54
#define VRFT_COOKIE_DECISION_MASK	0xf
#define VRFT_COOKIE_SECOND_KIND		(1ULL << 58)
#define VRFT_COOKIE_RETURNS		(1ULL << 59)
/*
 * Which argument the packet is: 1..6 are in registers, and 7..12 on the stack,
 * where only the programs of trampolines find them. At the end of the cookie,
 * which takes no mask.
 */
#define VRFT_COOKIE_ARGUMENT_SHIFT	60
/* What stands for it before it is known: a packet in the first register. */
#define VRFT_COOKIE_UNKNOWN		0x1000000500007ffeULL
/*
 * Cookie of a probe on the end of a function: zero for a return; for a jump
 * through a register, one more than its number in the order of the instruction
 * set (rax 0, rcx 1, ...); for another jump, VRFT_JUMP_ELSEWHERE.
 */
#define VRFT_COOKIE_JUMP_SHIFT		40	/* 5 bits */
#define VRFT_COOKIE_JUMP_MASK		0x1f
#define VRFT_JUMP_ELSEWHERE		17

/*
 * The ring of a CPU: positions and counters. Its units are in the map
 * ring_blocks, see bpf/record.h. What the programs write has a cache line of
 * its own.
 */
struct vrft_ring {
	__u64 head;		/* units reserved since the start */
	__u64 extra;		/* of those, not the first of a record */
	__u64 lost;		/* records lost because the ring was full */
	__u64 untracked;	/* accepted calls not followed: table full */
	__u64 packets_seen;	/* with a decision */
	__u64 packets_kept;	/* those of them that are traced */
	__u64 kept_place;	/* of the packet to keep among the next N */
	__u64 padding;
	/* Written by user space: */
	__u64 tail;		/* units read */
	__u64 limit;		/* with so many in use it is full; 0: no memory */
	__u32 first_block;
	__u32 block_mask;	/* number of its blocks - 1 */
	__u64 more_padding[5];
	/* What becomes of packets: */
	__u64 packets_copied;	/* copies of traced ones, traced as well */
	__u64 packets_ended;
	__u64 packets_evicted;	/* lost from sight: too many at once */
	__u64 packets_unfollowed;	/* calls whose copies are unknown */
	__u64 last_padding[4];
};

#define VRFT_MAX_CPUS		1024

/* Binary logarithm of the most units that a block has. */
#define VRFT_BLOCK_BITS		17

/*
 * Units left free for programs that interrupt one another between the look at
 * the tail and the reservation: a task, a softirq, an interrupt and an NMI,
 * each with the longest record.
 */
#define VRFT_NESTING_UNITS	(4 * VRFT_MAX_UNITS)

/* A network device: a key of the filter's table. */
struct vrft_interface {
	__u32 netns;		/* inode number of the network namespace */
	__u32 ifindex;
};

/* Filter bitmaps are indexed by the low bits of an ifindex or vif index. */
#define VRFT_BITMAP_BITS	65536
#define VRFT_BITMAP_WORDS	(VRFT_BITMAP_BITS / 64)

/*
 * Cookies of a session's functions by address, in a perfect hash table, with
 * two hashes of the low half of the address, which is unique. The first selects
 * a bucket with the factor of the second, which selects the slot. User space
 * has chosen the factors so that no two functions share a slot: see
 * src/probe/cookie_table.ts.
 */
#define VRFT_BUCKET_FACTOR	2654435761U
#define VRFT_BUCKET_BITS	12
#define VRFT_SLOT_BITS		15

/*
 * A packet's slot in the table: see bpf/identity.h. Its word has bits 6 to 45
 * of the address, the decision, and the generation of the slot.
 */
#define VRFT_PACKET_SLOT_BITS		16
#define VRFT_PACKET_FACTOR		11400714819323198485ULL
#define VRFT_PACKET_TAG_MASK		((1ULL << 40) - 1)
#define VRFT_PACKET_STATE_SHIFT		40	/* of the next three */
#define VRFT_PACKET_STATE_MASK		7
#define VRFT_PACKET_KEPT		(1ULL << 40)	/* is traced */
#define VRFT_PACKET_ENDED		(1ULL << 41)	/* or is being freed */
#define VRFT_PACKET_UNDECIDED		(1ULL << 42)	/* ask again */
#define VRFT_PACKET_MET_SHIFT		43	/* VRFT_CONDITION_*, 5 bits */
#define VRFT_PACKET_MET			(31ULL << VRFT_PACKET_MET_SHIFT)
#define VRFT_PACKET_GENERATION_SHIFT	48	/* 16 bits */

/* Shared with user space while tracing; in .bss, mapped by libbpf. */
struct vrft_control {
	__u32 enabled;		/* entries are recorded */
	__u32 reader_waits;	/* the reader sleeps: wake it */
	__u64 interface_bits[VRFT_BITMAP_WORDS];	/* by ifindex */
	__u64 vif_bits[VRFT_BITMAP_WORDS];		/* by vif index */
	__u32 slot_factors[1 << VRFT_BUCKET_BITS];	/* by bucket */
	__u64 cookies[1 << VRFT_SLOT_BITS];
	__u64 padding[7];	/* not by an attribute: clang would use .data */
	struct vrft_ring rings[VRFT_MAX_CPUS];
	__u64 packets[1 << VRFT_PACKET_SLOT_BITS];
};

_Static_assert(__builtin_offsetof(struct vrft_control, rings) % 64 == 0,
	       "a ring has cache lines of its own");

/* A TCP connection, for packets in both directions. */
struct vrft_connection {
	__u32 address[2][4];	/* big endian; IPv4 has one word per end */
	__u16 port[2];		/* big endian */
	__u32 version;		/* of IP; zero if the entry is unused */
};

#define VRFT_OWN_CONNECTIONS	4

/*
 * Packet filters, of three functions: one for any layer of a packet, one for
 * the outer layer, one for the inner layer. Each function has room for that many
 * instructions.
 */
#define VRFT_FILTER_ANY		(1ULL << 0)
#define VRFT_FILTER_OUTER	(1ULL << 1)
#define VRFT_FILTER_INNER	(1ULL << 2)
#define VRFT_FILTER_ROOM	4096

/* Of a frame, that filters look at: its headers and a VLAN tag put back. */
#define VRFT_FRAME_BYTES	(256 + 4)

/*
 * Conditions that a packet may meet at any time until its end: one of the
 * numbers of each kind that has any.
 */
enum vrft_condition {
	VRFT_CONDITION_VIF,
	VRFT_CONDITION_VRF,
	VRFT_CONDITION_NH,
	VRFT_CONDITION_LABEL,
	VRFT_CONDITION_VNI,
	VRFT_CONDITIONS,
};

#define VRFT_MAX_NUMBERS	16

struct vrft_numbers {
	__u32 count;
	__u32 numbers[VRFT_MAX_NUMBERS];
};

/*
 * Offsets of what explains a drop, VRFT_UNKNOWN if the module's BTF lacks it.
 * Fields of up to 32 bits: user space knows their sizes.
 */
struct vrft_drop_offsets {
	__u32 nh_type, nh_reach_nh;
	__u32 fe_action, fe_flags, fe_rflow, fe_drop_reason;
	__u32 fmd_flow_index;
	__u32 be_nh;
	__u32 rtr_family, rtr_prefix, rtr_prefix_len;
};

/*
 * Where vrouter's structs have what a decision is about, as VRFT_PLACE_*;
 * VRFT_UNKNOWN if the module's BTF lacks it.
 */
struct vrft_decision_places {
	__u32 nh_id, nh_type, nh_flags, nh_dev, tun_sip, tun_dip;
	__u32 vif_idx, vif_vrf, vif_type, vif_mtu;
	__u32 vp_head, vp_if, vp_network_h;
	__u32 fmd_fe, fmd_flow_index, fmd_label, fmd_flags, fmd_ecmp_nh_index;
	__u32 fmd_dvrf, fmd_outer_src_ip;
	__u32 fe_action, fe_flags, fe_rflow, fe_drop_reason, fe_src_nh_index;
	__u32 fe_dvrf, fe_ecmp_nh_index, fe_tcp_flags, fe_key_nh_id;
	__u32 be_nh, be_label, be_flags;
	__u32 rtr_family, rtr_prefix, rtr_prefix_len, rtr_label;
	__u32 rtr_label_flags;
};

/* Offset in bytes, how many of 32 bits are too many, and whether it has a sign. */
#define VRFT_PLACE_OFFSET_MASK	0xffff
#define VRFT_PLACE_SHIFT	16	/* 5 bits */
#define VRFT_PLACE_SIGNED	(1 << 24)

/* What calls are recorded with. */
#define VRFT_SHOW_PLACE		(1ULL << 0)	/* vif and nexthop, at the entry */
#define VRFT_SHOW_RESULT	(1ULL << 1)

/* Set before loading; in .rodata, so the verifier removes unused branches. */
struct vrft_config {
	__u32 record_version;	/* checked by user space before loading */
	__u32 vp_if_offset;	/* of vp_if in struct vr_packet */
	__u32 vif_idx_offset;	/* of vif_idx in struct vr_interface */
	__u32 vrouter_netns;	/* namespace of the vifs' devices */
	/*
	 * The namespace of all selected interfaces, if the bitmap alone
	 * identifies them, and then sight_netns; otherwise zero, and the table
	 * is used.
	 */
	__u32 only_netns;
	__u32 sample;		/* N of "one packet in N" */
	/*
	 * A packet of the trace stays in it while it is in this namespace, on
	 * whatever device; zero if that is so in all of them.
	 */
	__u32 sight_netns;
	__u32 recorded;		/* functions from here on are silent */
	__u32 packet_events;	/* whether these are recorded */
	__u32 drops;		/* whether vrouter's drops are recorded */
	/* Connections that carry the trace's output; not traced. */
	struct vrft_connection own[VRFT_OWN_CONNECTIONS];
	/*
	 * Devices with packets of both selected and other vifs: see
	 * of_chosen_vif(). Zero if there are none.
	 */
	__u32 shared;		/* whether there are such devices */
	__u32 rps_device;	/* ifindex */
	__u32 gro_devices[2];
	__u32 filters;		/* VRFT_FILTER_*: those that are there */
	__u32 unit_mask;	/* number of units of a block - 1 */
	__u32 conditions;	/* a bit for each kind that must be met */
	__u32 vif_vrf_offset;	/* of vif_vrf in struct vr_interface */
	__u32 vp_nh_offset;	/* of vp_nh in struct vr_packet */
	__u32 nh_id_offset;	/* of nh_id in struct vr_nexthop */
	__u32 fmd_dvrf_offset;	/* of fmd_dvrf in struct vr_forwarding_md */
	struct vrft_numbers wanted[VRFT_CONDITIONS];
	struct vrft_drop_offsets drop;
	struct vrft_decision_places decision;
	__u32 show;		/* VRFT_SHOW_* */
	/*
	 * Whether only_netns is set, devices are not shared, and there are no
	 * conditions: see judge_plainly().
	 */
	__u32 plain;
};

#endif
