/* SPDX-License-Identifier: BSD-3-Clause */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"

/*
 * A path that does not exist and that nobody can create: deno then keeps its caches in memory, and finds
 * no .npmrc, which could keep it from starting. (A path below a file would not work: deno tolerates a
 * missing .npmrc, but not ENOTDIR.)
 */
#define NOWHERE "/proc/self/none"

/*
 * What the program uses and is harmless in the runtime. Everything else is dropped: the runtime and its
 * libraries look up more than a hundred variables, most of them undocumented, which name files to create
 * (SSLKEYLOGFILE), to read, or to load (LD_PRELOAD, NODE_OPTIONS).
 */
static const char *const kept[] = { "NO_COLOR", "SSH_CONNECTION", "TERM" };

/*
 * How OTLP is sent, and certificates for the agent: see src/output/otlp/settings.ts and
 * src/output/http_client.ts. The runtime's own telemetry needs OTEL_DENO.
 */
static const char *const kept_prefixes[] = {
	"OTEL_EXPORTER_OTLP_",
	"OTEL_RESOURCE_ATTRIBUTES=",
	"OTEL_SERVICE_NAME=",
	"VRFT_AGENT_",
};

static const char *const added[] = {
	"HOME=" NOWHERE,
	"DENO_DIR=" NOWHERE,
	"DENO_NO_UPDATE_CHECK=1",
	/* Certificates of the host count, too, as in its other programs. Read at the first connection. */
	"DENO_TLS_CA_STORE=mozilla,system",
	/* On a terminal, deno complains about the missing caches. Errors of the program are still shown. */
	"DENO_LOG=error,deno::cache::cache_db=off",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Whether it is a time zone name. libc reads other files, too, and would block on a FIFO. */
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
	for (size_t i = 0; i < COUNT(kept_prefixes); i++) {
		if (strncmp(variable, kept_prefixes[i], strlen(kept_prefixes[i])) == 0)
			return true;
	}
	return false;
}

/*
 * The runtime catches signals itself, so the program cannot see which ones it was started with ignored,
 * as by nohup: a mask, with the bit of signal N at N - 1. NULL if there are none.
 */
static char *ignored_signals(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGTERM };
	static char variable[sizeof("VRFT_IGNORED_SIGNALS=") + 8];
	unsigned int mask = 0;

	for (size_t i = 0; i < COUNT(ending); i++) {
		struct sigaction action;

		if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			mask |= 1U << (ending[i] - 1);
	}
	snprintf(variable, sizeof(variable), "VRFT_IGNORED_SIGNALS=%x", mask);
	return mask ? variable : NULL;
}

char **runtime_environment(int library)
{
	char *ignored = ignored_signals();
	static char preload[sizeof("LD_PRELOAD=/proc/self/fd/") + 3 * sizeof(library)];
	char **result;
	size_t count = 0;

	while (environ && environ[count])
		count++;
	result = calloc(count + COUNT(added) + 3, sizeof(*result));
	if (!result)
		return NULL;
	count = 0;
	for (char **variable = environ; variable && *variable; variable++) {
		if (is_kept(*variable))
			result[count++] = *variable;
	}
	for (size_t i = 0; i < COUNT(added); i++)
		result[count++] = (char *)added[i];
	if (ignored)
		result[count++] = ignored;
	snprintf(preload, sizeof(preload), "LD_PRELOAD=/proc/self/fd/%d", library);
	result[count] = preload;
	return result;
}
