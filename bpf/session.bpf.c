// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * kprobe.session, Linux 6.10: one program for both ends of a call. If it
 * returns non-zero at the entry, it does not run at the return, so a rejected
 * packet only pays for the entry: 132,000 instructions rather than 198,000.
 *
 * The kfuncs of a session take ctx since 7.0. libbpf allows one prototype per
 * kfunc in an object, so there is one object for older kernels and one for
 * newer ones.
 */
#define VRFT_DIRECT
#include "programs.h"
#include "kernel_drop.h"
#include "cookie_table.h"
#include "decision_trampoline.h"
#include "decision_kprobe.h"

#ifdef VRFT_KFUNCS_WITHOUT_CTX
extern bool bpf_session_is_return(void) __ksym;
extern __u64 *bpf_session_cookie(void) __ksym;
#define bpf_session_is_return(ctx)	bpf_session_is_return()
#define bpf_session_cookie(ctx)		bpf_session_cookie()
#else
extern bool bpf_session_is_return(void *ctx) __ksym;
extern __u64 *bpf_session_cookie(void *ctx) __ksym;
#endif

/*
 * A session's own word: the call in the upper half, the stack slot of its return
 * address in the lower one, where the lowest bits, always zero, hold these.
 */
#define SESSION_SILENT	1

SEC("kprobe.multi")
int vrft_session(struct pt_regs *ctx)
{
	enum vrft_verdict verdict;
	struct vrft_call call;
	__u64 *session, cookie, result;

	if (bpf_session_is_return(ctx)) {
		/*
		 * Before 6.14 this also runs if the entry was missed because
		 * another program was active on this CPU. The cookie is then
		 * left over from an earlier call, hence the reset.
		 */
		result = result_of(ctx);
		session = bpf_session_cookie(ctx);
		cookie = *session;
		*session = 0;
		if (!cookie)
			return 0;
		if (cookie >> 32 & VRFT_COOKIE_COPIES)
			copied(cookie >> 32, result, VRFT_MAX_COPIES, true);
		if (!(cookie & SESSION_SILENT))
			record_call(cookie >> 32, VRFT_RETURN, 0,
				    cookie & ~7ULL,
				    config.show & VRFT_SHOW_RESULT, result);
		return 0;
	}
	cookie = cookie_at(bpf_get_func_ip(ctx));
	verdict = judge(ctx, cookie, true, &call);
	if (verdict == VRFT_IGNORE ||
	    (verdict == VRFT_RECORD &&
	     !record_entry(ctx, cookie, true, &call, ctx->sp)))
		return 1;
	/* Never zero, as no stack slot has an address with a zero low half. */
	*bpf_session_cookie(ctx) = (__u64)call.word << 32 | (__u32)ctx->sp |
				   (verdict == VRFT_FOLLOW ? SESSION_SILENT : 0);
	return 0;
}
