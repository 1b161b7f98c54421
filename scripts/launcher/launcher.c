/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts the program contained in its own file (trailer.h) with the runtime contained there as well. The
 * process becomes the runtime, so exit status and signals are those of the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "environment.h"
#include "loader.h"
#include "memory.h"
#include "report.h"
#include "trailer.h"

#define SELF "/proc/self/exe"

#define DAMAGED_FILE "this file is damaged or truncated: copy it again"

/* Defined by the build: scripts/lib/runtime_options.sh. */
static const char *const options[] = { "run", DENO_OPTIONS };

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* Closed standard descriptors would be reused for files of this process, and then taken for stdout. */
static void open_standard_streams(void)
{
	int file;

	do
		file = open("/dev/null", O_RDWR);
	while (file >= 0 && file <= STDERR_FILENO);
	if (file < 0)
		die("Cannot open /dev/null: %s", strerror(errno));
	close(file);
}

/*
 * The runtime does not start in a removed directory. Change to one where relative paths do not resolve
 * either: nobody can create files there, and all names are numbers.
 */
static void require_current_directory(void)
{
	char *path = getcwd(NULL, 0);

	if (!path && chdir("/proc/self/fdinfo") < 0)
		die("Cannot leave the current directory, which has been removed: %s", strerror(errno));
	free(path);
}

static int open_self(struct trailer *trailer)
{
	int file = open(SELF, O_RDONLY | O_CLOEXEC);
	int error;

	if (file < 0)
		die("Cannot open this file as " SELF ": %s%s", strerror(errno),
		    errno == ENOENT ? ": mount /proc" : "");
	error = read_trailer(file, trailer);
	if (error == -EBADMSG)
		die("Cannot start: " DAMAGED_FILE);
	if (error < 0)
		die("Cannot read this file: %s", strerror(-error));
	return file;
}

static int require_in_memory(int file, const struct part *part, const char *name, bool executable)
{
	int target = unpack_into_memory(file, part, executable);

	if (target == -EBADMSG)
		die("Cannot unpack the %s: " DAMAGED_FILE, name);
	if (target < 0)
		die("Cannot unpack the %s into memory: %s", name, strerror(-target));
	return target;
}

/*
 * Returns the descriptor of the module that runs the program of the other descriptor. root_cache is from
 * find_in_cache().
 */
static int require_loader(int program, const char *root_cache)
{
	char head[PATH_MAX];
	int module;

	snprintf(head, sizeof(head), "const program = %d, cache = \"%s\";\n", program,
		 root_cache ? root_cache : "");
	module = write_into_memory(head, loader, loader_end);
	if (module < 0)
		die("Cannot write the loader into memory: %s", strerror(-module));
	return module;
}

/* ENOENT for an existing file means that its dynamic linker is missing. */
static void require_linker(int error)
{
	if (error == ENOENT)
		die("Cannot find /lib64/ld-linux-x86-64.so.2: this host needs glibc 2.28 or newer");
}

static char **runtime_arguments(int count, char **arguments, int module)
{
	static char path[sizeof("/proc/self/fd/") + 3 * sizeof(module)];
	char **result = calloc(OPTION_COUNT + count + 3, sizeof(*result));
	size_t next = 0;

	if (!result)
		return NULL;
	/* As ps shows it. */
	result[next++] = "vrft";
	for (size_t i = 0; i < OPTION_COUNT; i++)
		result[next++] = (char *)options[i];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", module);
	result[next++] = path;
	for (int i = 1; i < count; i++)
		result[next++] = arguments[i];
	return result;
}

int main(int count, char **arguments)
{
	struct sigaction too_large, ignore = { .sa_handler = SIG_IGN };
	struct trailer trailer;
	char path[PATH_MAX];
	char **runtime, **environment;
	const char *root_cache;
	int file, program, library;
	bool cached;

	/* Otherwise everybody could trace, and write any file with -o. */
	if (getuid() != geteuid() || getgid() != getegid())
		die("Cannot run set-user-ID or set-group-ID: run it as root");
	open_standard_streams();
	require_current_directory();
	/* Exceeding a file size limit is to fail the write, not to kill the process. */
	sigaction(SIGXFSZ, &ignore, &too_large);

	file = open_self(&trailer);
	program = require_in_memory(file, &trailer.program, "program", false);
	library = require_in_memory(file, &trailer.libgcc, "libgcc_s.so.1", false);
	cached = find_in_cache(file, &trailer, path, &root_cache);
	runtime = runtime_arguments(count, arguments, require_loader(program, root_cache));
	environment = runtime_environment(library);
	if (!runtime || !environment)
		die("Cannot start: %s", strerror(ENOMEM));

	if (cached) {
		sigaction(SIGXFSZ, &too_large, NULL);
		execve(path, runtime, environment);
		require_linker(errno);
		say("Cannot run %s: %s; starting from memory", path, strerror(errno));
		sigaction(SIGXFSZ, &ignore, NULL);
	}
	file = require_in_memory(file, &trailer.runtime, "runtime", true);
	sigaction(SIGXFSZ, &too_large, NULL);
	fexecve(file, runtime, environment);
	require_linker(errno);
	die("Cannot start the runtime: %s", strerror(errno));
}
