/* SPDX-License-Identifier: BSD-3-Clause */
/* Directories that only root and this process's user can write to. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdbool.h>
#include <sys/stat.h>

/* Returned apart from negative errnos: the file cannot be trusted. */
#define REFUSED (-4096)

/* Why a file was refused. */
struct refusal {
	char text[256];
};

/*
 * Opens the directory at an absolute path, component by component, and checks each: none may be a
 * symbolic link, belong to another user than root or the effective one, or be writable by others. (In
 * /tmp, which has the sticky bit, anybody can take a name first.) The last one must belong to the
 * effective user with mode 0700. It is created if missing, as are its parents if make_parents is set.
 *
 * Returns a descriptor; REFUSED with the reason; or -errno if there is no such directory and it cannot be
 * created.
 */
int open_private_directory(const char *path, bool make_parents, struct refusal *refusal);

/* Opens the directory name in parent likewise, but never creates it. The path is for the reason. */
int open_private_entry(int parent, const char *name, const char *path, struct refusal *refusal);

/* Returns 0 if the file belongs to the effective user and has mode 0700, else REFUSED with the reason. */
int require_private(const struct stat *status, const char *path, struct refusal *refusal);

/* Sets the reason. Returns REFUSED. */
int refuse(struct refusal *refusal, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
