/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "directory.h"

/* O_PATH needs no read permission, which /home of some hosts does not grant. */
#define OPEN_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int refuse(struct refusal *refusal, const char *path, const char *format, ...)
{
	int length = snprintf(refusal->text, sizeof(refusal->text), "%s ", path);
	va_list arguments;

	if (length >= 0 && (size_t)length < sizeof(refusal->text)) {
		va_start(arguments, format);
		vsnprintf(refusal->text + length, sizeof(refusal->text) - length, format, arguments);
		va_end(arguments);
	}
	return REFUSED;
}

int require_private(const struct stat *status, const char *path, struct refusal *refusal)
{
	if (status->st_uid != geteuid())
		return refuse(refusal, path, "belongs to user %u", status->st_uid);
	if ((status->st_mode & 0777) != 0700)
		return refuse(refusal, path, "has mode %04o, not 0700", status->st_mode & 07777);
	return 0;
}

/* Returns 0 if only root and the effective user can change the directory and its contents. */
static int require_trusted(const struct stat *status, const char *path, struct refusal *refusal)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return refuse(refusal, path, "belongs to user %u", status->st_uid);
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(refusal, path, "is writable by others (mode %04o)", status->st_mode & 07777);
	return 0;
}

typedef int requirement(const struct stat *status, const char *path, struct refusal *refusal);

static int open_entry(int parent, const char *name, const char *path, requirement *require,
		      struct refusal *refusal)
{
	int directory = openat(parent, name, OPEN_FLAGS);
	struct stat status;
	int error;

	if (directory < 0) {
		if (errno != ENOTDIR)
			return -errno;
		if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode))
			return refuse(refusal, path, "is a symbolic link");
		return refuse(refusal, path, "is not a directory");
	}
	error = fstat(directory, &status) < 0 ? -errno : require(&status, path, refusal);
	if (error == 0)
		return directory;
	close(directory);
	return error;
}

int open_private_entry(int parent, const char *name, const char *path, struct refusal *refusal)
{
	return open_entry(parent, name, path, require_private, refusal);
}

static int open_or_make_entry(int parent, const char *name, const char *path, requirement *require,
			      struct refusal *refusal)
{
	int directory = open_entry(parent, name, path, require, refusal);

	if (directory != -ENOENT)
		return directory;
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open_entry(parent, name, path, require, refusal);
}

int open_private_directory(const char *path, bool make_parents, struct refusal *refusal)
{
	char copy[PATH_MAX];
	size_t end = 0;
	int directory;

	if (path[0] != '/' || strlen(path) >= sizeof(copy))
		return -EINVAL;
	directory = open_entry(AT_FDCWD, "/", "/", require_trusted, refusal);
	while (directory >= 0 && path[end += strspn(path + end, "/")]) {
		int parent = directory;
		size_t start = end;
		bool last;

		end += strcspn(path + end, "/");
		last = path[end + strspn(path + end, "/")] == '\0';
		snprintf(copy, sizeof(copy), "%.*s", (int)end, path);
		directory = (last || make_parents ? open_or_make_entry : open_entry)(
			parent, copy + start, copy, last ? require_private : require_trusted, refusal);
		close(parent);
	}
	return directory;
}
