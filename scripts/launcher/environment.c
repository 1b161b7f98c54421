/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"

/*
 * A name that is not there and that nobody can create: deno keeps its caches in memory then, and finds no
 * .npmrc, which could keep it from starting. (Below a file it would not do: deno forgives a missing .npmrc,
 * not one behind ENOTDIR.)
 */
#define NOWHERE "/proc/self/none"

/*
 * What the program makes use of, and the runtime does no harm with. All else is left out, whatever it is: the
 * runtime and its libraries ask for more than a hundred variables, most of them in no documentation. They
 * name files to be made (SSLKEYLOGFILE), to be read, or to be loaded (LD_PRELOAD, NODE_OPTIONS).
 */
static const char *const kept[] = { "NO_COLOR", "TERM" };

static const char *const added[] = {
	"HOME=" NOWHERE,
	"DENO_DIR=" NOWHERE,
	"DENO_NO_UPDATE_CHECK=1",
	/* On a terminal deno complains about the missing caches. Errors of the program are shown. */
	"DENO_LOG=error,deno::cache::cache_db=off",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Whether it names a time zone. libc reads other files, too, and would wait for a FIFO. */
static bool is_time_zone(const char *value)
{
	return value[strspn(value, ":")] != '/' && !strstr(value, "..");
}

static bool is_kept(const char *variable)
{
	size_t length = strcspn(variable, "=");

	if (strncmp(variable, "TZ=", strlen("TZ=")) == 0)
		return is_time_zone(variable + strlen("TZ="));
	for (size_t i = 0; i < COUNT(kept); i++) {
		if (strlen(kept[i]) == length && memcmp(variable, kept[i], length) == 0)
			return true;
	}
	return false;
}

char **runtime_environment(int library)
{
	static char preload[sizeof("LD_PRELOAD=/proc/self/fd/") + 3 * sizeof(library)];
	char **result;
	size_t count = 0;

	while (environ && environ[count])
		count++;
	result = calloc(count + COUNT(added) + 2, sizeof(*result));
	if (!result)
		return NULL;
	count = 0;
	for (char **variable = environ; variable && *variable; variable++) {
		if (is_kept(*variable))
			result[count++] = *variable;
	}
	for (size_t i = 0; i < COUNT(added); i++)
		result[count++] = (char *)added[i];
	snprintf(preload, sizeof(preload), "LD_PRELOAD=/proc/self/fd/%d", library);
	result[count] = preload;
	return result;
}
