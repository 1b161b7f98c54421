/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Shared by the programs of all backends. Each backend has its own object,
 * without anything that only another backend needs, because an extern or a map
 * that the kernel does not provide fails the whole object. All programs work
 * the same way: decide at the entry whether the packet belongs to a selected
 * interface, record the entry, and record the return of recorded entries only.
 *
 * Savings are given in instructions per ping round trip: on Linux 6.12, with
 * session and 1,765 functions attached, which are called 209 times in it. They
 * were measured with BPF's ring buffer and before packets had identities, when
 * it took 26,000 untraced, 163,000 with an empty program, 198,000 with every
 * call of the 76 recorded, and 132,000 if the filter rejects all packets. Today,
 * with 1,825 functions, it takes 168,000 with an empty program, 175,000 with
 * every call of the 80 recorded, and 135,000 if all are rejected. 7,000 fewer
 * are due to what few calls need being out of line (SELDOM), 7,000 to looking at
 * the namespace before the interface and by its address, and 5,000 to doing so
 * before looking up the packet (judge_plainly()).
 * (scripts/vm --accel icount --file tests/vm/instructions.sh -- \
 * sh instructions.sh)
 */
#ifndef VRFT_PROGRAMS_H
#define VRFT_PROGRAMS_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "vrft.h"
#include "argument.h"
#include "filter.h"
#include "record.h"
#include "packet_filter.h"
#include "packet_events.h"
#include "conditions.h"
#include "drop.h"
#include "identity.h"
#ifdef VRFT_DIRECT
#include "judge_direct.h"
#else
#include "judge.h"
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#endif
