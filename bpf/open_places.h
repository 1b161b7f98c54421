/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Recorded calls that have not returned yet, for trampolines, whose return
 * program runs for every call. A call is known by the address of its context,
 * which is in the stack frame of the trampoline: the same at both ends, and below
 * those of the calls around it. Only some dozens of calls are open at a time, so
 * one that finds its place taken may take it: then a return is lost.
 */
#ifndef VRFT_OPEN_PLACES_H
#define VRFT_OPEN_PLACES_H

#define OPEN_PLACE_BITS	12

/* The low half of the address; the call below it: see VRFT_CALL_MASK. */
__u64 open_places[1 << OPEN_PLACE_BITS] = {};

static __always_inline __u32 frame_of(const void *ctx)
{
	return untyped((__u64)ctx);
}

static __always_inline __u64 *open_place(__u32 frame)
{
	__u32 place = (frame >> 3) * VRFT_BUCKET_FACTOR;

	return &open_places[place >> (32 - OPEN_PLACE_BITS)];
}

static __always_inline void open_call(__u32 frame, __u32 call)
{
	*open_place(frame) = (__u64)frame << 32 | call;
}

/* True if the call was open: then sets *call. */
static __always_inline bool close_call(__u32 frame, __u32 *call)
{
	__u64 *place = open_place(frame);
	__u64 open = *place;

	if (open >> 32 != frame)
		return false;
	*call = open;
	*place = 0;
	return true;
}

#endif
