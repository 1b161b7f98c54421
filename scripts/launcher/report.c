/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "report.h"

/* In one write, so that lines of several processes do not interleave. */
static void write_line(const char *format, va_list arguments)
{
	char line[PATH_MAX + 512];

	vsnprintf(line, sizeof(line), format, arguments);
	dprintf(STDERR_FILENO, "vrft: %s\n", line);
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(format, arguments);
	va_end(arguments);
}

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(format, arguments);
	va_end(arguments);
	exit(EXIT_FAILURE);
}
