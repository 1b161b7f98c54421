/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * What a session keeps of a call that is recorded, or followed, until it
 * returns: see bpf/session.bpf.c and bpf/trampoline.bpf.c.
 */
#ifndef VRFT_SESSION_WORD_H
#define VRFT_SESSION_WORD_H

/*
 * A session's own word: the call in the upper half, the stack slot of its return
 * address in the lower one, where the lowest bits, always zero, hold these. So a
 * return need not find out the slot again.
 */
#define SESSION_SILENT	1
#define SESSION_COPIES	2	/* as VRFT_COOKIE_COPIES, where it costs less */
#define SESSION_BITS	7

/* Never zero, as no stack slot has an address with a zero low half. */
static __always_inline __u64 session_word(__u32 call, __u32 frame, bool silent)
{
	if (silent)
		frame |= SESSION_SILENT;
	if (call & VRFT_COOKIE_COPIES)
		frame |= SESSION_COPIES;
	return (__u64)call << 32 | frame;
}

static SELDOM void record_result(__u32 call, __u32 frame, __u64 result)
{
	record_call(call, VRFT_RETURN, 0, frame, true, result);
}

/* Most returns: neither copies are looked for, nor is the result shown. */
static __always_inline bool is_simple(__u64 word)
{
	return !(config.show & VRFT_SHOW_RESULT ||
		 word & (SESSION_SILENT | SESSION_COPIES));
}

static __always_inline void finish_call(struct pt_regs *ctx, __u64 word)
{
	__u32 frame = word, call = word >> 32;

	if (frame & (SESSION_SILENT | SESSION_COPIES)) {
		if (frame & SESSION_COPIES)
			copied(call, result_of(ctx), VRFT_MAX_COPIES, true);
		if (frame & SESSION_SILENT)
			return;
	}
	frame &= ~SESSION_BITS;
	if (config.show & VRFT_SHOW_RESULT)
		record_result(call, frame, result_of(ctx));
	else
		record(call, VRFT_RETURN, 0, frame);
}

#endif
