/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The cookie of a program that belongs to one function. User space loads such a
 * program once for each, with the cookie in place of VRFT_COOKIE_UNKNOWN: see
 * src/probe/own_program.ts. So it is a constant to the verifier, which removes
 * what only other functions need, and no kernel is too old for it.
 */
#ifndef VRFT_OWN_COOKIE_H
#define VRFT_OWN_COOKIE_H

static __always_inline __u64 own_cookie(void)
{
	__u64 cookie;

	asm volatile("%0 = %1 ll" : "=r"(cookie) : "i"(VRFT_COOKIE_UNKNOWN));
	return cookie;
}

/* A pointer as a number: the verifier allows no arithmetic on its type. */
static __always_inline __u64 untyped(__u64 value)
{
	asm volatile("%0 = -%0; %0 = -%0" : "+r"(value));
	return value;
}

/*
 * The argument 1..6 of a trampoline's function: its context is the list of them.
 * For each a barrier of its own, as in argument().
 */
static __always_inline void *listed_argument(const __u64 *arguments,
					     __u32 number)
{
	switch (number) {
	case 1: return (void *)untyped(arguments[0]);
	case 2: return (void *)untyped(arguments[1]);
	case 3: return (void *)untyped(arguments[2]);
	case 4: return (void *)untyped(arguments[3]);
	case 5: return (void *)untyped(arguments[4]);
	default: return (void *)untyped(arguments[5]);
	}
}

#endif
