/**
 * Records about packets as the BPF programs write them.
 *
 * @module
 */

import {
  CAPTURED,
  COPY_BYTES,
  DROP_BYTES,
  GENERATION,
  HEADER,
  IFINDEX,
  LENGTH,
  LOCATION_HIGH,
  LOCATION_LOW,
  NETNS,
  NO_FUNCTION,
  PACKET_BYTES,
  PARENT_GENERATION,
  PARENT_SLOT,
  REASON,
} from "../../src/probe/packet_record.ts";
import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_COPY,
  KIND_DROP,
  KIND_END,
  KIND_MATCH,
  KIND_PACKET,
  type RecordSink,
  TASK,
  TIMESTAMP_LOW,
} from "../../src/probe/record.ts";

/** Where and when something happened to a packet. */
export interface PacketPlace {
  readonly slot: number;
  readonly generation: number;
  /** Index of the function; none by default. */
  readonly fn?: number;
  readonly task?: number;
  readonly cpu?: number;
  /** Nanoseconds below 2^32. */
  readonly time?: number;
}

/** A packet seen for the first time. */
export function packetRecord(
  place: PacketPlace,
  seen: { length?: number; netns?: number; ifindex?: number; header?: Uint8Array } = {},
): Uint32Array {
  const header = seen.header ?? new Uint8Array();
  const words = record(KIND_PACKET, place, PACKET_BYTES + header.length);
  words[GENERATION] = place.generation;
  words[LENGTH] = seen.length ?? 0;
  words[NETNS] = seen.netns ?? 0;
  words[IFINDEX] = seen.ifindex ?? 0;
  words[CAPTURED] = header.length;
  new Uint8Array(words.buffer).set(header, 4 * HEADER);
  return words;
}

/** A packet made from another. */
export function copyRecord(place: PacketPlace, parent: PacketPlace): Uint32Array {
  const words = record(KIND_COPY, place, COPY_BYTES);
  words[GENERATION] = place.generation;
  words[PARENT_GENERATION] = parent.generation;
  words[PARENT_SLOT] = parent.slot;
  return words;
}

/** A packet dropped. */
export function dropRecord(place: PacketPlace, reason: number, location: bigint): Uint32Array {
  const words = record(KIND_DROP, place, DROP_BYTES);
  words[REASON] = reason;
  words[LOCATION_LOW] = Number(location & 0xffffffffn);
  words[LOCATION_HIGH] = Number(location >> 32n);
  return words;
}

/** A packet's end. */
export function endRecord(place: PacketPlace): Uint32Array {
  return record(KIND_END, place, EVENT_BYTES);
}

/** A packet has met all conditions. */
export function matchRecord(place: PacketPlace): Uint32Array {
  return record(KIND_MATCH, place, EVENT_BYTES);
}

/** Passes a record to `sink` with its whole length. */
export function feedWords(sink: RecordSink, words: Uint32Array): void {
  sink.record(words, 0, words.byteLength);
}

/** A record in whole units, with its head. */
function record(kind: number, place: PacketPlace, bytes: number): Uint32Array {
  const units = Math.ceil(bytes / EVENT_BYTES);
  const words = new Uint32Array(units * EVENT_BYTES / 4);
  words[TIMESTAMP_LOW] = place.time ?? 0;
  words[TASK] = place.task ?? 0;
  words[FRAME] = units;
  words[CALL] = (place.fn ?? NO_FUNCTION) | place.slot << 16;
  words[CPU_AND_KIND] = (place.cpu ?? 0) | kind << 16 | (place.generation & 0xff) << 24;
  return words;
}
