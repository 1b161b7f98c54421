/**
 * Heads of records that a recording does not have, in the place of another record.
 *
 * @module
 */

import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  FUNCTION_MASK,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "../probe/record.ts";

/**
 * Writes the head of a record about a packet.
 *
 * @param to the record; its length says how long it is
 * @param kind `KIND_PACKET`, ...
 * @param packet its handle: see `Step.packet`
 * @param at index in `words` of the record that is then and there
 */
export function writeHead(
  to: Uint32Array,
  kind: number,
  packet: number,
  words: Readonly<Uint32Array>,
  at: number,
): void {
  to[TIMESTAMP_LOW] = words[at + TIMESTAMP_LOW]!;
  to[TIMESTAMP_HIGH] = words[at + TIMESTAMP_HIGH]!;
  to[TASK] = words[at + TASK]!;
  to[FRAME] = to.byteLength / EVENT_BYTES;
  to[CALL] = words[at + CALL]! & FUNCTION_MASK | packet << 16;
  to[CPU_AND_KIND] = words[at + CPU_AND_KIND]! & 0xffff | kind << 16 | packet >>> 16 << 24;
}
