// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * Writes its input, for BPF_PROG_TEST_RUN: tests and benchmarks of the ring
 * reader produce real records with it where kprobes are not available.
 */
#include "programs.h"

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
