/**
 * Records about packets as the BPF programs write them.
 *
 * @module
 */

import {
  DECIDED_BRIDGE,
  DECIDED_PREFIX,
  DECISION,
  DECISION_BYTES,
  DECISION_VRF,
  ROUTE_REACH,
} from "../../src/probe/decision_record.ts";
import { UNKNOWN } from "../../src/probe/layout.ts";
import {
  CAPTURED,
  COPY_BYTES,
  DROP_BYTES,
  DROP_CAPTURED,
  DROP_IFINDEX,
  DROP_IIF,
  DROP_LENGTH,
  DROP_NETNS,
  DROP_STACK,
  DROP_VIF,
  DROP_VRF,
  FLOW,
  GENERATION,
  HEADER,
  IFINDEX,
  LENGTH,
  LOCATION_HIGH,
  LOCATION_LOW,
  NETNS,
  NEXTHOP,
  NO_FUNCTION,
  PACKET_BYTES,
  PARENT_GENERATION,
  PARENT_SLOT,
  REASON,
  SOURCE,
  SOURCE_VROUTER,
} from "../../src/probe/packet_record.ts";
import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_COPY,
  KIND_DECISION,
  KIND_DROP,
  KIND_END,
  KIND_MATCH,
  KIND_PACKET,
  type RecordSink,
  TASK,
  TIMESTAMP_HIGH,
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
  /** Nanoseconds below 2^53. */
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

/** What a record of a drop has; all else is unknown or zero. */
export interface DropFields {
  readonly reason?: number;
  readonly source?: number;
  readonly location?: bigint;
  readonly vif?: number;
  readonly vrf?: number;
  readonly flow?: number;
  readonly netns?: number;
  readonly ifindex?: number;
  readonly iif?: number;
  readonly length?: number;
  readonly bytes?: Uint8Array;
  readonly stack?: readonly bigint[];
  /** Further words by their index. */
  readonly words?: Readonly<Record<number, number>>;
}

/** A packet dropped. */
export function dropRecord(place: PacketPlace, fields: DropFields): Uint32Array {
  const bytes = fields.bytes ?? new Uint8Array();
  const words = record(KIND_DROP, place, DROP_BYTES + bytes.length);
  const halves = new BigUint64Array([fields.location ?? 0n, ...fields.stack ?? []]);
  const [low, high, ...stack] = new Uint32Array(halves.buffer);
  words[REASON] = fields.reason ?? 0;
  words[SOURCE] = fields.source ?? SOURCE_VROUTER;
  words[LOCATION_LOW] = low!;
  words[LOCATION_HIGH] = high!;
  words[DROP_VIF] = fields.vif ?? UNKNOWN;
  words[DROP_VRF] = fields.vrf ?? UNKNOWN;
  words[NEXTHOP] = UNKNOWN;
  words[FLOW] = fields.flow ?? UNKNOWN;
  words[DROP_NETNS] = fields.netns ?? 0;
  words[DROP_IFINDEX] = fields.ifindex ?? 0;
  words[DROP_IIF] = fields.iif ?? 0;
  words[DROP_LENGTH] = fields.length ?? 0;
  words[DROP_CAPTURED] = bytes.length;
  words.set(stack, DROP_STACK);
  for (const [index, word] of Object.entries(fields.words ?? {})) words[Number(index)] = word;
  new Uint8Array(words.buffer).set(bytes, DROP_BYTES);
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

/**
 * A decision of vrouter.
 *
 * @param decision `DECIDED_BRIDGE`, ...
 * @param words further words by their index; all others are unknown
 */
export function decisionRecord(
  place: PacketPlace,
  decision: number,
  words: Readonly<Record<number, number>> = {},
): Uint32Array {
  const all = record(KIND_DECISION, place, DECISION_BYTES);
  all.fill(UNKNOWN, DECISION_VRF);
  all[DECISION] = decision;
  if (decision === DECIDED_BRIDGE || decision === DECIDED_PREFIX) all[ROUTE_REACH] = 0;
  for (const [index, word] of Object.entries(words)) all[Number(index)] = word;
  return all;
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
  words[TIMESTAMP_HIGH] = Math.floor((place.time ?? 0) / 2 ** 32);
  words[TASK] = place.task ?? 0;
  words[FRAME] = units;
  words[CALL] = (place.fn ?? NO_FUNCTION) | place.slot << 16;
  words[CPU_AND_KIND] = (place.cpu ?? 0) | kind << 16 | (place.generation & 0xff) << 24;
  return words;
}
