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

/*
 * Creates a sealed file in memory of two texts, the second one with its end. Returns its descriptor or -errno
 * of memfd_create(2) or write(2).
 */
int write_into_memory(const char *head, const char *text, const char *end);

#endif
