/**
 * The calls of packets as bytes: some 6 for each. The page reads those of a packet when it shows it.
 *
 * @module
 */

import { type Incomplete, NONE, type Step, type View } from "../../trace/events.ts";
import type { JourneyCalls } from "../../trace/journey_calls.ts";

/** It runs elsewhere than the call before: CPU and task follow. */
const MOVED = 1;
const RETURN_LOST = 2;
const STILL_RUNNING = 4;
const FLAG_BITS = 8;

/** One call of a packet. */
export interface PageCall {
  /** Index of the function. */
  readonly fn: number;
  /** Number of calls of the packet around it. */
  readonly depth: number;
  /** Nanoseconds since the packet's first call. */
  readonly begin: number;
  /** Nanoseconds; until what showed that it is over if its return was lost. */
  readonly duration: number;
  readonly cpu: number;
  readonly task: number;
  readonly end: "return" | "return lost" | "still running";
}

/** The calls of a packet that have been written. */
export interface AddedCalls {
  readonly count: number;
  readonly bytes: number;
  /** Nanoseconds of CLOCK_MONOTONIC: begin of the first. */
  readonly first: bigint;
}

const TWO_32 = 2 ** 32;

/** Writes calls. */
export class CallBytes implements View {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;
  // Of the packet at hand, by call.
  readonly #depth: number[] = [];
  readonly #fn: number[] = [];
  readonly #begin: number[] = [];
  readonly #end: number[] = [];
  readonly #flags: number[] = [];
  readonly #cpu: number[] = [];
  readonly #task: number[] = [];
  /** By open call of the trace: which of them it is. */
  readonly #row: number[] = [];
  #count = 0;
  #low = 0;
  #high = 0;

  /** What has been written. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Adds the calls of a packet. */
  add(calls: JourneyCalls): AddedCalls {
    this.#count = 0;
    calls.replay(this);
    const start = this.#length;
    let [before, cpu, task] = [0, NONE, NONE];
    for (let call = 0; call < this.#count; call++) {
      const [ownCpu, ownTask] = [this.#cpu[call]!, this.#task[call]!];
      const moved = ownCpu !== cpu || ownTask !== task;
      this.#put(this.#depth[call]! * FLAG_BITS + this.#flags[call]! + (moved ? MOVED : 0));
      if (moved) {
        this.#put(ownCpu);
        this.#put(ownTask);
        [cpu, task] = [ownCpu, ownTask];
      }
      this.#put(this.#fn[call]!);
      const begin = this.#begin[call]!;
      // Clocks of CPUs differ by a little.
      const since = begin - before;
      this.#put(since < 0 ? -2 * since - 1 : 2 * since);
      this.#put(Math.max(0, this.#end[call]! - begin));
      before = begin;
    }
    return {
      count: this.#count,
      bytes: this.#length - start,
      first: BigInt(this.#high >>> 0) << 32n | BigInt(this.#low >>> 0),
    };
  }

  enter(step: Readonly<Step>): void {
    const call = this.#count++;
    if (call === 0) {
      this.#low = step.low;
      this.#high = step.high;
    }
    this.#row[step.call] = call;
    this.#depth[call] = step.depth;
    this.#fn[call] = step.fn;
    this.#begin[call] = this.#end[call] = this.#since(step);
    this.#cpu[call] = step.cpu;
    this.#task[call] = step.task;
    this.#flags[call] = 0;
  }

  leave(step: Readonly<Step>): void {
    this.#close(step, 0);
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#close(step, why === "return lost" ? RETURN_LOST : STILL_RUNNING);
  }

  orphan(): void {}

  #close(step: Readonly<Step>, flags: number): void {
    const call = this.#row[step.call]!;
    this.#end[call] = this.#since(step);
    this.#flags[call] = flags;
  }

  #since({ low, high }: Readonly<Step>): number {
    return ((high >>> 0) - (this.#high >>> 0)) * TWO_32 + (low >>> 0) - (this.#low >>> 0);
  }

  /** A number in groups of seven bits, the lowest first. */
  #put(number: number): void {
    if (this.#length + 8 > this.#bytes.length) {
      const more = new Uint8Array(2 * this.#bytes.length);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    let left = Math.min(number, Number.MAX_SAFE_INTEGER);
    while (left >= 128) {
      this.#bytes[this.#length++] = left % 128 + 128;
      left = Math.floor(left / 128);
    }
    this.#bytes[this.#length++] = left;
  }
}

/** Reads the calls of a packet. @param bytes from its first on */
export function readCalls(bytes: Uint8Array, count: number): PageCall[] {
  let at = 0;
  const next = (): number => {
    let [number, factor] = [0, 1];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      number += byte % 128 * factor;
      if (byte < 128) return number;
      factor *= 128;
    }
  };
  let [begin, cpu, task] = [0, NONE, NONE];
  return Array.from({ length: count }, () => {
    const head = next();
    if (head & MOVED) {
      cpu = next();
      task = next();
    }
    const fn = next();
    const since = next();
    begin += since % 2 === 1 ? -(since + 1) / 2 : since / 2;
    const end = head & RETURN_LOST
      ? "return lost"
      : head & STILL_RUNNING
      ? "still running"
      : "return";
    return { fn, depth: Math.floor(head / FLAG_BITS), begin, duration: next(), cpu, task, end };
  });
}
