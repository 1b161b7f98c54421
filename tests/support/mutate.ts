/**
 * Damages the inputs of parsers, as files and messages are damaged by accident or on purpose.
 *
 * @module
 */

import { viewOf } from "../../src/sys/view.ts";
import type { Random } from "./random.ts";

/** One kind of damage: gives the damaged bytes, which may be those that it got. */
type Damage = (bytes: Bytes, random: Random, other: Uint8Array) => Bytes;
type Bytes = Uint8Array<ArrayBuffer>;

/** Changes in place, after which the framing is often still right. */
const IN_PLACE: readonly Damage[] = [flipBit, setByte, setWord, setWord, copyWord, swapChunks];
/** Changes of the length. */
const RESHAPING: readonly Damage[] = [cut, extend, splice, duplicateChunk, removeChunk];

/** Bytes put in or taken out at a time. */
const MAX_CHUNK = 64;

/**
 * A damaged copy of `bytes`: one to four changes in place and, one time in four, one of the length.
 *
 * @param other what is spliced with it; it is with itself unless given
 */
export function mutate(bytes: Uint8Array, random: Random, other: Uint8Array = bytes): Bytes {
  let damaged = bytes.slice();
  for (let changes = 1 + random.int(4); changes > 0 && damaged.length > 0; changes--) {
    damaged = random.pick(IN_PLACE)(damaged, random, other);
  }
  return random.int(4) === 0 ? random.pick(RESHAPING)(damaged, random, other) : damaged;
}

function flipBit(bytes: Bytes, random: Random): Bytes {
  const at = random.int(bytes.length);
  bytes[at] = bytes[at]! ^ 1 << random.int(8);
  return bytes;
}

function setByte(bytes: Bytes, random: Random): Bytes {
  bytes[random.int(bytes.length)] = random.int(2) === 0
    ? random.int(256)
    : random.pick([0, 1, 0x7f, 0x80, 0xff]);
  return bytes;
}

/** Sets 16 or 32 bits, of either byte order, to a number that lengths and references stumble over. */
function setWord(bytes: Bytes, random: Random): Bytes {
  const size = random.pick([2, 4]);
  const at = placeOf(bytes, size, random);
  if (at < 0) return bytes;
  const view = viewOf(bytes);
  const little = random.int(2) === 0;
  const old = size === 2 ? view.getUint16(at, little) : view.getUint32(at, little);
  const value = random.pick([
    random.pick([0, 1, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff]),
    bytes.length - random.int(2) * at,
    // A small number is often a valid reference or count.
    random.int(48),
    old + random.int(17) - 8,
  ]);
  if (size === 2) view.setUint16(at, value, little);
  else view.setUint32(at, value, little);
  return bytes;
}

/** Copies a word of another place, which belongs to the same format. */
function copyWord(bytes: Bytes, random: Random): Bytes {
  const [from, to] = [placeOf(bytes, 4, random), placeOf(bytes, 4, random)];
  if (from >= 0) bytes.copyWithin(to, from, from + 4);
  return bytes;
}

function swapChunks(bytes: Bytes, random: Random): Bytes {
  const length = 1 + random.int(Math.min(MAX_CHUNK, bytes.length));
  const [a, b] = [random.int(bytes.length - length + 1), random.int(bytes.length - length + 1)];
  const kept = bytes.slice(a, a + length);
  bytes.copyWithin(a, b, b + length);
  bytes.set(kept, b);
  return bytes;
}

function cut(bytes: Bytes, random: Random): Bytes {
  return bytes.slice(0, random.int(bytes.length + 1));
}

function extend(bytes: Bytes, random: Random): Bytes {
  const length = 1 + random.int(MAX_CHUNK);
  return joined(bytes, random.int(2) === 0 ? random.bytes(length) : new Uint8Array(length));
}

/** The beginning of one and the end of the other. */
function splice(bytes: Bytes, random: Random, other: Uint8Array): Bytes {
  const head = bytes.subarray(0, random.int(bytes.length + 1));
  return joined(head, other.subarray(random.int(other.length + 1)));
}

function duplicateChunk(bytes: Bytes, random: Random): Bytes {
  const [from, to] = chunkOf(bytes, random);
  return joined(bytes.subarray(0, to), bytes.subarray(from));
}

function removeChunk(bytes: Bytes, random: Random): Bytes {
  const [from, to] = chunkOf(bytes, random);
  return joined(bytes.subarray(0, from), bytes.subarray(to));
}

/** Where `size` bytes lie, aligned half of the time; -1 when there are not as many. */
function placeOf(bytes: Uint8Array, size: number, random: Random): number {
  if (bytes.length < size) return -1;
  const at = random.int(bytes.length - size + 1);
  return random.int(2) === 0 ? at - at % size : at;
}

/** Start and end of a few bytes. */
function chunkOf(bytes: Uint8Array, random: Random): [number, number] {
  const from = random.int(bytes.length + 1);
  return [from, Math.min(bytes.length, from + random.int(MAX_CHUNK))];
}

function joined(head: Uint8Array, tail: Uint8Array): Bytes {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}
