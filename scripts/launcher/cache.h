/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cache of the unpacked runtime:
 *
 *   root             /var/cache/vrft, or /run/vrft if that is not writable
 *   other users      $XDG_CACHE_HOME/vrft or $HOME/.cache/vrft
 *
 * It contains
 *
 *   DIGEST/vrft      the runtime, in a directory named by its SHA-256. ps and top show the file name.
 *   new/             the one being unpacked, by the process that has locked
 *   lock             this file
 *   survey           what the program keeps, root's only: src/kernel/survey_cache.ts
 *
 * all owned by, and accessible to, the effective user only. DIGEST appears atomically.
 */
#ifndef CACHE_H
#define CACHE_H

#include <limits.h>
#include <stdbool.h>

#include "trailer.h"

/*
 * Looks for the runtime in the cache, and unpacks it from the open file if it is missing. Returns whether
 * path is now that of an executable. If not, the reason has been reported if the user should know it, and
 * the runtime has to be started from memory. Exits if the runtime in the file is damaged.
 *
 * root_cache receives the path of the cache if it is root's, where nobody else can have put anything; else
 * NULL. It needs no quotes in JavaScript or C.
 */
bool find_in_cache(int file, const struct trailer *trailer, char path[PATH_MAX], const char **root_cache);

#endif
