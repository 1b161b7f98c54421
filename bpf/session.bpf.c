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
#include "copies.h"
#include "kernel_drop.h"
#include "session_word.h"
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

SEC("kprobe.multi")
int vrft_session(struct pt_regs *ctx)
{
	enum vrft_verdict verdict;
	__u64 *session, cookie;
	struct vrft_call call = {};
	__u32 frame;

	if (bpf_session_is_return(ctx)) {
		/*
		 * Before 6.14 this also runs if the entry was missed because
		 * another program was active on this CPU. The cookie is then
		 * left over from an earlier call, hence the reset.
		 */
		session = bpf_session_cookie(ctx);
		cookie = *session;
		*session = 0;
		if (cookie)
			finish_call(ctx, cookie);
		return 0;
	}
	cookie = cookie_at(bpf_get_func_ip(ctx));
	verdict = judge(ctx, cookie, true, &call);
	if (verdict == VRFT_IGNORE)
		return 1;
	frame = ctx->sp;
	/* Once, or the compiler reads it again. */
	asm volatile("" : "+r"(frame));
	if (verdict == VRFT_RECORD &&
	    !record_entry(ctx, cookie, true, &call, frame))
		return 1;
	*bpf_session_cookie(ctx) = session_word(call.word, frame,
						verdict == VRFT_FOLLOW);
	return 0;
}
