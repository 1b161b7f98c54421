// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/* kprobes, for kernels without the other backends. */
#define VRFT_NEVER_NESTED
#include "programs.h"
#include "kernel_drop.h"
#include "copies.h"
#include "open_frames.h"
#include "decision_kprobe.h"

/* On a function's start, or right after the ftrace site there. */
SEC("kprobe")
int vrft_kprobe_entry(struct pt_regs *ctx)
{
	__u64 *cookie = probe_cookie(ctx);
	enum vrft_verdict verdict;
	struct vrft_call call;

	if (!cookie)
		return 0;
	verdict = judge(ctx, *cookie, false, &call);
	if (verdict == VRFT_IGNORE || !open_frame(call.word, ctx->sp))
		return 0;
	if (verdict == VRFT_RECORD &&
	    !record_entry(ctx, *cookie, false, &call, ctx->sp))
		forget_frame(ctx->sp);
	return 0;
}

/* On an instruction that leaves a function: see src/kernel/exits.ts. */
SEC("kprobe")
int vrft_kprobe_exit(struct pt_regs *ctx)
{
	__u64 *cookie = probe_cookie(ctx);
	__u64 target;
	__u32 jump;

	if (!cookie)
		return 0;
	jump = *cookie >> VRFT_COOKIE_JUMP_SHIFT & VRFT_COOKIE_JUMP_MASK;
	if (jump && jump != VRFT_JUMP_ELSEWHERE) {
		/* A tail call to a traced function, whose return counts. */
		target = jump_target(ctx, jump - 1);
		if (bpf_map_lookup_elem(&places, &target))
			return 0;
	}
	/*
	 * After a jump, the result is that of another function. Read again, so
	 * that the verifier does not go on with each kind of jump on its own.
	 */
	jump = *(volatile __u64 *)cookie >> VRFT_COOKIE_JUMP_SHIFT &
	       VRFT_COOKIE_JUMP_MASK;
	return_frame(ctx->sp, result_of(ctx), !jump,
		     !jump || jump == VRFT_JUMP_ELSEWHERE);
	return 0;
}

/* A kretprobe. */
SEC("kprobe")
int vrft_kprobe_return(struct pt_regs *ctx)
{
	return_frame(ctx->sp - sizeof(__u64), result_of(ctx), true,
		     true);
	return 0;
}
