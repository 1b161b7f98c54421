// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/* kprobes, for kernels without the other backends. */
#define VRFT_NEVER_NESTED
#include "programs.h"
#include "open_frames.h"

/* On a function's start, or right after the ftrace site there. */
static __always_inline int kprobe_entry(struct pt_regs *ctx, bool sampled)
{
	__u64 *cookie = probe_cookie(ctx);
	__u32 call;

	if (!cookie || !wants(ctx, *cookie, false, sampled))
		return 0;
	call = call_word(*cookie, 0);
	if (open_frame(call, ctx->sp) && !record(call, VRFT_ENTRY, 0, ctx->sp))
		forget_frame(ctx->sp);
	return 0;
}

SEC("kprobe")
int vrft_kprobe_entry(struct pt_regs *ctx)
{
	return kprobe_entry(ctx, false);
}

SEC("kprobe")
int vrft_kprobe_entry_sampled(struct pt_regs *ctx)
{
	return kprobe_entry(ctx, true);
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
	if (jump) {
		/* A tail call to a traced function, whose return counts. */
		target = jump_target(ctx, jump - 1);
		if (bpf_map_lookup_elem(&places, &target))
			return 0;
	}
	return_frame(ctx->sp);
	return 0;
}

/* A kretprobe. */
SEC("kprobe")
int vrft_kprobe_return(struct pt_regs *ctx)
{
	return_frame(ctx->sp - sizeof(__u64));
	return 0;
}
