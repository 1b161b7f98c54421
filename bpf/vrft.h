/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * What the BPF programs and user space agree on: the layout of a record, the
 * meaning of a cookie, and the counters. src/probe/record.ts and
 * src/probe/layout.ts repeat the numbers for TypeScript;
 * tests/native/layout_test.ts holds them against the BTF of the built object.
 */
#ifndef VRFT_H
#define VRFT_H

#define VRFT_RECORD_VERSION	1

enum vrft_kind {
	VRFT_ENTRY = 1,
	VRFT_RETURN = 2,
};

/*
 * One record of the ring buffer. Records may grow a payload behind this head:
 * its presence and size follow from the record length in the ring's own
 * header, its format from the kind, so readers can skip what they don't know.
 */
struct vrft_event {
	__u64 timestamp;	/* ns, CLOCK_MONOTONIC */
	__u32 task;		/* thread id; 0 for every CPU's idle task */
	__u32 frame;		/* low half of the return address' stack slot */
	__u32 function;		/* index into user space's table */
	__u16 cpu;
	__u8 kind;		/* enum vrft_kind */
	__u8 reserved;		/* zero */
};

/*
 * Attach cookie of a function: everything the program must know about it, so
 * that no table is looked up per call.
 */
#define VRFT_COOKIE_FUNCTION_MASK	0xffffffffULL
#define VRFT_COOKIE_REGISTER_SHIFT	32	/* 3 bits: 1..6 */
#define VRFT_COOKIE_REGISTER_MASK	0x7
#define VRFT_COOKIE_VR_PACKET		(1ULL << 35)
#define VRFT_COOKIE_INDIRECT		(1ULL << 36)
/*
 * What a sampled trace must know besides: see bpf/sampling.h. From a call that
 * releases on, the packet is being freed; a call that frees may still come
 * then; a silent one is probed for the sake of that and not recorded.
 */
#define VRFT_COOKIE_RELEASES		(1ULL << 37)
#define VRFT_COOKIE_FREES		(1ULL << 38)
#define VRFT_COOKIE_SILENT		(1ULL << 39)
/*
 * Cookie of a probe on the end of a function: how it leaves. Zero for a
 * return, else one more than the number of the register, in the order of the
 * instruction set (rax 0, rcx 1, ...), that holds the address jumped to.
 */
#define VRFT_COOKIE_JUMP_SHIFT		40	/* 5 bits */
#define VRFT_COOKIE_JUMP_MASK		0x1f

/* One per possible CPU, a cache line each, mapped by user space. */
struct vrft_counters {
	__u64 recorded;		/* records submitted */
	__u64 lost;		/* records that found no room */
	__u64 untracked;	/* accepted calls not followed: table full */
	/* Of a sampled trace: */
	__u64 packets_seen;	/* packets decided about */
	__u64 packets_kept;
	__u64 kept_place;	/* of the packet to keep among the next N */
	__u64 padding[2];
};

/* A network device, as the filter compares it. */
struct vrft_interface {
	__u32 netns;		/* inode number of the network namespace */
	__u32 ifindex;
};

/* Filters are first asked of a bitmap, indexed by the low bits. */
#define VRFT_BITMAP_BITS	65536
#define VRFT_BITMAP_WORDS	(VRFT_BITMAP_BITS / 64)

/*
 * Cookies of a session's functions by address, in a table without collisions:
 * two hashes of the address' low half, which is unlike any other's. One names
 * a bucket, and user space has chosen that bucket's factor of the other so
 * that each function has a slot of its own: see src/probe/cookie_table.ts.
 */
#define VRFT_BUCKET_FACTOR	2654435761U
#define VRFT_BUCKET_BITS	12
#define VRFT_SLOT_BITS		15

/* Shared with user space while tracing; in .bss, mapped by libbpf. */
struct vrft_control {
	__u32 enabled;		/* entries are recorded */
	__u32 reader_waits;	/* the reader sleeps: wake it */
	__u64 interface_bits[VRFT_BITMAP_WORDS];	/* by ifindex */
	__u64 vif_bits[VRFT_BITMAP_WORDS];		/* by vif index */
	__u32 slot_factors[1 << VRFT_BUCKET_BITS];	/* by bucket */
	__u64 cookies[1 << VRFT_SLOT_BITS];
};

/* A TCP connection, either way round, as its packets have it. */
struct vrft_connection {
	__u32 address[2][4];	/* of its ends; IPv4 has the first word alone */
	__u16 port[2];
	__u32 version;		/* of IP; zero: there is none */
};

#define VRFT_OWN_CONNECTIONS	4

/* Set before loading; in .rodata, so the verifier removes what is unused. */
struct vrft_config {
	__u32 record_version;	/* checked by user space before loading */
	__u32 vp_if_offset;	/* of vp_if in struct vr_packet */
	__u32 vif_idx_offset;	/* of vif_idx in struct vr_interface */
	__u32 vrouter_netns;	/* namespace of the vifs' devices */
	/*
	 * The namespace of all chosen interfaces, where the bitmap alone tells
	 * them; zero where the table has to be asked.
	 */
	__u32 only_netns;
	__u32 sample;		/* N of "one packet in N", in sampled traces */
	/* What the trace's own output goes over: not traced. */
	struct vrft_connection own[VRFT_OWN_CONNECTIONS];
	/*
	 * Devices on which packets of chosen vifs and of others are: see
	 * of_chosen_vif(). Zero where there are none.
	 */
	__u32 shared;		/* whether there are such devices */
	__u32 rps_device;	/* their ifindexes */
	__u32 gro_devices[2];
};

#endif
