/**
 * The records of a busy vrouter: the call trees of a real module (tests/data/vrouter-trees.txt), one for each
 * packet, on several CPUs, with times and packets that no compressor can foresee.
 *
 * @module
 */

import { DECIDED_BRIDGE, DECIDED_NEXTHOP } from "../../src/probe/decision_record.ts";
import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_ENTRY,
  KIND_LONG,
  KIND_LONG_ENTRY,
  KIND_LONG_RETURN,
  KIND_RETURN,
  LONG_BYTES,
  type RecordSink,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
  VIF,
} from "../../src/probe/record.ts";
import {
  decisionRecord,
  dropRecord,
  endRecord,
  type PacketPlace,
  packetRecord,
} from "./packet_records.ts";
import type { Random } from "./random.ts";

const TREES = new URL("../data/vrouter-trees.txt", import.meta.url);
const UNIT_WORDS = EVENT_BYTES / 4;
/** Nanoseconds between two events of a CPU, on average, and between two packets. */
const EVENT_GAP = 600;
const PACKET_GAP = 20_000;
const FLOWS = 64;
const FLOW_BYTES = 98;

/** What a stream has. */
export interface StreamOptions {
  /** Records at least; the last trees are completed. */
  readonly records: number;
  readonly cpus?: number;
  /** Whether packets, their decisions and ends are recorded, too. */
  readonly packets?: boolean;
  /** Whether vrouter's drops are recorded, too: one for each tree of a drop, where it frees the packet. */
  readonly drops?: boolean;
  /** Whether entries have a vif and a nexthop, and returns a result: most do then. */
  readonly long?: boolean;
}

/** By number, from 1 on: why the packets of trees with these names are dropped. */
export const DROPS: readonly string[] = [
  "drop_discard_nh",
  "drop_flow_action",
  "drop_flow_queue_limit",
  "drop_forward_vrf0",
  "drop_invalid_label",
  "drop_invalid_vnid",
  "drop_no_route",
  "drop_unknown_mac",
];

/** Records one after the other, as a ring has them. */
export interface Stream {
  readonly words: Uint32Array;
  readonly records: number;
  /** Names of the functions that records refer to. */
  readonly functions: readonly string[];
}

interface Tree {
  readonly name: string;
  /** An entry (index of the function) or a return (its complement), in their order. */
  readonly steps: readonly number[];
}

interface Cpu {
  time: number;
  task: number;
  tree: Tree;
  at: number;
  readonly frames: number[];
  place: PacketPlace;
  header: Uint8Array;
  pending: Uint32Array[];
}

/** A stream of records in the order of their times, reproducibly for the same random numbers. */
export function vrouterStream(random: Random, options: StreamOptions): Stream {
  const { functions, trees } = readTrees();
  const frees = functions.indexOf("lh_pfree");
  const sizes = functions.map(() => 8 * (3 + random.int(30)));
  const flows = Array.from({ length: FLOWS }, () => random.bytes(FLOW_BYTES));
  const generations = new Uint16Array(65_536);
  const out = new Words();
  // Not below 2^32, so that both halves of times matter.
  const start = 3 * 2 ** 32 - 50_000_000;
  const gap = (mean: number): number =>
    Math.ceil(-Math.log(1 - random.int(2 ** 31) / 2 ** 31) * mean);
  const cpus: Cpu[] = Array.from({ length: options.cpus ?? 4 }, () => ({
    time: start + random.int(10_000),
    task: 0,
    tree: { name: "", steps: [] },
    at: 0,
    frames: [],
    place: { slot: 0, generation: 0 },
    header: new Uint8Array(),
    pending: [],
  }));
  const begin = (cpu: Cpu, number: number): void => {
    cpu.time += gap(PACKET_GAP);
    if (random.int(4) === 0) cpu.task = random.pick([0, 900 + number, 20 + random.int(24)]);
    cpu.tree = random.pick(trees);
    cpu.at = 0;
    const slot = random.int(65_536);
    generations[slot]!++;
    cpu.place = { slot, generation: generations[slot]!, cpu: number, task: cpu.task };
    if (!options.packets) return;
    const header = random.pick(flows).slice();
    header.set(random.bytes(4), 18);
    cpu.header = header;
    const fn = cpu.tree.steps[0]!;
    cpu.pending.push(packetRecord({ ...cpu.place, fn }, { length: 98, ifindex: 7, header }));
    cpu.pending.push(decisionRecord(cpu.place, DECIDED_BRIDGE, { 8: random.int(40), 9: 2 }));
    cpu.pending.push(decisionRecord({ ...cpu.place, fn }, DECIDED_NEXTHOP, { 8: random.int(40) }));
  };
  for (;;) {
    const number = cpus.reduce(
      (best, { time }, index) => time < cpus[best]!.time ? index : best,
      0,
    );
    const cpu = cpus[number]!;
    const extra = cpu.pending.shift();
    if (extra !== undefined) {
      extra[TIMESTAMP_LOW] = cpu.time;
      extra[TIMESTAMP_HIGH] = Math.floor(cpu.time / 2 ** 32);
      out.add(extra);
    } else if (cpu.at === cpu.tree.steps.length) {
      if (out.records >= options.records) break;
      begin(cpu, number);
      continue;
    } else {
      const { name, steps } = cpu.tree;
      const step = steps[cpu.at++]!;
      const isEntry = step >= 0;
      const fn = isEntry ? step : ~step;
      const reason = 1 + DROPS.indexOf(name);
      if (options.drops && reason > 0 && fn === frees && isEntry) {
        const drop = dropRecord({ ...cpu.place, fn, time: cpu.time }, {
          reason,
          vif: 3,
          length: FLOW_BYTES,
          ifindex: 7,
          bytes: cpu.header,
        });
        out.add(drop);
      }
      const base = 0xc900_3f58 + (cpu.task * 0x8000) % 0x100_0000;
      if (isEntry) cpu.frames.push((cpu.frames.at(-1) ?? base) - sizes[fn]!);
      const frame = isEntry ? cpu.frames.at(-1)! : cpu.frames.pop()!;
      const { slot, generation } = cpu.place;
      if (options.long && random.int(8) > 0) {
        const more = isEntry
          ? [random.pick([3, 5, 0xffffffff]), random.pick([21, 22, 0xffffffff])] as const
          : random.pick(
            [[0, 0], [1, 0], [0xfffffff4, 0xffffffff], [0x8a3c700, 0xffff8881]] as const,
          );
        out.long(more);
      }
      out.call(
        cpu.time,
        cpu.task,
        frame,
        fn | slot << 16,
        number,
        isEntry ? generation & 0xff : -1,
      );
      if (options.packets && cpu.at === steps.length) cpu.pending.push(endRecord(cpu.place));
    }
    cpu.time += 80 + gap(EVENT_GAP);
  }
  return { words: out.words(), records: out.records, functions };
}

