/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "sha256.h"

/* Offset of the message length in the last block. */
#define LENGTH_OFFSET (SHA256_BLOCK_BYTES - 8)

static const uint32_t initial[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, int bits)
{
	return word >> bits | word << (32 - bits);
}

static uint32_t load(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void store(uint8_t *bytes, uint32_t word)
{
	bytes[0] = word >> 24;
	bytes[1] = word >> 16;
	bytes[2] = word >> 8;
	bytes[3] = word;
}

/*
 * One round. Instead of shifting the words of the state by one place, the caller renames them; d and h get
 * new values.
 */
static inline void sha_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f,
			     uint32_t g, uint32_t *h, uint32_t word)
{
	uint32_t first = *h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + word;
	uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));

	*d += first;
	*h = first + second;
}

static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t words[64];
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

	for (int i = 0; i < 16; i++)
		words[i] = load(block + 4 * i);
	for (int i = 16; i < 64; i++) {
		uint32_t early = words[i - 15], late = words[i - 2];

		words[i] = words[i - 16] + words[i - 7] +
			   (rotate(early, 7) ^ rotate(early, 18) ^ early >> 3) +
			   (rotate(late, 17) ^ rotate(late, 19) ^ late >> 10);
	}
	for (int i = 0; i < 64; i += 8) {
		sha_round(a, b, c, &d, e, f, g, &h, constants[i] + words[i]);
		sha_round(h, a, b, &c, d, e, f, &g, constants[i + 1] + words[i + 1]);
		sha_round(g, h, a, &b, c, d, e, &f, constants[i + 2] + words[i + 2]);
		sha_round(f, g, h, &a, b, c, d, &e, constants[i + 3] + words[i + 3]);
		sha_round(e, f, g, &h, a, b, c, &d, constants[i + 4] + words[i + 4]);
		sha_round(d, e, f, &g, h, a, b, &c, constants[i + 5] + words[i + 5]);
		sha_round(c, d, e, &f, g, h, a, &b, constants[i + 6] + words[i + 6]);
		sha_round(b, c, d, &e, f, g, h, &a, constants[i + 7] + words[i + 7]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void sha256_start(struct sha256 *sha)
{
	memcpy(sha->state, initial, sizeof(initial));
	sha->bytes = 0;
}

void sha256_add(struct sha256 *sha, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	size_t filled = sha->bytes % SHA256_BLOCK_BYTES;

	sha->bytes += size;
	if (filled > 0) {
		size_t missing = SHA256_BLOCK_BYTES - filled;
		size_t taken = size < missing ? size : missing;

		memcpy(sha->block + filled, bytes, taken);
		bytes += taken;
		size -= taken;
		if (taken < missing)
			return;
		compress(sha->state, sha->block);
	}
	for (; size >= SHA256_BLOCK_BYTES; size -= SHA256_BLOCK_BYTES) {
		compress(sha->state, bytes);
		bytes += SHA256_BLOCK_BYTES;
	}
	memcpy(sha->block, bytes, size);
}

void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_BYTES])
{
	static const uint8_t padding[SHA256_BLOCK_BYTES] = { 0x80 };
	uint64_t bits = sha->bytes * 8;
	size_t filled = sha->bytes % SHA256_BLOCK_BYTES;
	uint8_t length[8];

	sha256_add(sha, padding, filled < LENGTH_OFFSET ?
		   LENGTH_OFFSET - filled : LENGTH_OFFSET + SHA256_BLOCK_BYTES - filled);
	store(length, bits >> 32);
	store(length + 4, bits);
	sha256_add(sha, length, sizeof(length));
	for (int i = 0; i < 8; i++)
		store(digest + 4 * i, sha->state[i]);
}
