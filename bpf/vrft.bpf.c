// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * One program per way of attaching; user space loads those of the backend it
 * tries and no others. All of them do the same: decide at the entry whether
 * the packet belongs to a chosen interface, record the entry, and record the
 * return of recorded entries only.
 *
 * What sees the entries is there twice. The one called sampled keeps one
 * packet in N; the other has not one instruction of that, which a constant in
 * .rodata could not do: the verifier removes what it makes unreachable, but
 * neither the load of the constant nor that of its address.
 *
 * What the choices in these files save is said where they are made, in
 * instructions of a round trip of ping: on Linux 6.12, by session, with 1,765
 * functions attached to, which are called 209 times in it. It takes 26,000
 * untraced, 163,000 with an empty program, 198,000 with every call of the 76
 * recorded, and 132,000 if the filter rejects all packets.
 * (scripts/vm --accel icount --file tests/vm/instructions.sh -- \
 * sh instructions.sh)
 */
#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "vrft.h"
#include "argument.h"
#include "filter.h"
#include "record.h"
#include "sampling.h"
#include "open_calls.h"
#include "open_frames.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * Nothing else brings these types into the object's BTF, where the tests look
 * for them. Behind the control block, which .bss must start with.
 */
const struct vrft_event *vrft_event_type __attribute__((unused));
const enum vrft_kind *vrft_kind_type __attribute__((unused));

/*
 * kprobe.session, Linux 6.10: one program for both ends of a call. What an
 * entry returns other than zero suppresses the return, so a rejected packet
 * pays for its entry alone: 132,000 instructions rather than 198,000.
 */
extern bool bpf_session_is_return(void) __ksym __weak;
extern __u64 *bpf_session_cookie(void) __ksym __weak;

/*
 * The kernel would find the attach cookie by a binary search among all
 * functions of the link, which takes longer than everything else here: 257,000
 * instructions rather than 198,000, and 191,000 rather than 132,000 if all is
 * rejected.
 */
static __always_inline __u64 cookie_at(__u32 address)
{
	__u32 bucket = address * VRFT_BUCKET_FACTOR >> (32 - VRFT_BUCKET_BITS);
	__u32 slot = address * VRFT_SLOT_FACTOR >> (32 - VRFT_SLOT_BITS);

	slot += control.displacements[bucket];
	return control.cookies[slot & ((1 << VRFT_SLOT_BITS) - 1)];
}

static __always_inline int session(struct pt_regs *ctx, bool sampled)
{
	__u64 *call, cookie;

	if (bpf_session_is_return()) {
		/*
		 * Zero: before 6.14 the return runs even when the entry was
		 * missed because another program was active on this CPU; the
		 * cookie is then a recycled one, left zeroed here.
		 */
		call = bpf_session_cookie();
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
	*bpf_session_cookie() = cookie << 32 | (__u32)ctx->sp;
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

/* kprobe.multi and kretprobe.multi, Linux 5.18 with CONFIG_FPROBE. */
static __always_inline int multi_entry(struct pt_regs *ctx, bool sampled)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	if (wants(ctx, cookie, false, sampled) && open_call(cookie, ctx->sp) &&
	    !record(cookie, VRFT_ENTRY, ctx->sp))
		close_call(cookie, ctx->sp);
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

SEC("kprobe.multi")
int vrft_multi_return(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	/* The return address has been popped when a return probe runs. */
	__u64 frame = ctx->sp - sizeof(__u64);

	if (close_call(cookie, frame))
		record(cookie, VRFT_RETURN, frame);
	return 0;
}

/*
 * kprobes, for kernels that have neither. One on a function's start, or right
 * behind the place of ftrace there.
 */
static __always_inline int kprobe_entry(struct pt_regs *ctx, bool sampled)
{
	__u64 *cookie = probe_cookie(ctx);

	if (cookie && wants(ctx, *cookie, false, sampled) &&
	    open_frame(*cookie, ctx->sp) &&
	    !record(*cookie, VRFT_ENTRY, ctx->sp))
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

/* One on an instruction that leaves a function: see src/kernel/exits.ts. */
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
		/* A tail call of a traced function: that one will return. */
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

/*
 * Writes what it is given, for BPF_PROG_TEST_RUN: the tests and benchmarks of
 * the ring reader produce real records with it where kprobes cannot be had.
 */
SEC("raw_tp")
int vrft_test_record(__u64 *ctx)
{
	record(ctx[0], ctx[1], ctx[2]);
	return 0;
}
