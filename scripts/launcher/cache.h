/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The unpacked runtime, kept from start to start:
 *
 *   root             /var/cache/vrft, or /run/vrft where that cannot be written
 *   other users      $XDG_CACHE_HOME/vrft or $HOME/.cache/vrft
 *
 * In it are
 *
 *   DIGEST/vrft      the runtime, in a directory named by the SHA-256 of what it holds. ps and top show
 *                    the name of the file.
 *   new/             the one that is being unpacked, by the process that has locked
 *   lock             this file
 *
 * all of them the effective user's alone. DIGEST is there at once or not at all.
 */
#ifndef CACHE_H
#define CACHE_H

#include <limits.h>
#include <stdbool.h>

#include "trailer.h"

/*
 * Looks for the runtime in the cache, and puts it there from the open file if it is missing. Returns
 * whether path is now that of an executable. If not, the runtime has to be started from memory; what the
 * user should know of the reason has been said. Ends the process if the runtime in the file is damaged.
 */
bool find_in_cache(int file, const struct trailer *trailer, char path[PATH_MAX]);

#endif
