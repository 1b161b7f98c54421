// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * fsession.multi, Linux 7.2: one program for both ends of a call, in the
 * trampolines of many functions. User space loads it once for the kernel and
 * once for each module that has functions: see src/probe/backends/trampoline.ts.
 *
 * It runs at both ends of every call, 438 times in a round trip of 219 calls. A
 * register that it keeps something in while it calls a helper costs a push and a
 * pop each time, and with 64 bytes of stack or more the kernel gives it a stack
 * of its own, whose address it makes up each time. So the program itself uses no
 * such register and little stack: it keeps values in memory (KEPT), and what
 * records, or few calls need, is called, not inlined. With the slot of a return
 * in the session's word, that takes a round trip from 147,000 instructions to
 * 140,000 if all is recorded, and from 120,000 to 116,000, or from 128,000 to
 * 121,000, if an expression or the interface rejects it.
 */
#define VRFT_DIRECT
#define VRFT_LISTED
#include "programs.h"
#include "copies.h"
#include "kernel_drop.h"
#include "session_word.h"
#include "decision_trampoline.h"
#include "decision_kprobe.h"

extern bool bpf_session_is_return(void *ctx) __ksym;
extern __u64 *bpf_session_cookie(void *ctx) __ksym;

/*
 * The stack slot of the return address, as of a session: the trampoline keeps
 * below it the frame pointer, the result, and the arguments, where ctx is. It
 * is the same at both ends, and if a kernel had the list elsewhere, it still
 * would be.
 */
static __always_inline __u64 frame_of_list(void *ctx)
{
	return untyped((__u64)ctx) + 8 * (bpf_get_func_arg_cnt(ctx) + 2);
}

/* Its packet is traced. */
static SELDOM int enter_call(struct pt_regs *ctx, __u64 cookie, __u32 word,
			     __u8 generation)
{
	const struct vrft_call call = {
		.word = word,
		.generation = generation,
	};
	__u32 frame = frame_of_list(ctx);

	if (control.enabled && record_entry(ctx, cookie, true, &call, frame))
		*bpf_session_cookie(ctx) = session_word(word, frame, false);
	return 0;
}

/* What judge_plainly() is not enough for. */
static SELDOM int enter_any(struct pt_regs *ctx, __u64 cookie)
{
	struct vrft_call call = {};

	if (!control.enabled)
		return 0;
	switch (judge_fully(ctx, cookie, true, &call)) {
	case VRFT_RECORD:
		return enter_call(ctx, cookie, call.word, call.generation);
	case VRFT_FOLLOW:
		*bpf_session_cookie(ctx) =
			session_word(call.word, frame_of_list(ctx), true);
		return 0;
	default:
		return 0;
	}
}

/* Most returns: without the stack that following copies takes. */
static SELDOM int leave_simply(__u64 session)
{
	record(session >> 32, VRFT_RETURN, 0, (__u32)session);
	return 0;
}

static SELDOM int leave_call(struct pt_regs *ctx, __u64 session)
{
	finish_call(ctx, session);
	return 0;
}

SEC("fsession.multi")
int vrft_trampoline(struct pt_regs *ctx)
{
	struct pt_regs *KEPT kept_ctx = ctx;
	KEPT __u64 kept_cookie;
	struct vrft_call call;
	__u64 cookie, session;

	if (bpf_session_is_return(ctx)) {
		session = *bpf_session_cookie(kept_ctx);
		if (!session)
			return 0;
		return is_simple(session) ? leave_simply(session) :
					    leave_call(kept_ctx, session);
	}
	cookie = bpf_get_attach_cookie(kept_ctx);
	kept_cookie = cookie;
	if (!config.plain || has(cookie, NOT_PLAIN))
		return enter_any(kept_ctx, cookie);
	switch (judge_plainly(argument(kept_ctx, argument_of_packet(cookie)),
			      0, true, &call)) {
	case VRFT_IGNORE:
		return 0;
	case VRFT_RECORD:
		call.word |= kept_cookie & VRFT_CALL_MASK;
		return enter_call(kept_ctx, kept_cookie, call.word,
				  call.generation);
	default:
		return enter_any(kept_ctx, kept_cookie);
	}
}
