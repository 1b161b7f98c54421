/**
 * The trace for Perfetto (ui.perfetto.dev, trace_processor): TrackEvents, written by hand. Tasks are threads of one
 * process, their calls are slices, and the calls that begin what a task does for a packet are linked by a
 * flow, which the UI draws as arrows. Each drop is an instant on its task's track, and each reason has a counter.
 *
 * The events of a track are a sequence of packets of their own, which has its own clock (each time is the
 * difference to the one before) and its own numbers for names: 14 bytes for a call or a return.
 *
 * Format: protos/perfetto/trace/trace.proto and track_event/ of https://github.com/google/perfetto
 *
 * @module
 */

import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { printable } from "../sys/printable.ts";
import { NONE, type PacketDetails, type Step } from "../trace/events.ts";
import { UNKNOWN_PACKET } from "../trace/packets.ts";
import { dropFacts } from "./drop_facts.ts";
import type { LineWriter } from "./line_writer.ts";
import { Message, putFixed64, putVarint } from "./protobuf.ts";
import { textBytes } from "./row.ts";
import { Increments, trackName, Tracks } from "./tracks.ts";
import {
  type Format,
  missingText,
  type Origin,
  type OutputView,
  type TraceContext,
  UNKNOWN_ORIGIN,
} from "./view.ts";

/** The format's entry in the list. */
export const PERFETTO: Format = {
  packets: true,
  drops: true,
  kernelDrops: true,
  isBinary: true,
  open: (writer, context) => new PerfettoView(writer, context),
};

/** Thread ids are at most this, PID_MAX_LIMIT: what follows is for idle tasks, which all have 0. */
const IDLE_THREADS = 4_194_304;
/** Id of the process that all tasks are threads of, behind all CPUs' idle tasks. */
const PROCESS = IDLE_THREADS + 65_536;
const PROCESS_TRACK = 1;
/** Number of the first track of a task or a counter, and of its sequence. */
const FIRST_TRACK = 2;
/** Sequence of what is on no track, and of drops: absolute times. */
const MAIN_SEQUENCE = 1;

const CLOCK_REALTIME = 1;
const CLOCK_MONOTONIC = 3;
/** A clock of the sequence: its times are differences. */
const OWN_CLOCK = 64;

// Types of events.
const BEGIN = 1;
const END = 2;
const INSTANT = 3;
const COUNTER = 4;

const INCREMENTAL_STATE_CLEARED = 1;
const NEEDS_INCREMENTAL_STATE = 2;

// Tags of one byte: the field's number, and the type of what follows.
const TRACE_PACKET = 1 << 3 | 2;
const TIMESTAMP = 8 << 3;
const SEQUENCE = 10 << 3;
const TRACK_EVENT = 11 << 3 | 2;
const FLAGS = 13 << 3;
const EVENT_TYPE = 9 << 3;
const EVENT_NAME = 10 << 3;

/** Bytes of a packet on the short path at most; its length takes one byte. */
const SHORT_BYTES = 128;

/** A task's track, which is a sequence, too. */
class Track {
  readonly clock = new Increments();
  isStarted = false;
  /** Functions whose name is told, a bit for each. */
  readonly named: Int32Array;

  constructor(readonly id: number, readonly key: number, functions: number) {
    this.named = new Int32Array((functions + 31) >>> 5);
  }
}

/** The counter of a reason. */
interface Counter {
  readonly track: number;
  count: number;
}

