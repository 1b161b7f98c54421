/**
 * The file of a recording: numbers, limits, and the heads of its blocks. docs/recording.md has the format
 * byte for byte.
 *
 * A file is a row of blocks. A block is a skippable zstd frame with the block's head, and an ordinary zstd
 * frame with its contents: zstd's own tool reads the file, and whoever seeks hops from head to head.
 *
 * @module
 */

import { viewOf } from "../sys/view.ts";
import { zlib } from "./node_zlib.ts";

/** Version of the format. A reader refuses a newer major one, and reads a newer minor one as far as it can. */
export const MAJOR = 1;
export const MINOR = 2;

/** Bytes of a block's head with the 8 bytes of its skippable frame. */
export const HEAD_BYTES = 56;
/** A newer minor version may have a longer head. */
export const MAX_HEAD_BYTES = 1024;

/** Records of calls and packets, in columns. */
export const BLOCK_RECORDS = 1;
/** What records refer to. */
export const BLOCK_SECTIONS = 2;

/** Maximum number of records in a block. */
export const MAX_RECORDS = 16_384;
/** Maximum number of a block's losses. */
export const MAX_LOSSES = 16_384;
/** Bytes of records longer than a call's after which a block is full. */
export const ROWS_BYTES = 1 << 20;
/** Maximum bytes of a block, uncompressed: a reader never has more of one. */
export const MAX_PLAIN_BYTES = 4 << 20;
/** Maximum bytes of a block's zstd frame: of what cannot be compressed, with zstd's own heads. */
export const MAX_FRAME_BYTES = MAX_PLAIN_BYTES + (MAX_PLAIN_BYTES >>> 8) + 1024;

/** Of zstd's skippable frames, the one that vrft uses. */
const SKIPPABLE_MAGIC = 0x184d2a5a;
const SKIPPABLE_BYTES = 8;
/** "VRFT" */
const MAGIC = 0x54465256;

// Offsets in the head.
const AT_SKIPPED = 4;
const AT_MAGIC = 8;
const AT_MAJOR = 12;
const AT_MINOR = 13;
const AT_TYPE = 14;
const AT_SEQUENCE = 16;
const AT_RECORDS = 20;
const AT_FIRST = 24;
const AT_LAST = 32;
const AT_LOST = 40;
const AT_FRAME_BYTES = 44;
const AT_PLAIN_BYTES = 48;
const AT_CHECKSUM = 52;

/** Head of a block. */
export interface BlockHead {
  readonly major: number;
  readonly minor: number;
  /** {@linkcode BLOCK_RECORDS}, {@linkcode BLOCK_SECTIONS}, or unknown. */
  readonly type: number;
  /** Number of the block, from 0. */
  readonly sequence: number;
  readonly records: number;
  /** Least and greatest time of its records, or when the sections were written. */
  readonly first: bigint;
  readonly last: bigint;
  /** Records lost, of which the block tells. */
  readonly lost: number;
  /** Length of the zstd frame. */
  readonly frameBytes: number;
  /** Length of its contents. */
  readonly plainBytes: number;
}

/** Why bytes are no head of a block. */
export type HeadFault =
  /** Not vrft's, or damaged. */
  | "foreign"
  | "damaged"
  /** Of a newer major version. */
  | "newer";

/** Writes a head to the first {@linkcode HEAD_BYTES} of `to`. */
export function writeHead(to: Uint8Array, head: Omit<BlockHead, "major" | "minor">): void {
  const view = viewOf(to);
  view.setUint32(0, SKIPPABLE_MAGIC, true);
  view.setUint32(AT_SKIPPED, HEAD_BYTES - SKIPPABLE_BYTES, true);
  view.setUint32(AT_MAGIC, MAGIC, true);
  view.setUint8(AT_MAJOR, MAJOR);
  view.setUint8(AT_MINOR, MINOR);
  view.setUint8(AT_TYPE, head.type);
  view.setUint8(AT_TYPE + 1, 0);
  view.setUint32(AT_SEQUENCE, head.sequence, true);
  view.setUint32(AT_RECORDS, head.records, true);
  view.setBigUint64(AT_FIRST, head.first, true);
  view.setBigUint64(AT_LAST, head.last, true);
  view.setUint32(AT_LOST, Math.min(head.lost, 0xffffffff), true);
  view.setUint32(AT_FRAME_BYTES, head.frameBytes, true);
  view.setUint32(AT_PLAIN_BYTES, head.plainBytes, true);
  view.setUint32(AT_CHECKSUM, zlib().crc32(to.subarray(AT_MAGIC, AT_CHECKSUM)), true);
}

/** Bytes of the whole head, by its first 8; 0 if it is no head. */
export function headBytes(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== SKIPPABLE_MAGIC) return 0;
  const length = SKIPPABLE_BYTES + view.getUint32(AT_SKIPPED, true);
  return length < HEAD_BYTES || length > MAX_HEAD_BYTES ? 0 : length;
}

/** Reads a head from its first {@linkcode HEAD_BYTES}. */
export function readHead(bytes: Uint8Array): BlockHead | HeadFault {
  const view = viewOf(bytes);
  if (headBytes(bytes) === 0 || view.getUint32(AT_MAGIC, true) !== MAGIC) return "foreign";
  const major = view.getUint8(AT_MAJOR);
  // Before the checksum, which may be elsewhere then.
  if (major > MAJOR) return "newer";
  const checksum = zlib().crc32(bytes.subarray(AT_MAGIC, AT_CHECKSUM));
  if (view.getUint32(AT_CHECKSUM, true) !== checksum) return "damaged";
  const head = {
    major,
    minor: view.getUint8(AT_MINOR),
    type: view.getUint8(AT_TYPE),
    sequence: view.getUint32(AT_SEQUENCE, true),
    records: view.getUint32(AT_RECORDS, true),
    first: view.getBigUint64(AT_FIRST, true),
    last: view.getBigUint64(AT_LAST, true),
    lost: view.getUint32(AT_LOST, true),
    frameBytes: view.getUint32(AT_FRAME_BYTES, true),
    plainBytes: view.getUint32(AT_PLAIN_BYTES, true),
  };
  const fits = head.records <= MAX_RECORDS && head.frameBytes <= MAX_FRAME_BYTES &&
    head.plainBytes <= MAX_PLAIN_BYTES;
  return fits ? head : "damaged";
}
