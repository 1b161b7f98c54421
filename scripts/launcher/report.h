/* SPDX-License-Identifier: BSD-3-Clause */
/* What the user is told, on stderr, a line each. */
#ifndef REPORT_H
#define REPORT_H

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says it and ends the process with exit status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
