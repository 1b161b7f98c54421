/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * A decision at the entry or the return of a function, by kprobe and kretprobe,
 * where there are no trampolines, or no program may interrupt another one: see
 * fetch_and_add(). A return does not know the arguments, so its entry keeps them.
 */
#ifndef VRFT_DECISION_KPROBE_H
#define VRFT_DECISION_KPROBE_H

#include "decisions.h"

#define REGISTERS	6

/* The latest call of a kind of function on this CPU. */
struct kept_call {
	__u64 frame;		/* address of its return address */
	__u64 arguments[REGISTERS + 1];	/* and the result behind them */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	/* By what they decide, and which of two kinds they are. */
	__uint(max_entries, 2 * (VRFT_COOKIE_DECISION_MASK + 1));
	__type(key, __u32);
	__type(value, struct kept_call);
} kept_calls SEC(".maps");

static __always_inline struct kept_call *kept_call(__u64 cookie)
{
	__u32 kind = decision_of(cookie);

	if (cookie & VRFT_COOKIE_SECOND_KIND)
		kind += VRFT_COOKIE_DECISION_MASK + 1;
	return bpf_map_lookup_elem(&kept_calls, &kind);
}

static __always_inline void decide_by_registers(const __u64 *registers,
						__u64 cookie)
{
	__u32 number = argument_of_packet(cookie);

	decide_alone(registers, cookie,
		     number ? listed_argument(registers, number) : NULL);
}

static __always_inline void copy_registers(__u64 *to, struct pt_regs *ctx)
{
	to[0] = ctx->di;
	to[1] = ctx->si;
	to[2] = ctx->dx;
	to[3] = ctx->cx;
	to[4] = ctx->r8;
	to[5] = ctx->r9;
}

SEC("kprobe")
int vrft_decision_entry(struct pt_regs *ctx)
{
	__u64 registers[REGISTERS + 1] = {};
	__u64 cookie = own_cookie();
	struct kept_call *call;

	if (!control.enabled)
		return 0;
	if (!result_place(cookie)) {
		copy_registers(registers, ctx);
		decide_by_registers(registers, cookie);
		return 0;
	}
	call = kept_call(cookie);
	if (!call)
		return 0;
	call->frame = ctx->sp;
	copy_registers(call->arguments, ctx);
	return 0;
}

/* After the return address has been popped. */
SEC("kprobe")
int vrft_decision_return(struct pt_regs *ctx)
{
	__u64 cookie = own_cookie();
	struct kept_call *call = kept_call(cookie);
	__u32 place = result_place(cookie);

	if (!call || call->frame != ctx->sp - sizeof(__u64) ||
	    place > REGISTERS)
		return 0;
	call->frame = 0;
	call->arguments[place] = ctx->ax;
	decide_by_registers(call->arguments, cookie);
	return 0;
}

#endif
