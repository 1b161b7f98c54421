/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* A decision at the entry or the return of a function, by fentry or fexit. */
#ifndef VRFT_DECISION_TRAMPOLINE_H
#define VRFT_DECISION_TRAMPOLINE_H

#include "decisions.h"

SEC("raw_tp")
int vrft_decision(__u64 *ctx)
{
	__u64 cookie = own_cookie();
	__u32 number = argument_of_packet(cookie);

	decide_alone(ctx, cookie, number ? listed_argument(ctx, number) : NULL);
	return 0;
}

#endif
