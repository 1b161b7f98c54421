/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals that would end the process wait until what is half done has been taken back. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* Holds them back; what was before goes to old. */
void hold_signals(sigset_t *old);

/* Whether one of them has come. */
bool signal_waits(void);

/* Lets them through: if one has come, this does not return. */
void release_signals(const sigset_t *old);

#endif
