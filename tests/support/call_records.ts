/**
 * Records of calls as the BPF programs write them, and the resulting steps as text.
 *
 * @module
 */

import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_ENTRY,
  KIND_RETURN,
  type RecordSink,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "../../src/probe/record.ts";
import type { CallSink, Incomplete } from "../../src/trace/call_sink.ts";

/** The entry or return of a call. */
export interface CallRecord {
  readonly kind: "entry" | "return";
  readonly task: number;
  readonly cpu: number;
  readonly frame: number;
  /** Index of the function. */
  readonly fn: number;
  /** Nanoseconds; 0 by default. */
  readonly time?: bigint;
}

const AT = 2;
const scratch = new Uint32Array(EVENT_BYTES / 4 + AT);

/** Passes a record to `sink` in the kernel's layout, not at the start of the array. */
export function feed(sink: RecordSink, record: CallRecord): void {
  scratch.fill(0xffffffff);
  write(scratch, AT, record);
  sink.record(scratch, AT, EVENT_BYTES);
}

/** A record in the kernel's layout. */
export function recordBytes(record: CallRecord): Uint8Array {
  const words = new Uint32Array(EVENT_BYTES / 4);
  write(words, 0, record);
  return new Uint8Array(words.buffer);
}

function write(words: Uint32Array, at: number, record: CallRecord): void {
  const time = record.time ?? 0n;
  words[at + TIMESTAMP_LOW] = Number(time & 0xffffffffn);
  words[at + TIMESTAMP_HIGH] = Number(time >> 32n);
  words[at + TASK] = record.task;
  words[at + FRAME] = record.frame;
  words[at + CALL] = record.fn;
  words[at + CPU_AND_KIND] = record.cpu |
    (record.kind === "entry" ? KIND_ENTRY : KIND_RETURN) << 16;
}

/** One step of a call tree. */
export interface Step {
  readonly kind: "enter" | "leave" | Incomplete | "orphan";
  readonly time: bigint;
  readonly cpu: number;
  readonly depth: number;
  readonly fn: number;
}

/** Collects steps. */
export class StepList implements CallSink {
  readonly steps: Step[] = [];

  enter(low: number, high: number, cpu: number, depth: number, fn: number): void {
    this.#add("enter", low, high, cpu, depth, fn);
  }

  leave(low: number, high: number, cpu: number, depth: number, fn: number): void {
    this.#add("leave", low, high, cpu, depth, fn);
  }

  abandon(
    low: number,
    high: number,
    cpu: number,
    depth: number,
    fn: number,
    why: Incomplete,
  ): void {
    this.#add(why, low, high, cpu, depth, fn);
  }

  orphan(low: number, high: number, cpu: number, depth: number, fn: number): void {
    this.#add("orphan", low, high, cpu, depth, fn);
  }

  #add(
    kind: Step["kind"],
    low: number,
    high: number,
    cpu: number,
    depth: number,
    fn: number,
  ): void {
    const time = BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
    this.steps.push({ kind, time, cpu, depth, fn });
  }

  /** The steps as lines: CPU, indentation, kind and function (`a` is 0). */
  lines(): string[] {
    return this.steps.map(({ kind, cpu, depth, fn }) => {
      const name = String.fromCharCode(0x61 + fn);
      const what = kind === "enter"
        ? `${name} {`
        : kind === "leave"
        ? `} ${name}`
        : kind === "orphan"
        ? `orphan ${name}`
        : `} ${name}, ${kind}`;
      return `${cpu} ${"  ".repeat(depth)}${what}`;
    });
  }
}
