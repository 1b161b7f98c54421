/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef UNPACK_H
#define UNPACK_H

#include "trailer.h"

/*
 * Unpacks a part of the file to the current offset of target. Returns 0; -EBADMSG if the part does not
 * match the trailer or its checksum is wrong; -EINTR once a blocked signal (signals.h) is pending; another
 * -errno. After a failure, target contains part of it.
 */
int unpack(int file, const struct part *part, int target);

#endif
