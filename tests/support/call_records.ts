/**
 * Records of calls as the BPF programs write them, and the resulting steps as text.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_ENTRY,
  KIND_LONG,
  KIND_RETURN,
  LONG_BYTES,
  type RecordSink,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
  VIF,
} from "../../src/probe/record.ts";
import { type Incomplete, NONE, type Step, type View } from "../../src/trace/events.ts";

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
  /** Slot of the packet; 0 by default. */
  readonly slot?: number;
  /** Generation of the slot, 0 by default; a record has its low 8 bits. */
  readonly generation?: number;
  /** What the second unit of a long record starts with: vif and nexthop, or the halves of the result. */
  readonly more?: readonly [number, number];
}

const AT = 2;
const scratch = new Uint32Array(LONG_BYTES / 4 + AT);

/** Passes a record to `sink` in the kernel's layout, not at the start of the array. */
export function feed(sink: RecordSink, record: CallRecord): void {
  scratch.fill(0xffffffff);
  write(scratch, AT, record);
  sink.record(scratch, AT, bytesOf(record));
}

/** A record in the kernel's layout. */
export function recordBytes(record: CallRecord): Uint8Array {
  return new Uint8Array(recordWords(record).buffer);
}

/** The words of {@linkcode recordBytes}. */
export function recordWords(record: CallRecord): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(bytesOf(record) / 4);
  write(words, 0, record);
  return words;
}

function bytesOf({ more }: CallRecord): number {
  return more === undefined ? EVENT_BYTES : LONG_BYTES;
}

function write(words: Uint32Array, at: number, record: CallRecord): void {
  const time = record.time ?? 0n;
  words[at + TIMESTAMP_LOW] = Number(time & 0xffffffffn);
  words[at + TIMESTAMP_HIGH] = Number(time >> 32n);
  words[at + TASK] = record.task;
  words[at + FRAME] = record.frame;
  words[at + CALL] = record.fn | (record.slot ?? 0) << 16;
  words[at + CPU_AND_KIND] = record.cpu |
    (record.kind === "entry" ? KIND_ENTRY : KIND_RETURN) << 16 | (record.generation ?? 0) << 24;
  if (record.more === undefined) return;
  words[at + CPU_AND_KIND]! |= KIND_LONG << 16;
  words.set(record.more, at + VIF);
}

/** One step of a call tree, as {@linkcode StepList} keeps it. */
export interface KeptStep {
  readonly kind: "enter" | "leave" | Incomplete | "orphan";
  readonly time: bigint;
  readonly cpu: number;
  readonly depth: number;
  readonly fn: number;
}

/** Collects steps, and holds their tasks, calls and packets against those of the open calls. */
export class StepList implements View {
  readonly steps: KeptStep[] = [];
  /** By open call: what was told at its start. */
  readonly #open = new Map<number, Step>();

  enter(step: Readonly<Step>): void {
    assert.ok(!this.#open.has(step.call) && step.call >= 0 && step.call <= this.#open.size + 256);
    this.#open.set(step.call, { ...step });
    this.#add("enter", step);
  }

  leave(step: Readonly<Step>): void {
    this.#closed(step);
    this.#add("leave", step);
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#closed(step);
    this.#add(why, step);
  }

  orphan(step: Readonly<Step>): void {
    assert.deepEqual([step.call, step.packet], [NONE, NONE]);
    this.#add("orphan", step);
  }

  #closed({ call, task, depth, fn, packet }: Readonly<Step>): void {
    const start = this.#open.get(call)!;
    this.#open.delete(call);
    const told = [start.task, start.depth, start.fn, start.packet];
    assert.deepEqual([task, depth, fn, packet], told);
  }

  #add(kind: KeptStep["kind"], { low, high, cpu, depth, fn }: Readonly<Step>): void {
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
