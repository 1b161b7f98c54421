/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages to the user, one line each on stderr. */
#ifndef REPORT_H
#define REPORT_H

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the message and exits with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
