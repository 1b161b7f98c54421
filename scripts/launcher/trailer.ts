/**
 * The trailer of a file that contains the launcher. The layout is described in trailer.h.
 *
 * @module
 */

/** In their order in the trailer. */
const PARTS = ["runtime", "libgcc", "program"] as const;

/** Name of a part. */
export type PartName = typeof PARTS[number];

/** struct part. */
export interface Part {
  /** In the file. */
  readonly offset: number;
  /** Bytes in the file. */
  readonly packed: number;
  /** Bytes when unpacked. */
  readonly size: number;
}

/** The variable fields of struct trailer. */
export interface Trailer {
  readonly parts: Readonly<Record<PartName, Part>>;
  /** SHA-256 of the unpacked runtime. */
  readonly runtimeDigest: Uint8Array;
}

/** sizeof(struct trailer). */
export const TRAILER_BYTES = 120;

/** sizeof(struct part). */
const PART_BYTES = 24;
const DIGEST_OFFSET = PARTS.length * PART_BYTES;
const DIGEST_BYTES = 32;
const VERSION_OFFSET = DIGEST_OFFSET + DIGEST_BYTES;
const MAGIC_OFFSET = VERSION_OFFSET + 8;

/** TRAILER_VERSION. */
const VERSION = 1;
/** TRAILER_MAGIC: `\x89vrft\r\n\x1a`. */
const MAGIC = [0x89, 0x76, 0x72, 0x66, 0x74, 0x0d, 0x0a, 0x1a];

/** The bytes of `trailer`. */
export function encodeTrailer(trailer: Trailer): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, name] of PARTS.entries()) {
    const { offset, packed, size } = trailer.parts[name];
    view.setBigUint64(index * PART_BYTES, BigInt(offset), true);
    view.setBigUint64(index * PART_BYTES + 8, BigInt(packed), true);
    view.setBigUint64(index * PART_BYTES + 16, BigInt(size), true);
  }
  bytes.set(trailer.runtimeDigest, DIGEST_OFFSET);
  view.setUint32(VERSION_OFFSET, VERSION, true);
  view.setUint32(VERSION_OFFSET + 4, TRAILER_BYTES, true);
  bytes.set(MAGIC, MAGIC_OFFSET);
  return bytes;
}

/** The trailer of `file`, trusted to come from {@linkcode encodeTrailer}. */
export function decodeTrailer(file: Uint8Array<ArrayBuffer>): Trailer {
  const start = file.byteOffset + file.length - TRAILER_BYTES;
  const view = new DataView(file.buffer, start, TRAILER_BYTES);
  const part = (index: number): Part => ({
    offset: Number(view.getBigUint64(index * PART_BYTES, true)),
    packed: Number(view.getBigUint64(index * PART_BYTES + 8, true)),
    size: Number(view.getBigUint64(index * PART_BYTES + 16, true)),
  });
  return {
    parts: { runtime: part(0), libgcc: part(1), program: part(2) },
    runtimeDigest: new Uint8Array(file.buffer, start + DIGEST_OFFSET, DIGEST_BYTES).slice(),
  };
}
