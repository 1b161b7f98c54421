/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trailer.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "The trailer is read in place"
#endif

/* Far above any part; keeps a damaged number from filling the disk or memory. */
#define PART_LIMIT (UINT64_C(1) << 30)

static bool fits(const struct part *part, uint64_t end)
{
	return part->size <= PART_LIMIT && part->packed <= end && part->offset <= end - part->packed;
}

int read_trailer(int file, struct trailer *trailer)
{
	struct stat status;
	uint64_t end;
	ssize_t count;

	if (fstat(file, &status) < 0)
		return -errno;
	if ((uint64_t)status.st_size < sizeof(*trailer))
		return -EBADMSG;
	end = status.st_size - sizeof(*trailer);
	count = pread(file, trailer, sizeof(*trailer), end);
	if (count < 0)
		return -errno;
	if (count != sizeof(*trailer) ||
	    memcmp(trailer->magic, TRAILER_MAGIC, TRAILER_MAGIC_BYTES) != 0 ||
	    trailer->version != TRAILER_VERSION || trailer->bytes != sizeof(*trailer) ||
	    !fits(&trailer->runtime, end) || !fits(&trailer->libgcc, end) || !fits(&trailer->program, end))
		return -EBADMSG;
	return 0;
}
