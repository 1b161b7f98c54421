/**
 * The model: the events of a trace, what each carries, and the two interfaces that they pass through.
 * A source (the ring of a live trace, or a recording) feeds records to an {@linkcode EventSink}, in the
 * order of their time; `tree.ts` is one, and tells a {@linkcode View} what happened, step by step. A
 * view cannot tell which source it reads.
 *
 * Calls are events of their own kind, because only the tree knows which return belongs to which
 * entry. All others are about a packet: {@linkcode PACKET_EVENTS} has everything that is particular to
 * one kind, so adding a kind is one entry there, a method of {@linkcode View}, and the layout of its
 * record. Records of a kind that is not known are skipped and counted.
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
  PACKET_BYTES,
  PARENT_GENERATION,
  PARENT_SLOT,
  REASON,
} from "../probe/packet_record.ts";
import {
  DECIDED_BRIDGE,
  DECIDED_PREFIX,
  DECISION,
  DECISION_BYTES,
} from "../probe/decision_record.ts";
import {
  EVENT_BYTES,
  KIND_COPY,
  KIND_DECISION,
  KIND_DROP,
  KIND_END,
  KIND_MATCH,
  KIND_PACKET,
  MAX_UNITS,
  type RecordSink,
} from "../probe/record.ts";
import { packetId, type PacketTable, UNKNOWN_PACKET } from "./packets.ts";

/** What a source feeds with its records. */
export interface EventSink extends RecordSink {
  /**
   * Records were lost since the last call, or since the start.
   *
   * @param ahead maximum number of records to come that may precede the loss
   */
  lost(ahead: number): void;
  /** The source has no more records for now: flush buffered output. */
  dry(): void;
}

/** "No call", "no function" and "no packet" in a {@linkcode Step}. */
export const NONE = -1;

/** Why a call's closing row is not its own return event. */
export type Incomplete =
  /**
   * There was no return event: it was lost, or the probe's hit was missed. At the end of the trace this is
   * assumed if events were lost after the task's last event.
   */
  | "return lost"
  /** The trace ended while the call was still running. */
  | "trace ended";

/**
 * What a view is told about a step: one object, which is reused for each, so a view copies what it
 * keeps. All fields are 32-bit signed numbers, for which V8 allocates nothing.
 */
export class Step {
  /**
   * Low half of the time, in nanoseconds of CLOCK_MONOTONIC, as a signed number with the bits of the
   * unsigned one (`low >>> 0` is the value).
   */
  low = 0;
  /** High half of the time, likewise. */
  high = 0;
  cpu = 0;
  /** Thread id; 0 for every CPU's idle task. */
  task = 0;
  /** Number of calls of the task that are open around it. */
  depth = 0;
  /** Index of the function; {@linkcode NONE} for a packet's event outside of all functions. */
  fn = 0;
  /**
   * The call, by a small number that no other open call has: a view keeps what it knows of an open call
   * in an array, by this index. Of a packet's event, the innermost open call of the task. Or
   * {@linkcode NONE}.
   */
  call = NONE;
  /**
   * Handle of the packet, of which `PacketTable.id()` makes its id; {@linkcode NONE} in an
   * {@linkcode View.orphan}, as the record of a return does not say.
   */
  packet = NONE;
  /**
   * Of a call of vrouter that starts and drops its packet: why, a number of the module's enumeration, if
   * the trace is to tell. Otherwise {@linkcode NONE}.
   */
  reason = NONE;
  /**
   * Of a call of vrouter that starts: index of the vif that it is given, or else that its packet is at, if the
   * trace is to tell. Otherwise {@linkcode NONE}.
   */
  vif = NONE;
  /** Likewise, id of the nexthop. */
  nexthop = NONE;
  /** Of a call that starts: whether its return is recorded. Otherwise it is closed at once. */
  returns = true;
  /** Of a call that returns: whether {@linkcode resultLow} and {@linkcode resultHigh} are known. */
  hasResult = false;
  /** Halves of the register with the result. How many of its bits mean something depends on the function. */
  resultLow = 0;
  resultHigh = 0;
  /**
   * Of a call that returns, nanoseconds, if the trace is to tell: {@linkcode TOTAL}, and {@linkcode SELF} of
   * those. NaN for what is not known.
   */
  readonly times: Float64Array = new Float64Array(2).fill(NaN);
}

