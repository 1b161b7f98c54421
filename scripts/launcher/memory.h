/* SPDX-License-Identifier: BSD-3-Clause */
/* Files in memory. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>

#include "trailer.h"

/*
 * Unpacks a part into a sealed file in memory. Returns its descriptor, which is close-on-exec if the file
 * is an executable; or -errno of unpack() or memfd_create(2).
 */
int unpack_into_memory(int file, const struct part *part, bool executable);

#endif
