/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cache.h"
#include "directory.h"
#include "report.h"
#include "signals.h"
#include "unpack.h"

#define RUNTIME "vrft"
#define TEMPORARY "new"
#define LOCK "lock"

#define DIGEST_CHARACTERS (2 * DIGEST_BYTES)

struct cache {
	int directory;
	char key[DIGEST_CHARACTERS + 1];	/* name of the runtime's directory */
	char home[PATH_MAX];			/* path of that */
	char runtime[PATH_MAX];			/* and of the runtime */
	struct refusal refusal;
};

/* What look() returns apart from REFUSED and negative errnos. */
enum { READY, MISSING, DAMAGED };

/* Whether the cache has the runtime. */
static int look(struct cache *cache, uint64_t size)
{
	int directory = open_private_entry(cache->directory, cache->key, cache->home, &cache->refusal);
	struct stat status;
	int error;

	if (directory < 0)
		return directory == -ENOENT ? MISSING : directory;
	error = fstatat(directory, RUNTIME, &status, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	close(directory);
	if (error < 0)
		return error == -ENOENT ? DAMAGED : error;
	if (!S_ISREG(status.st_mode))
		return refuse(&cache->refusal, cache->runtime, "is not a regular file");
	error = require_private(&status, cache->runtime, &cache->refusal);
	if (error < 0)
		return error;
	return (uint64_t)status.st_size == size ? READY : DAMAGED;
}

/* Removes a runtime's directory, which need not exist. */
static int remove_runtime(const struct cache *cache, const char *name)
{
	int directory = openat(cache->directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (directory >= 0) {
		unlinkat(directory, RUNTIME, 0);
		close(directory);
	}
	if (unlinkat(cache->directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	/* Something else is in the way. */
	return errno == ENOTDIR && unlinkat(cache->directory, name, 0) == 0 ? 0 : -errno;
}

/* Unpacks the runtime into an open file and flushes it to disk. */
static int fill(int source, const struct trailer *trailer, int target)
{
	int error;

	/* Detects a full disk at once; a file system without support is not a failure. */
	if (fallocate(target, 0, 0, trailer->runtime.size) < 0 && errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	/* Its frame has a checksum. To compute the digest as well took longer than all the rest. */
	error = unpack(source, &trailer->runtime, target);
	if (error < 0)
		return error;
	/* Make it executable only now. */
	if (fchmod(target, 0700) < 0 || fsync(target) < 0)
		return -errno;
	return signal_waits() ? -EINTR : 0;
}

/* Creates the temporary directory with the runtime in it. */
static int fill_temporary(const struct cache *cache, int source, const struct trailer *trailer)
{
	int directory, target, error = 0;

	if (mkdirat(cache->directory, TEMPORARY, 0700) < 0)
		return -errno;
	directory = openat(cache->directory, TEMPORARY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	target = openat(directory, RUNTIME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target < 0) {
		error = -errno;
	} else {
		error = fill(source, trailer, target);
		/* Network file systems may report a full disk only here. */
		if (close(target) < 0 && error == 0)
			error = -errno;
	}
	if (error == 0 && fsync(directory) < 0)
		error = -errno;
	close(directory);
	return error;
}

/* With the lock held: puts the runtime into the cache, replacing what is there. Returns READY or -errno. */
static int extract(const struct cache *cache, int source, const struct trailer *trailer)
{
	sigset_t old;
	int error;

	hold_signals(&old);
	/* Nobody else is unpacking: this is left over from a killed process. */
	error = remove_runtime(cache, TEMPORARY);
	if (error == 0) {
		error = fill_temporary(cache, source, trailer);
		if (error == 0)
			error = remove_runtime(cache, cache->key);
		if (error == 0 && renameat(cache->directory, TEMPORARY, cache->directory, cache->key) < 0)
			error = -errno;
		if (error < 0)
			remove_runtime(cache, TEMPORARY);
	}
	release_signals(&old);
	return error < 0 ? error : READY;
}

/* Returns the descriptor of the locked file. Closing it, also by exiting, unlocks. */
static int lock(struct cache *cache)
{
	int file = openat(cache->directory, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	int status;

	if (file < 0)
		return -errno;
	do
		status = flock(file, LOCK_EX);
	while (status < 0 && errno == EINTR);
	if (status == 0)
		return file;
	status = -errno;
	close(file);
	return status;
}

/* Returns READY, REFUSED, or -errno. */
static int find_or_extract(struct cache *cache, int source, const struct trailer *trailer)
{
	int state = look(cache, trailer->runtime.size);
	int file;

	if (state != MISSING && state != DAMAGED)
		return state;
	file = lock(cache);
	if (file < 0)
		return file;
	/* It may have appeared while this process waited. */
	state = look(cache, trailer->runtime.size);
	if (state == MISSING || state == DAMAGED)
		state = extract(cache, source, trailer);
	close(file);
	return state;
}

/* Whether the paths of the cache at path can be made. */
static bool name_files(struct cache *cache, const char *path, const uint8_t digest[DIGEST_BYTES])
{
	for (int i = 0; i < DIGEST_BYTES; i++)
		sprintf(cache->key + 2 * i, "%02x", digest[i]);
	return snprintf(cache->home, PATH_MAX, "%s/%s", path, cache->key) < PATH_MAX &&
	       snprintf(cache->runtime, PATH_MAX, "%s/%s/" RUNTIME, path, cache->key) < PATH_MAX;
}

/* Looks for the runtime in the cache at path. Returns READY, REFUSED, or -errno. */
static int try_cache(struct cache *cache, const char *path, bool make_parents, int source,
		     const struct trailer *trailer)
{
	struct statvfs file_system;
	int state;

	if (!name_files(cache, path, trailer->runtime_digest))
		return -ENAMETOOLONG;
	cache->directory = open_private_directory(path, make_parents, &cache->refusal);
	if (cache->directory < 0)
		return cache->directory;
	if (fstatvfs(cache->directory, &file_system) == 0 && file_system.f_flag & ST_NOEXEC)
		state = -EACCES;
	else
		state = find_or_extract(cache, source, trailer);
	close(cache->directory);
	return state;
}

/* Whether nothing can be written or executed there, which some hosts are set up for. */
static bool is_usual(int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
	case EROFS:
	case ENOENT:
		return true;
	default:
		return false;
	}
}

/* The path of a user's cache; false if the environment has none. */
static bool user_cache(char path[PATH_MAX])
{
	const char *parent = getenv("XDG_CACHE_HOME");
	const char *name = "vrft";

	/* Relative paths are ignored: XDG Base Directory Specification. */
	if (!parent || parent[0] != '/') {
		parent = getenv("HOME");
		name = ".cache/vrft";
	}
	if (!parent || parent[0] != '/')
		return false;
	return snprintf(path, PATH_MAX, "%s/%s", parent, name) < PATH_MAX;
}

bool find_in_cache(int file, const struct trailer *trailer, char path[PATH_MAX], const char **root_cache)
{
	/* Never below $HOME: sudo may have kept a user's. */
	static const char *const root_caches[] = { "/var/cache/vrft", "/run/vrft", NULL };
	char user_path[PATH_MAX];
	const char *const user_caches[] = { user_path, NULL };
	const char *const *candidates = user_caches;
	bool is_root = geteuid() == 0;
	struct cache cache;

	*root_cache = NULL;
	if (is_root)
		candidates = root_caches;
	else if (!user_cache(user_path))
		return false;
	for (; *candidates; candidates++) {
		int state = try_cache(&cache, *candidates, !is_root, file, trailer);

		if (state == READY) {
			memcpy(path, cache.runtime, PATH_MAX);
			if (is_root)
				*root_cache = *candidates;
			return true;
		}
		if (state == -EBADMSG)
			die("Cannot unpack the runtime: this file is damaged: copy it again");
		if (state == REFUSED)
			say("Cannot use the cache: %s; starting from memory", cache.refusal.text);
		else if (!is_usual(state))
			say("Cannot unpack the runtime into %s: %s; starting from memory", *candidates,
			    strerror(-state));
		else
			continue;
		return false;
	}
	return false;
}