/** Writes a packet for each event. */
class PerfettoView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #context: TraceContext;
  readonly #origin: Origin;
  readonly #names: readonly string[];
  /** The packet being written, of those that are no call or return. */
  readonly #out = new Message();
  readonly #tracks: Tracks<Track>;
  #nextTrack = FIRST_TRACK;
  readonly #counters = new Map<string, Counter>();
  /**
   * Time of the first event, from which the clocks of all tracks start: their snapshots have the trace's clock,
   * too, which a reader takes for broken if it goes back by a nanosecond.
   */
  #first: Pick<Step, "low" | "high"> | null = null;
  /** By slot: id of the packet, and the track that it was on last. */
  readonly #packet = new Float64Array(SLOTS).fill(UNKNOWN_PACKET);
  readonly #track = new Int32Array(SLOTS);

  constructor(writer: LineWriter, context: TraceContext) {
    this.#writer = writer;
    this.#context = context;
    this.#origin = context.origin ?? UNKNOWN_ORIGIN;
    this.#names = context.functions.map(printable);
    this.#tracks = new Tracks((key) => new Track(this.#nextTrack++, key, this.#names.length));
  }

  begin(): number {
    const { host, kernel } = this.#origin;
    const loss = missingText(this.#context);
    const of = host === "" ? "" : ` of ${printable(host)}`;
    const on = kernel === "" ? "" : `, Linux ${printable(kernel)}`;
    const name = `vrouter${of}${on}${loss === "" ? "" : `; ${loss}`}`;
    const out = this.#out;
    const packet = this.#begin(MAIN_SEQUENCE);
    out.number(13, INCREMENTAL_STATE_CLEARED);
    const track = out.begin(60);
    out.number(1, PROCESS_TRACK);
    const process = out.begin(3);
    out.number(1, PROCESS);
    out.text(6, name);
    out.end(process);
    out.end(track);
    this.#end(packet);
    return 0;
  }

  enter(step: Readonly<Step>): void {
    const track = this.#start(step);
    const { fn, packet } = step;
    if ((track.named[fn >>> 5]! & 1 << (fn & 31)) === 0) this.#name(track, fn);
    const writer = this.#writer;
    const start = writer.room(SHORT_BYTES + 2);
    const { buffer } = writer;
    let at = this.#head(buffer, start, track, step);
    const event = at;
    at += 2;
    buffer[at++] = EVENT_TYPE;
    buffer[at++] = BEGIN;
    buffer[at++] = EVENT_NAME;
    at = putVarint(buffer, at, fn + 1);
    if (packet >= 0) at = this.#link(buffer, at, packet, track);
    buffer[event] = TRACK_EVENT;
    buffer[event + 1] = at - event - 2;
    buffer[start + 1] = at - start - 2;
    writer.end(at);
  }

  leave(step: Readonly<Step>): void {
    this.#over(step);
  }

  abandon(step: Readonly<Step>): void {
    this.#over(step);
  }

  orphan(): void {}

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const track = this.#start(step);
    const { reason, by, drop } = dropFacts(details, this.#context);
    const counter = this.#counter(reason);
    const out = this.#out;
    const packet = this.#begin(MAIN_SEQUENCE);
    this.#time(step);
    const event = out.begin(11);
    annotate(out, "packet", this.#context.packets.number(step.packet));
    annotate(out, "reason", reason);
    annotate(out, "by", by);
    annotate(out, "cause", drop?.cause ?? null);
    annotate(out, "vif", drop?.vif?.index ?? null);
    annotate(out, "device", drop?.vif?.device ?? null);
    annotate(out, "nexthop", drop?.nexthop?.id ?? null);
    annotate(out, "flow", drop?.flow?.index ?? null);
    annotate(out, "function", step.fn === NONE ? null : this.#context.functions[step.fn]!);
    out.number(9, INSTANT);
    out.number(11, track.id);
    out.text(22, "drop");
    out.text(23, `drop: ${reason}`);
    out.end(event);
    this.#end(packet);
    const second = this.#begin(MAIN_SEQUENCE);
    this.#time(step);
    const count = out.begin(11);
    out.number(9, COUNTER);
    out.number(11, counter.track);
    out.number(30, ++counter.count);
    out.end(count);
    this.#end(second);
  }

  /** A call is over. */
  #over(step: Readonly<Step>): void {
    const track = this.#start(step);
    const writer = this.#writer;
    const start = writer.room(SHORT_BYTES + 2);
    const { buffer } = writer;
    let at = this.#head(buffer, start, track, step);
    buffer[at++] = TRACK_EVENT;
    buffer[at++] = 2;
    buffer[at++] = EVENT_TYPE;
    buffer[at++] = END;
    buffer[start + 1] = at - start - 2;
    writer.end(at);
  }

  /** Begins a packet: all but its length, which is filled in afterwards. @returns where its event goes */
  #head(buffer: Uint8Array, start: number, track: Track, step: Readonly<Step>): number {
    let at = start;
    buffer[at++] = TRACE_PACKET;
    at++;
    buffer[at++] = TIMESTAMP;
    at = putVarint(buffer, at, track.clock.to(step));
    buffer[at++] = SEQUENCE;
    at = putVarint(buffer, at, track.id);
    buffer[at++] = FLAGS;
    buffer[at++] = NEEDS_INCREMENTAL_STATE;
    return at;
  }

  /** Adds a packet to the call where it comes to a track: the flow that links those, and its number. */
  #link(buffer: Uint8Array, start: number, handle: number, track: Track): number {
    const { packets } = this.#context;
    const id = packets.id(handle);
    const slot = handle & 0xffff;
    if (id === UNKNOWN_PACKET) return start;
    if (this.#packet[slot] === id && this.#track[slot] === track.id) return start;
    this.#packet[slot] = id;
    this.#track[slot] = track.id;
    let at = start;
    for (let byte = 0; byte < FLOW_TAG.length; byte++) buffer[at++] = FLOW_TAG[byte]!;
    at = putFixed64(buffer, at, id);
    const annotation = at;
    for (let byte = 0; byte < ANNOTATION.length; byte++) buffer[at++] = ANNOTATION[byte]!;
    at = putVarint(buffer, at, packets.number(handle));
    buffer[annotation + 1] = at - annotation - 2;
    return at;
  }

  /** The track of a step, which is described at its first one. */
  #start(step: Readonly<Step>): Track {
    const track = this.#tracks.of(step);
    if (track.isStarted) return track;
    track.isStarted = true;
    const first = this.#first ?? this.#clocks(step);
    track.clock.start(first);
    const time = timeOf(first);
    const out = this.#out;
    const described = this.#begin(MAIN_SEQUENCE);
    const descriptor = out.begin(60);
    out.number(1, track.id);
    out.number(5, PROCESS_TRACK);
    const thread = out.begin(4);
    out.number(1, PROCESS);
    out.number(2, track.key < 0 ? IDLE_THREADS + ~track.key : track.key);
    out.text(5, trackName(track.key, this.#origin));
    out.end(thread);
    out.end(descriptor);
    this.#end(described);
    const packet = this.#begin(track.id);
    out.number(13, INCREMENTAL_STATE_CLEARED);
    const snapshot = out.begin(6);
    const own = out.begin(1);
    out.number(1, OWN_CLOCK);
    out.big(2, time);
    out.number(3, 1);
    out.end(own);
    this.#clock(CLOCK_MONOTONIC, time);
    out.number(2, CLOCK_MONOTONIC);
    out.end(snapshot);
    const defaults = out.begin(59);
    out.number(58, OWN_CLOCK);
    const event = out.begin(11);
    out.number(11, track.id);
    out.end(event);
    out.end(defaults);
    this.#end(packet);
    return track;
  }

  /** What the clocks say at the same moment, and that the trace's is not BOOTTIME, as usual. */
  #clocks({ low, high }: Readonly<Step>): Pick<Step, "low" | "high"> {
    this.#first = { low, high };
    const time = timeOf(this.#first);
    const packet = this.#begin(MAIN_SEQUENCE);
    const snapshot = this.#out.begin(6);
    this.#clock(CLOCK_MONOTONIC, time);
    this.#clock(CLOCK_REALTIME, BigInt.asUintN(64, time + this.#origin.wallOffset));
    this.#out.number(2, CLOCK_MONOTONIC);
    this.#out.end(snapshot);
    this.#end(packet);
    return this.#first;
  }

  #clock(clock: number, time: bigint): void {
    const one = this.#out.begin(1);
    this.#out.number(1, clock);
    this.#out.big(2, time);
    this.#out.end(one);
  }

  /** Tells the number of a function's name in a track. */
  #name(track: Track, fn: number): void {
    track.named[fn >>> 5]! |= 1 << (fn & 31);
    const out = this.#out;
    const packet = this.#begin(track.id);
    const interned = out.begin(12);
    const name = out.begin(2);
    out.number(1, fn + 1);
    out.text(2, this.#names[fn]!);
    out.end(name);
    out.end(interned);
    out.number(13, NEEDS_INCREMENTAL_STATE);
    this.#end(packet);
  }

  #counter(reason: string): Counter {
    let counter = this.#counters.get(reason);
    if (counter === undefined) {
      counter = { track: this.#nextTrack++, count: 0 };
      this.#counters.set(reason, counter);
      const out = this.#out;
      const packet = this.#begin(MAIN_SEQUENCE);
      const descriptor = out.begin(60);
      out.number(1, counter.track);
      out.text(2, `drops: ${reason}`);
      out.number(5, PROCESS_TRACK);
      out.end(out.begin(8));
      out.end(descriptor);
      this.#end(packet);
    }
    return counter;
  }

  /** The time of a step, as it is. */
  #time(step: Readonly<Step>): void {
    this.#out.big(8, timeOf(step));
    this.#out.number(58, CLOCK_MONOTONIC);
  }

  /** Begins a packet of any length. */
  #begin(sequence: number): number {
    this.#out.clear();
    const packet = this.#out.begin(1);
    this.#out.number(10, sequence);
    return packet;
  }

  /** Writes the packet. */
  #end(packet: number): void {
    this.#out.end(packet);
    this.#writer.bytes(this.#out.bytes);
  }
}

// What events have of a packet: a flow id of 8 bytes, and an annotation whose length is filled in.
const FLOW_TAG = Uint8Array.of(...tag(47, 1));
const ANNOTATION = Uint8Array.of(
  ...tag(4, 2),
  0,
  ...tag(10, 2),
  6,
  ...textBytes("packet"),
  ...tag(3, 0),
);

/** Of fields below 2048, what stands in front of a value of a type. */
function tag(field: number, type: number): number[] {
  const value = field << 3 | type;
  return value < 128 ? [value] : [value & 127 | 128, value >> 7];
}

function timeOf({ low, high }: Pick<Step, "low" | "high">): bigint {
  return BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
}

/** Adds a debug annotation; nothing of what is not known. */
function annotate(out: Message, name: string, value: number | string | null): void {
  if (value === null) return;
  const annotation = out.begin(4);
  out.text(10, name);
  if (typeof value === "number") out.number(3, value);
  else out.text(6, printable(value));
  out.end(annotation);
}
