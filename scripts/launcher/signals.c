/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "signals.h"

static sigset_t held;

void hold_signals(sigset_t *old)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

	sigprocmask(SIG_BLOCK, NULL, old);
	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		struct sigaction action;

		/* Ignored (nohup) or blocked signals do not end the process and must not appear to. */
		if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN &&
		    !sigismember(old, ending[i]))
			sigaddset(&held, ending[i]);
	}
	sigprocmask(SIG_BLOCK, &held, NULL);
}

bool signal_waits(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigandset(&pending, &pending, &held) == 0 &&
	       !sigisemptyset(&pending);
}

void release_signals(const sigset_t *old)
{
	sigprocmask(SIG_SETMASK, old, NULL);
	sigemptyset(&held);
}