/** In {@linkcode Step.times}: the time of a call. */
export const TOTAL = 0;
/** In {@linkcode Step.times}: the same without the calls inside it that were traced. */
export const SELF = 1;

/** Bytes of a packet that an event carries at most. */
export const MAX_HEADER_BYTES = MAX_UNITS * EVENT_BYTES - PACKET_BYTES;

/** What an event of a packet carries besides its {@linkcode Step}; reused like that. */
export class PacketDetails {
  /** The packet's id. {@linkcode UNKNOWN_PACKET} if the record that told it was lost. */
  id = UNKNOWN_PACKET;
  /** Packet seen, packet copied: the packet's number, see `PacketTable.number()`. */
  number = 0;
  /** Packet seen, packet copied: the low half of the id is the slot of this packet, this is the rest. */
  generation = 0;
  /** Packet copied: id of the packet that it was copied from. */
  parent = UNKNOWN_PACKET;
  /** Packet seen: its length in bytes. */
  length = 0;
  /** Packet seen: inode number of the network namespace of its device. */
  netns = 0;
  /** Packet seen: its device in that namespace. */
  ifindex = 0;
  /** Packet seen: number of bytes in {@linkcode header}. */
  captured = 0;
  /** Packet dropped: the reason's number, in the enumeration of who dropped it. */
  reason = 0;
  /** Packet dropped: halves of the address where, as in {@linkcode Step.low}. */
  locationLow = 0;
  locationHigh = 0;
  /**
   * Packet dropped, vrouter decides: its whole record, with the offsets of `packet_record.ts` and
   * `decision_record.ts`.
   */
  readonly record: Uint32Array = new Uint32Array(MAX_UNITS * EVENT_BYTES / 4);
  readonly #words = new Uint32Array(MAX_HEADER_BYTES / 4);
  /** Packet seen: the first bytes of the packet. */
  readonly header: Uint8Array = new Uint8Array(this.#words.buffer);

  /** Copies the first `bytes` bytes of the packet from `words`. */
  capture(words: Uint32Array, at: number, bytes: number): void {
    for (let index = 0; index * 4 < bytes; index++) this.#words[index] = words[at + index]!;
    this.captured = bytes;
  }

  /** Copies `count` words of a record, from `words[at]` on, to {@linkcode record}. */
  keep(words: Uint32Array, at: number, count: number, to = 0): void {
    for (let index = 0; index < count; index++) this.record[to + index] = words[at + index]!;
  }
}

/**
 * Receives the steps of call trees, and what happens to packets, in the order of their events. Its
 * methods are called per event, so they should not allocate; both arguments change with the next one.
 */
export interface View {
  /** False if events of packets have no rows of their own, which count against a limit. */
  readonly hasPacketRows?: false;
  /** A call starts. */
  enter(step: Readonly<Step>): void;
  /** The call returns; all but the time and the CPU is as in its {@linkcode enter}. */
  leave(step: Readonly<Step>): void;
  /** The call is closed without a return event, at the time of the event that showed it. */
  abandon(step: Readonly<Step>, why: Incomplete): void;
  /** A return whose entry was lost. It closes no call. */
  orphan(step: Readonly<Step>): void;
  /** A packet is seen for the first time, or its header is. */
  packet?(step: Readonly<Step>, details: Readonly<PacketDetails>): void;
  /** A packet is made from another, as a clone, a copy or a segment. */
  copied?(step: Readonly<Step>, details: Readonly<PacketDetails>): void;
  /** A packet is dropped. Its end follows. */
  dropped?(step: Readonly<Step>, details: Readonly<PacketDetails>): void;
  /** A packet ends: it is freed, or leaves. */
  ended?(step: Readonly<Step>, details: Readonly<PacketDetails>): void;
  /** A packet has met all conditions of the trace, where there are any. Its copies inherit that. */
  matched?(step: Readonly<Step>, details: Readonly<PacketDetails>): void;
  /**
   * vrouter has looked something up for a packet, or decided about it. A lookup is that of the packet of
   * the innermost open call.
   */
  decided?(step: Readonly<Step>, details: Readonly<PacketDetails>): void;
}

/** One kind of event about a packet. */
export interface PacketEventKind {
  /** Least length of its record in bytes. */
  readonly bytes: number;
  /**
   * Reads what the record carries.
   *
   * @param bytes length of the record, at least {@linkcode PacketEventKind.bytes}
   * @returns false if it is damaged
   */
  read(words: Uint32Array, at: number, bytes: number, step: Step, details: PacketDetails): boolean;
  /** Keeps track of the packet, and completes `details` by what is known of it. */
  track(packets: PacketTable, step: Step, details: PacketDetails): void;
  /** The view's method, if it has it. */
  of(view: View): View["packet"];
  /** Whether the packet is not in the record, but is that of the innermost open call of the task. */
  isOfCall?(words: Uint32Array, at: number): boolean;
}

/** The kinds of events about packets, by the kind of their records; `undefined` for all others. */
export const PACKET_EVENTS: readonly (PacketEventKind | undefined)[] = byKind({
  [KIND_PACKET]: {
    bytes: PACKET_BYTES,
    read(words, at, bytes, step, details): boolean {
      const captured = words[at + CAPTURED]! & 0xffff;
      if (captured > Math.min(bytes - PACKET_BYTES, MAX_HEADER_BYTES)) return false;
      details.length = words[at + LENGTH]!;
      details.netns = words[at + NETNS]!;
      details.ifindex = words[at + IFINDEX]!;
      details.capture(words, at + HEADER, captured);
      details.parent = UNKNOWN_PACKET;
      return readGeneration(words, at, step, details);
    },
    track: begin,
    of: (view) => view.packet,
  },
  [KIND_COPY]: {
    bytes: COPY_BYTES,
    read(words, at, _bytes, step, details): boolean {
      details.parent = packetId(words[at + PARENT_SLOT]! & 0xffff, words[at + PARENT_GENERATION]!);
      return readGeneration(words, at, step, details);
    },
    track: begin,
    of: (view) => view.copied,
  },
  [KIND_DROP]: {
    bytes: DROP_BYTES,
    read(words, at, bytes, _step, details): boolean {
      details.keep(words, at, Math.min(bytes / 4, details.record.length));
      details.reason = words[at + REASON]!;
      details.locationLow = words[at + LOCATION_LOW]! | 0;
      details.locationHigh = words[at + LOCATION_HIGH]! | 0;
      return true;
    },
    track: identify,
    of: (view) => view.dropped,
  },
  [KIND_END]: {
    bytes: EVENT_BYTES,
    read: () => true,
    track(packets, step, details): void {
      identify(packets, step, details);
      packets.end(step.packet);
    },
    of: (view) => view.ended,
  },
  [KIND_MATCH]: {
    bytes: EVENT_BYTES,
    read: () => true,
    track: identify,
    of: (view) => view.matched,
  },
  [KIND_DECISION]: {
    bytes: DECISION_BYTES,
    read(words, at, _bytes, _step, details): boolean {
      details.keep(words, at, DECISION_BYTES / 4);
      return true;
    },
    track: identify,
    of: (view) => view.decided,
    isOfCall(words, at): boolean {
      const decision = words[at + DECISION];
      return decision === DECIDED_BRIDGE || decision === DECIDED_PREFIX;
    },
  },
});

function byKind(kinds: Readonly<Record<number, PacketEventKind>>): (PacketEventKind | undefined)[] {
  return Array.from({ length: 256 }, (_, kind) => kinds[kind]);
}

/** Reads the whole generation, whose low bits must be those that every record has. */
function readGeneration(
  words: Uint32Array,
  at: number,
  step: Step,
  details: PacketDetails,
): boolean {
  details.generation = words[at + GENERATION]!;
  return (details.generation & 0xff) === step.packet >>> 16;
}

function begin(packets: PacketTable, step: Step, details: PacketDetails): void {
  details.id = packets.begin(step.packet & 0xffff, details.generation, details.parent);
  details.number = packets.number(step.packet);
}

function identify(packets: PacketTable, step: Step, details: PacketDetails): void {
  details.id = packets.id(step.packet);
}
