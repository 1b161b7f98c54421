// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * Write their input, or what they find by it, for BPF_PROG_TEST_RUN: tests and
 * benchmarks produce real records with them where kprobes are not available.
 */
#include "programs.h"
#include "cookie_table.h"

/*
 * Nothing else puts these types into the object's BTF, where the tests look
 * for them. Placed after the control block, which must be first in .bss.
 */
const struct vrft_event *vrft_event_type __attribute__((unused));
const enum vrft_kind *vrft_kind_type __attribute__((unused));

SEC("raw_tp")
int vrft_test_record(__u64 *ctx)
{
	record(ctx[0], ctx[1], ctx[2]);
	return 0;
}

/* The cookie of the function at an address, in two halves. */
SEC("raw_tp")
int vrft_test_cookie(__u64 *ctx)
{
	__u64 cookie = cookie_at(ctx[0]);

	record(cookie, ctx[1], cookie >> 32);
	return 0;
}