/** Passes all records on. */
export function feedStream({ words }: Stream, sink: RecordSink): void {
  for (let at = 0; at < words.length;) {
    const bytes = bytesAt(words, at);
    sink.record(words, at, bytes);
    at += bytes / 4;
  }
}

/** Length of the record at `at`. */
export function bytesAt(words: Uint32Array, at: number): number {
  const kind = (words[at + CPU_AND_KIND]! >>> 16) & 0xff;
  if (kind === KIND_ENTRY || kind === KIND_RETURN) return EVENT_BYTES;
  return kind === KIND_LONG_ENTRY || kind === KIND_LONG_RETURN
    ? LONG_BYTES
    : (words[at + FRAME]! & 0xff) * EVENT_BYTES;
}

/** Grows as needed. */
class Words {
  #words = new Uint32Array(1 << 16);
  #length = 0;
  #more: readonly [number, number] | null = null;
  records = 0;

  words(): Uint32Array {
    return this.#words.slice(0, this.#length);
  }

  add(record: Uint32Array): void {
    const at = this.#room(record.length);
    this.#words.set(record, at);
  }

  /** What the next call has besides. */
  long(more: readonly [number, number]): void {
    this.#more = more;
  }

  call(
    time: number,
    task: number,
    frame: number,
    call: number,
    cpu: number,
    generation: number,
  ): void {
    const more = this.#more;
    const at = this.#room(more === null ? UNIT_WORDS : LONG_BYTES / 4);
    const words = this.#words;
    words[at + TIMESTAMP_LOW] = time;
    words[at + TIMESTAMP_HIGH] = Math.floor(time / 2 ** 32);
    words[at + TASK] = task;
    words[at + FRAME] = frame;
    words[at + CALL] = call;
    const kind = generation < 0 ? KIND_RETURN : KIND_ENTRY;
    words[at + CPU_AND_KIND] = cpu | kind << 16 | Math.max(0, generation) << 24;
    if (more === null) return;
    words[at + CPU_AND_KIND]! |= KIND_LONG << 16;
    words.set(more, at + VIF);
    this.#more = null;
  }

  #room(words: number): number {
    const at = this.#length;
    this.#length += words;
    this.records++;
    if (this.#length > this.#words.length) {
      const grown = new Uint32Array(2 * this.#words.length);
      grown.set(this.#words);
      this.#words = grown;
    }
    return at;
  }
}

function readTrees(): { functions: string[]; trees: Tree[] } {
  const numbers = new Map<string, number>();
  const trees = Deno.readTextFileSync(TREES).split("\n").filter((line) =>
    line !== "" && !line.startsWith("#")
  )
    .map((line) => {
      const steps: number[] = [];
      const open: number[] = [];
      // A name, with what comes behind it.
      for (const [, name, mark] of line.slice(line.indexOf(" ") + 1).matchAll(/(\w+)|([()])/g)) {
        if (name !== undefined) {
          leave(steps, open, false);
          if (!numbers.has(name)) numbers.set(name, numbers.size);
          const fn = numbers.get(name)!;
          steps.push(fn);
          open.push(fn);
        } else if (mark === "(") open.push(-1);
        else leave(steps, open, true);
      }
      leave(steps, open, false);
      return { name: line.slice(0, line.indexOf(" ")), steps };
    });
  return { functions: [...numbers.keys()], trees };
}

/** Returns from the call that has no callees, or behind its last one. */
function leave(steps: number[], open: number[], closes: boolean): void {
  const leaf = open.at(-1);
  if (leaf !== undefined && leaf !== -1) steps.push(~open.pop()!);
  if (closes) open.pop();
}
