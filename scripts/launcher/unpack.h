/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef UNPACK_H
#define UNPACK_H

#include "sha256.h"
#include "trailer.h"

/*
 * Unpacks a part of the file into target, from where target stands, and takes what it writes into digest
 * unless that is NULL. Returns 0; -EBADMSG if the part is not what the trailer says or its checksum is
 * wrong; -EINTR as soon as a signal that is held back (signals.h) has come; another -errno. After a
 * failure target holds some of it.
 */
int unpack(int file, const struct part *part, int target, struct sha256 *digest);

#endif
