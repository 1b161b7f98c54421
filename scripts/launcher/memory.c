/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "unpack.h"

/* Linux 6.3; not in glibc 2.36. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static int create(bool executable)
{
	unsigned int flags = MFD_ALLOW_SEALING | (executable ? MFD_CLOEXEC : 0);
	/* Explicit, so as not to depend on the sysctl vm.memfd_noexec. */
	int file = memfd_create("vrft", flags | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));

	if (file < 0 && errno == EINVAL)
		file = memfd_create("vrft", flags);
	return file < 0 ? -errno : file;
}

/* Seals the file unless filling it failed. Returns its descriptor or -errno. */
static int finish(int target, int error)
{
	if (error == 0 && fcntl(target, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		error = -errno;
	if (error < 0) {
		close(target);
		return error;
	}
	return target;
}

int unpack_into_memory(int file, const struct part *part, bool executable)
{
	int target = create(executable);

	return target < 0 ? target : finish(target, unpack(file, part, target));
}

int write_into_memory(const char *head, const char *text, const char *end)
{
	int target = create(false);

	if (target < 0)
		return target;
	return finish(target, dprintf(target, "%s%.*s", head, (int)(end - text), text) < 0 ? -errno : 0);
}
