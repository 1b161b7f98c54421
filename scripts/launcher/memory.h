/* SPDX-License-Identifier: BSD-3-Clause */
/* Files in memory. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>

#include "trailer.h"

/*
 * Unpacks a part into a file in memory that nobody can change any more. Returns its descriptor, which an
 * exec closes if the file is an executable and hands on if not; or -errno as unpack() and memfd_create(2)
 * have them.
 */
int unpack_into_memory(int file, const struct part *part, bool executable);

#endif
