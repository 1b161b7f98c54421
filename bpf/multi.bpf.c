// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/* kprobe.multi and kretprobe.multi, Linux 5.18 with CONFIG_FPROBE. */
#include "programs.h"
#include "open_calls.h"

static __always_inline int multi_entry(struct pt_regs *ctx, bool sampled)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u32 call;

	if (!wants(ctx, cookie, false, sampled))
		return 0;
	call = call_word(cookie, 0);
	if (open_call(cookie, call, ctx->sp) &&
	    !record(call, VRFT_ENTRY, 0, ctx->sp))
		close_call(cookie, &call, ctx->sp);
	return 0;
}

SEC("kprobe.multi")
int vrft_multi_entry(struct pt_regs *ctx)
{
	return multi_entry(ctx, false);
}

SEC("kprobe.multi")
int vrft_multi_entry_sampled(struct pt_regs *ctx)
{
	return multi_entry(ctx, true);
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
	__u32 call;

	if (close_call(cookie, &call, frame))
		record(call, VRFT_RETURN, 0, frame);
	return 0;
}
