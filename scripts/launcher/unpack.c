/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "signals.h"
#include "unpack.h"

#define BUFFER_BYTES (256 * 1024)

struct buffers {
	char packed[BUFFER_BYTES];
	char unpacked[BUFFER_BYTES];
};

static int write_all(int target, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = write(target, bytes, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		bytes += count;
		size -= count;
	}
	return 0;
}

/* Reads the next piece of the part; a file that ends before the part is damaged. */
static int read_piece(int file, struct part *left, char *buffer, ZSTD_inBuffer *input)
{
	size_t wanted = left->packed < BUFFER_BYTES ? left->packed : BUFFER_BYTES;
	ssize_t count;

	do
		count = pread(file, buffer, wanted, left->offset);
	while (count < 0 && errno == EINTR);
	if (count <= 0)
		return count < 0 ? -errno : -EBADMSG;
	left->offset += count;
	left->packed -= count;
	*input = (ZSTD_inBuffer){ .src = buffer, .size = count };
	return 0;
}

static int unpack_with(ZSTD_DStream *stream, struct buffers *buffers, int file, struct part left, int target)
{
	ZSTD_inBuffer input = { 0 };
	size_t state;
	int error;

	/* Until the end of the frame, where state is 0. */
	do {
		ZSTD_outBuffer output = { .dst = buffers->unpacked, .size = BUFFER_BYTES };

		if (signal_waits())
			return -EINTR;
		if (input.pos == input.size && left.packed > 0) {
			error = read_piece(file, &left, buffers->packed, &input);
			if (error < 0)
				return error;
		}
		state = ZSTD_decompressStream(stream, &output, &input);
		if (ZSTD_isError(state) || output.pos > left.size)
			return -EBADMSG;
		/* Everything has been read, but the frame continues. */
		if (state != 0 && output.pos == 0 && input.pos == input.size && left.packed == 0)
			return -EBADMSG;
		left.size -= output.pos;
		error = write_all(target, buffers->unpacked, output.pos);
		if (error < 0)
			return error;
	} while (state != 0);
	return left.size == 0 && left.packed == 0 && input.pos == input.size ? 0 : -EBADMSG;
}

int unpack(int file, const struct part *part, int target)
{
	struct buffers *buffers = malloc(sizeof(*buffers));
	ZSTD_DStream *stream = ZSTD_createDStream();
	int error = -ENOMEM;

	if (buffers && stream)
		error = unpack_with(stream, buffers, file, *part, target);
	ZSTD_freeDStream(stream);
	free(buffers);
	return error;
}
