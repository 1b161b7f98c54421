/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * What the programs of all backends share. Each backend has an object of its
 * own, with nothing in it that another backend needs: an extern or a map that
 * the kernel cannot provide stops every program of the object. The programs do
 * the same in all of them: decide at the entry whether the packet belongs to a
 * chosen interface, record the entry, and record the return of recorded entries
 * only.
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
#ifndef VRFT_PROGRAMS_H
#define VRFT_PROGRAMS_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "vrft.h"
#include "argument.h"
#include "filter.h"
#include "record.h"
#include "sampling.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#endif
