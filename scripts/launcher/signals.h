/* SPDX-License-Identifier: BSD-3-Clause */
/* Defers signals that would end the process until partial work has been undone. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* Blocks them; saves the previous mask in old. */
void hold_signals(sigset_t *old);

/* Whether one of them is pending. */
bool signal_waits(void);

/* Unblocks them; does not return if one is pending. */
void release_signals(const sigset_t *old);

#endif
