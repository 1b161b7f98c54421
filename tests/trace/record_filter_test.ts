import assert from "node:assert/strict";
import { MATCH, NO_MATCH, UNDECIDED } from "../../src/packet/ebpf.ts";
import { CALL, CPU_AND_KIND } from "../../src/probe/record.ts";
import { RecordFilter } from "../../src/trace/record_filter.ts";
import { feed } from "../support/call_records.ts";
import {
  copyRecord,
  dropRecord,
  endRecord,
  feedWords,
  type PacketPlace,
  packetRecord,
} from "../support/packet_records.ts";

/** By the first byte of a packet: what the filter makes of it. */
const decide = ([first = 2]: Uint8Array): number => [NO_MATCH, MATCH, UNDECIDED][first]!;

/** A filter, and what passes: `entry 5`, by kind and slot. */
class Bench {
  readonly passed: string[] = [];
  readonly filter: RecordFilter;
  #time = 0;
  losses = 0;

  constructor() {
    const kinds = ["", "entry", "return", "packet", "copy", "drop", "end"];
    this.filter = new RecordFilter(
      {
        record: (words, at) => {
          const kind = kinds[words[at + CPU_AND_KIND]! >>> 16 & 0xff];
          this.passed.push(`${kind} ${words[at + CALL]! >>> 16}`);
        },
        lost: () => void this.losses++,
        dry: () => {},
      },
      3,
      decide,
    );
  }

  packet(place: PacketPlace, first: number, captured = 20): this {
    const header = new Uint8Array(captured).fill(first);
    feedWords(this.filter, packetRecord({ task: 1, ...place }, { length: 98, header }));
    return this;
  }

  add(...records: readonly Uint32Array[]): this {
    for (const record of records) feedWords(this.filter, record);
    return this;
  }

  call(kind: "entry" | "return", { slot, generation }: PacketPlace, task: number, depth = 0): this {
    const frame = 0xa000_8000 - 64 * depth;
    const time = BigInt(++this.#time);
    const of = kind === "entry" ? generation : 0;
    feed(this.filter, { kind, task, cpu: 0, frame, fn: depth, slot, generation: of, time });
    return this;
  }
}

const [WANTED, OTHER, COPY] = [
  { slot: 5, generation: 1 },
  { slot: 6, generation: 1 },
  { slot: 7, generation: 4 },
];

Deno.test("all of a packet that matches passes, and nothing of another", () => {
  const bench = new Bench().packet(WANTED, 1).packet(OTHER, 0);
  for (const [place, task] of [[WANTED, 1], [OTHER, 2]] as const) {
    bench.call("entry", place, task).call("entry", place, task, 1)
      .add(dropRecord({ ...place, task }, { reason: 3 }))
      .call("return", place, task, 1).call("return", place, task)
      .add(endRecord({ ...place, task }));
  }
  assert.deepEqual(bench.passed, [
    ...["packet 5", "entry 5", "entry 5", "drop 5", "return 5", "return 5", "end 5"],
  ]);
  assert.equal(bench.filter.undecided, 0);
});

Deno.test("a return passes with its call, though the slot has another packet by then", () => {
  const later = { slot: WANTED.slot, generation: 2 };
  const bench = new Bench().packet(WANTED, 1).call("entry", WANTED, 1)
    .add(endRecord({ ...WANTED, task: 1 }))
    .packet({ ...later, task: 2, cpu: 1 }, 0)
    .call("entry", later, 2).call("return", later, 2)
    .call("return", WANTED, 1);
  assert.deepEqual(bench.passed, ["packet 5", "entry 5", "end 5", "return 5"]);
});

Deno.test("a copy is wanted as the packet is that it was copied from", () => {
  const bench = new Bench().packet(WANTED, 1).packet(OTHER, 0)
    .add(copyRecord(COPY, WANTED)).call("entry", COPY, 1)
    .add(copyRecord({ ...COPY, slot: 8 }, OTHER)).call("entry", { ...COPY, slot: 8 }, 2);
  assert.deepEqual(bench.passed, ["packet 5", "copy 7", "entry 7"]);
});

Deno.test("what cannot be decided is left out, and counted, until its bytes are there", () => {
  const bench = new Bench().packet(WANTED, 2).call("entry", WANTED, 1).packet(OTHER, 1, 0);
  assert.deepEqual(bench.passed, []);
  assert.equal(bench.filter.undecided, 2);
  bench.packet(WANTED, 1).call("entry", WANTED, 1, 1);
  assert.deepEqual(bench.passed, ["packet 5", "entry 5"]);
});

Deno.test("a packet that is seen again is not decided about anew", () => {
  const bench = new Bench().packet(OTHER, 0).packet(OTHER, 1).packet(WANTED, 1).packet(WANTED, 0);
  assert.deepEqual(bench.passed, ["packet 5", "packet 5"]);
});

Deno.test("losses pass, and a return whose call was lost by its slot", () => {
  const bench = new Bench().packet(WANTED, 1).packet(OTHER, 0);
  bench.filter.lost(0);
  bench.call("return", WANTED, 1).call("return", OTHER, 2);
  assert.deepEqual(bench.passed, ["packet 5", "return 5"]);
  assert.equal(bench.losses, 1);
});
