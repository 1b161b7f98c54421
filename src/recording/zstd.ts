/**
 * One zstd frame at a time, by node:zlib, whose decompressor reads only the first frame of several, and
 * takes a truncated one for an empty one: so a frame's length is checked before, its contents' after.
 *
 * @module
 */

import { viewOf } from "../sys/view.ts";
import { zlib } from "./node_zlib.ts";

const MAGIC = 0xfd2fb528;
/** For records: level 3 makes real traces 0 to 5 % smaller, and takes a third longer. */
export const FAST = 1;
/** For short sections: a tenth smaller. 10 KB take 0.6 ms instead of 0.1; with level 19, 9 ms. */
export const SMALL = 9;
const MAX_ZSTD_BLOCK = 128 << 10;
/** `ZSTD_WINDOWLOG_ABSOLUTEMIN` */
const MIN_WINDOW_LOG = 10;

// Of the frame header's descriptor:
const SINGLE_SEGMENT = 0x20;
const RESERVED = 0x08;
const CHECKSUM = 0x04;
const DICTIONARY = 0x03;
const RLE = 1;
const INVALID = 3;

/** Compresses `plain` to a frame with content size and checksum. @param level of zstd */
export function compress(plain: Uint8Array, level: number = FAST): Uint8Array {
  const { length } = plain;
  const { constants, zstdCompressSync } = zlib();
  const options = {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
      // Otherwise the window of low levels is smaller than long contents, which makes a frame of several
      // segments.
      [constants.ZSTD_c_windowLog]: Math.max(MIN_WINDOW_LOG, 32 - Math.clz32(length)),
    },
    // Not in the types of all versions.
    pledgedSrcSize: length,
    // All of it at once: ZSTD_COMPRESSBOUND(), and some.
    chunkSize: length + (length >>> 8) + 1024,
  };
  const frame = zstdCompressSync(plain, options);
  // With chunks that it fills, Deno's adds an empty frame.
  return frame.subarray(0, frameLength(frame));
}

/**
 * Decompresses a frame.
 *
 * @param plainBytes length of its contents; no more memory than that is taken
 * @returns `null` if it is not exactly one intact frame of these contents
 */
export function decompress(frame: Uint8Array, plainBytes: number): Uint8Array | null {
  if (contentBytes(frame) !== plainBytes || frameLength(frame) !== frame.length) return null;
  try {
    // At the limit itself it would not notice that the frame goes on.
    const plain = zlib().zstdDecompressSync(frame, { maxOutputLength: plainBytes + 1 });
    return plain.length === plainBytes ? plain : null;
  } catch {
    return null;
  }
}

/**
 * Size of a frame's contents by its header; -1 if it does not say, or has a window that is not its
 * contents.
 */
function contentBytes(frame: Uint8Array): number {
  if (frame.length < 14) return -1;
  const view = viewOf(frame);
  const descriptor = frame[4]!;
  if (view.getUint32(0, true) !== MAGIC || (descriptor & (RESERVED | DICTIONARY)) !== 0) return -1;
  if ((descriptor & SINGLE_SEGMENT) === 0) return -1;
  switch (descriptor >>> 6) {
    case 0:
      return view.getUint8(5);
    case 1:
      return view.getUint16(5, true) + 256;
    case 2:
      return view.getUint32(5, true);
    default:
      return -1;
  }
}

/** Length of the frame by the heads of its blocks; -1 if it is truncated. */
function frameLength(frame: Uint8Array): number {
  const descriptor = frame[4]!;
  let at = 5 + (1 << (descriptor >>> 6));
  for (let isLast = false; !isLast;) {
    if (at + 3 > frame.length) return -1;
    const head = frame[at]! | frame[at + 1]! << 8 | frame[at + 2]! << 16;
    const [type, size] = [(head >>> 1) & 3, head >>> 3];
    if (type === INVALID || size > MAX_ZSTD_BLOCK) return -1;
    isLast = (head & 1) !== 0;
    at += 3 + (type === RLE ? 1 : size);
  }
  return at + ((descriptor & CHECKSUM) === 0 ? 0 : 4);
}
