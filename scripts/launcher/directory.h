/* SPDX-License-Identifier: BSD-3-Clause */
/* Directories in which nobody but root and this process's user can have put anything. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdbool.h>
#include <sys/stat.h>

/* What functions that look at files return beside negative errnos: the file is not to be trusted. */
#define REFUSED (-4096)

/* Why a file was refused. */
struct refusal {
	char text[256];
};

/*
 * Opens the directory at an absolute path, each component by itself, and checks it: none may be a symbolic
 * link, belong to another user than root or the effective one, or be writable by others. (In /tmp, which
 * has the sticky bit, anybody can take a name first.) The last one must be the
 * effective user's alone. If it is missing it is made, and so are those above it if make_parents is set.
 *
 * Returns a descriptor; REFUSED with the reason; or -errno where there is no such directory and none can
 * be made.
 */
int open_private_directory(const char *path, bool make_parents, struct refusal *refusal);

/* Opens the directory name in parent likewise, but never makes it. The path is what a reason names. */
int open_private_entry(int parent, const char *name, const char *path, struct refusal *refusal);

/* Returns 0 if the file belongs to the effective user and has mode 0700, else REFUSED with the reason. */
int require_private(const struct stat *status, const char *path, struct refusal *refusal);

/* Notes why a file is refused. Returns REFUSED. */
int refuse(struct refusal *refusal, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
