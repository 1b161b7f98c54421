// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/* kprobe.multi and kretprobe.multi, Linux 5.18 with CONFIG_FPROBE. */
#include "programs.h"
#include "copies.h"
#include "kernel_drop.h"
#include "open_calls.h"
#include "decision_trampoline.h"
#include "decision_kprobe.h"

SEC("kprobe.multi")
int vrft_multi_entry(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	enum vrft_verdict verdict;
	struct vrft_call call;

	verdict = judge(ctx, cookie, false, &call);
	if (verdict == VRFT_IGNORE || !open_call(cookie, call.word, ctx->sp))
		return 0;
	if (verdict == VRFT_RECORD &&
	    !record_entry(ctx, cookie, false, &call, ctx->sp))
		close_call(cookie, &call.word, ctx->sp);
	return 0;
}

/*
 * A return probe runs after the return address has been popped, so its slot is
 * just below the stack pointer. rethook (up to Linux 6.13) provides all
 * registers; fgraph, its successor in fprobe, provides only ax, dx, bp and sp,
 * and a correct sp only since 7.0. Kernels in between are rejected: see
 * src/probe/backends/multi.ts.
 */
SEC("kprobe.multi")
int vrft_multi_return(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 frame = ctx->sp - sizeof(__u64);
	__u64 result = result_of(ctx);
	__u32 call;

	if (!close_call(cookie, &call, frame))
		return 0;
	if (cookie & VRFT_COOKIE_COPIES)
		copied(call, result, VRFT_MAX_COPIES, false);
	if (!(cookie & VRFT_COOKIE_SILENT))
		record_call(call, VRFT_RETURN, 0, frame,
			    config.show & VRFT_SHOW_RESULT, result);
	return 0;
}
