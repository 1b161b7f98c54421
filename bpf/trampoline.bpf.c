// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * fsession.multi, Linux 7.2: one program for both ends of a call, in the
 * trampolines of many functions. User space loads it once for the kernel and
 * once for each module that has functions: see src/probe/backends/trampoline.ts.
 *
 * It runs at both ends of every call, so what records is called, not inlined:
 * that takes registers, which the program would save each time.
 */
#define VRFT_DIRECT
#define VRFT_LISTED
#include "programs.h"
#include "copies.h"
#include "kernel_drop.h"
#include "decision_trampoline.h"
#include "decision_kprobe.h"

extern bool bpf_session_is_return(void *ctx) __ksym;
extern __u64 *bpf_session_cookie(void *ctx) __ksym;

/*
 * A session's own word: the call in the lower half, and above it these. It is
 * in the stack frame of the trampoline, and zero when the entry starts, so also
 * at the return if the entry was missed.
 */
#define SESSION_FOLLOWED	(1ULL << 32)
#define SESSION_SILENT		(1ULL << 33)

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

/* False if the ring is full. */
static SELDOM bool enter_call(struct pt_regs *ctx, __u64 cookie, __u32 word,
			      __u8 generation)
{
	const struct vrft_call call = {
		.word = word,
		.generation = generation,
	};

	return record_entry(ctx, cookie, true, &call, frame_of_list(ctx));
}

static SELDOM int leave_call(struct pt_regs *ctx, __u64 session)
{
	bool shown = config.show & VRFT_SHOW_RESULT;
	__u64 result = 0;

	if (shown || session & VRFT_COOKIE_COPIES)
		result = result_of(ctx);
	if (session & VRFT_COOKIE_COPIES)
		copied(session, result, VRFT_MAX_COPIES, true);
	if (!(session & SESSION_SILENT))
		record_call(session, VRFT_RETURN, 0, frame_of_list(ctx), shown,
			    result);
	return 0;
}

SEC("fsession.multi")
int vrft_trampoline(struct pt_regs *ctx)
{
	struct vrft_call call = {};
	enum vrft_verdict verdict;
	__u64 cookie, session;

	if (bpf_session_is_return(ctx)) {
		session = *bpf_session_cookie(ctx);
		return session ? leave_call(ctx, session) : 0;
	}
	cookie = bpf_get_attach_cookie(ctx);
	verdict = judge(ctx, cookie, true, &call);
	if (verdict == VRFT_IGNORE)
		return 0;
	session = call.word | SESSION_FOLLOWED;
	if (verdict == VRFT_FOLLOW)
		session |= SESSION_SILENT;
	else if (!enter_call(ctx, cookie, call.word, call.generation))
		return 0;
	*bpf_session_cookie(ctx) = session;
	return 0;
}
