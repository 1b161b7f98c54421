// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * kprobe.session, Linux 6.10: one program for both ends of a call. What an
 * entry returns other than zero suppresses the return, so a rejected packet
 * pays for its entry alone: 132,000 instructions rather than 198,000.
 *
 * What tells the two ends apart takes ctx since 7.0. libbpf knows one prototype
 * of a kfunc in an object, so there is one object for older kernels and one for
 * newer ones.
 */
#include "programs.h"
#include "cookie_table.h"

#ifdef VRFT_KFUNCS_WITHOUT_CTX
extern bool bpf_session_is_return(void) __ksym;
extern __u64 *bpf_session_cookie(void) __ksym;
#define bpf_session_is_return(ctx)	bpf_session_is_return()
#define bpf_session_cookie(ctx)		bpf_session_cookie()
#else
extern bool bpf_session_is_return(void *ctx) __ksym;
extern __u64 *bpf_session_cookie(void *ctx) __ksym;
#endif

static __always_inline int session(struct pt_regs *ctx, bool sampled)
{
	__u64 *call, cookie;

	if (bpf_session_is_return(ctx)) {
		/*
		 * Zero: before 6.14 the return runs even when the entry was
		 * missed because another program was active on this CPU; the
		 * cookie is then a recycled one, left zeroed here.
		 */
		call = bpf_session_cookie(ctx);
		if (*call)
			record(*call >> 32, VRFT_RETURN, *call);
		*call = 0;
		return 0;
	}
	cookie = cookie_at(bpf_get_func_ip(ctx));
	if (!wants(ctx, cookie, true, sampled) ||
	    !record(cookie, VRFT_ENTRY, ctx->sp))
		return 1;
	/* A stack is no place where the low half of an address is zero. */
	*bpf_session_cookie(ctx) = cookie << 32 | (__u32)ctx->sp;
	return 0;
}

SEC("kprobe.multi")
int vrft_session(struct pt_regs *ctx)
{
	return session(ctx, false);
}

SEC("kprobe.multi")
int vrft_session_sampled(struct pt_regs *ctx)
{
	return session(ctx, true);
}
