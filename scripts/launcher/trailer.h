/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file that contains the launcher:
 *
 *   launcher     an ELF program
 *   runtime      deno, a zstd frame
 *   libgcc       libgcc_s.so.1, needed by deno but not present on every host, a zstd frame
 *   program      the program to run (program.ts), a zstd frame
 *   trailer      the last sizeof(struct trailer) bytes
 *
 * Each zstd frame ends with its checksum. Numbers are little-endian. The trailer is written by trailer.ts,
 * which repeats this layout.
 */
#ifndef TRAILER_H
#define TRAILER_H

#include <stdint.h>

/* Change it with the layout. */
#define TRAILER_VERSION 1

/* Like PNG's: detects transfers as text, which change line ends or drop the eighth bit. */
#define TRAILER_MAGIC "\x89vrft\r\n\x1a"
#define TRAILER_MAGIC_BYTES 8

#define DIGEST_BYTES 32

struct part {
	uint64_t offset;	/* in the file */
	uint64_t packed;	/* bytes in the file */
	uint64_t size;		/* bytes when unpacked */
};

struct trailer {
	struct part runtime;
	struct part libgcc;
	struct part program;
	uint8_t runtime_digest[DIGEST_BYTES];	/* SHA-256 of the unpacked runtime; only names it in the cache */
	uint32_t version;			/* TRAILER_VERSION */
	uint32_t bytes;				/* sizeof(struct trailer) */
	char magic[TRAILER_MAGIC_BYTES];
};

_Static_assert(sizeof(struct trailer) == 120, "trailer.ts has the same layout");

/*
 * Reads the trailer of the open file. Returns 0; -EBADMSG if it is missing or does not fit the file;
 * another -errno if it cannot be read.
 */
int read_trailer(int file, struct trailer *trailer);

#endif
