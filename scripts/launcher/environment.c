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

static const char *const dropped[] = {
	"LD_", "GLIBC_TUNABLES=",				/* the dynamic linker */
	"DENO_", "NODE_", "NPM_CONFIG_", "npm_config_", "OTEL_",	/* deno */
	"RUST_",						/* its logger and its backtraces */
	"HOME=",
};

static const char *const added[] = {
	"HOME=" NOWHERE,
	"DENO_DIR=" NOWHERE,
	"DENO_NO_UPDATE_CHECK=1",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_dropped(const char *variable)
{
	for (size_t i = 0; i < COUNT(dropped); i++) {
		if (strncmp(variable, dropped[i], strlen(dropped[i])) == 0)
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
		if (!is_dropped(*variable))
			result[count++] = *variable;
	}
	for (size_t i = 0; i < COUNT(added); i++)
		result[count++] = (char *)added[i];
	snprintf(preload, sizeof(preload), "LD_PRELOAD=/proc/self/fd/%d", library);
	result[count] = preload;
	return result;
}
