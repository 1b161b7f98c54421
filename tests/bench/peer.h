/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* What peer.bpf.c and peer.c agree on. */
#ifndef PEER_H
#define PEER_H

#include <linux/bpf.h>

enum peer_kind {
	PEER_ENTRY = 1,
	PEER_RETURN = 2,
};

/* As large as a record of vrft. */
struct peer_event {
	__u64 timestamp;	/* ns, CLOCK_MONOTONIC */
	__u32 task;
	__u32 frame;
	__u32 function;		/* line of the list of functions, from 0 */
	__u16 cpu;
	__u8 kind;		/* enum peer_kind */
	__u8 reserved;
};

struct peer_counts {
	__u64 recorded;
	__u64 lost;		/* records that found no room */
};

/* Attach cookie of a function. */
#define PEER_COOKIE_POSITION		0x7	/* of the packet: 1..6 */
#define PEER_COOKIE_VR_PACKET		0x8
#define PEER_COOKIE_INDIRECT		0x10
#define PEER_COOKIE_FUNCTION_SHIFT	32

#endif
