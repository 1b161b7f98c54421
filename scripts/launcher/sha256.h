/* SPDX-License-Identifier: BSD-3-Clause */
/* SHA-256 (FIPS 180-4). */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_BLOCK_BYTES 64

struct sha256 {
	uint32_t state[8];
	uint64_t bytes;				/* processed so far */
	uint8_t block[SHA256_BLOCK_BYTES];	/* incomplete block */
};

void sha256_start(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t size);
/* Call once; afterwards only sha256_start() is valid. */
void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_BYTES]);

#endif
