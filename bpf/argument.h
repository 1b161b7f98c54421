/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* Arguments of a probed function. x86-64. */
#ifndef VRFT_ARGUMENT_H
#define VRFT_ARGUMENT_H

#ifdef VRFT_TRAMPOLINE
#include "own_cookie.h"

static __always_inline void *argument(struct pt_regs *ctx, __u32 number)
{
	return listed_argument((const void *)ctx, number);
}

/* A pointer to a pointer, whose type the verifier does not let a program have. */
static __always_inline void *indirect_argument(struct pt_regs *ctx,
					       __u32 number)
{
	const __u64 *arguments = (const void *)ctx;
	void *value = NULL;

	bpf_probe_read_kernel(&value, sizeof(value), arguments + number - 1);
	return value;
}
#elif defined(VRFT_LISTED)
#include "own_cookie.h"

/*
 * The argument 1..12 of a function of a link for many: the program may not read
 * its context, which is the list of them, but the verifier puts a few
 * instructions in place of these helpers.
 */
static __always_inline void *argument(struct pt_regs *ctx, __u32 number)
{
	__u64 value;

	/* Not a zero that the compiler would keep for others, in a register. */
	asm volatile("%0 = 0" : "=r"(value));
	bpf_get_func_arg(ctx, number - 1, &value);
	return (void *)value;
}

static __always_inline void *indirect_argument(struct pt_regs *ctx,
					       __u32 number)
{
	return argument(ctx, number);
}

static __always_inline __u64 result_of(struct pt_regs *ctx)
{
	__u64 value = 0;

	bpf_get_func_ret(ctx, &value);
	return value;
}
#else
#ifdef VRFT_DIRECT
/*
 * A register of the context, with a barrier of its own: otherwise the compiler
 * may turn the choice of one into arithmetic on ctx, which the verifier rejects.
 */
#define REGISTER(ctx, name)						\
({									\
	__u64 name = (ctx)->name;					\
	asm volatile("# " #name : "+r"(name));				\
	(void *)name;							\
})

/*
 * The argument in integer register 1..6 of the calling convention. Most packets
 * are in the first one, and most others in the second.
 */
static __always_inline void *argument(struct pt_regs *ctx, __u32 number)
{
	if (number == 1)
		return REGISTER(ctx, di);
	if (number == 2)
		return REGISTER(ctx, si);
	switch (number) {
	case 3: return REGISTER(ctx, dx);
	case 4: return REGISTER(ctx, cx);
	case 5: return REGISTER(ctx, r8);
	default: return REGISTER(ctx, r9);
	}
}
#else
/*
 * The argument in integer register 1..6 of the calling convention. Registers
 * are read first, each followed by a barrier: otherwise the compiler may turn
 * the choice into arithmetic on ctx, which the verifier rejects. Most packets
 * are in the first register, so the others are not read for it.
 */
static __always_inline void *argument(struct pt_regs *ctx, __u32 number)
{
	__u64 di = ctx->di, si, dx, cx, r8, r9;

	asm volatile("" : "+r"(di));
	if (number == 1)
		return (void *)di;
	si = ctx->si, dx = ctx->dx, cx = ctx->cx, r8 = ctx->r8, r9 = ctx->r9;
	asm volatile("" : "+r"(si), "+r"(dx), "+r"(cx), "+r"(r8), "+r"(r9));
	switch (number) {
	case 2: return (void *)si;
	case 3: return (void *)dx;
	case 4: return (void *)cx;
	case 5: return (void *)r8;
	default: return (void *)r9;
	}
}
#endif

static __always_inline void *indirect_argument(struct pt_regs *ctx,
					       __u32 number)
{
	return argument(ctx, number);
}

/* The result at a return; with a barrier as in argument(). */
static __always_inline __u64 result_of(struct pt_regs *ctx)
{
	__u64 ax = ctx->ax;

	asm volatile("" : "+r"(ax));
	return ax;
}
#endif

#endif
