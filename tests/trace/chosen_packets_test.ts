import assert from "node:assert/strict";
import { DECIDED_VIF, VIF_INDEX } from "../../src/probe/decision_record.ts";
import { GENERATION, IFINDEX, LENGTH } from "../../src/probe/packet_record.ts";
import { CALL, CPU_AND_KIND, KIND_PACKET, TIMESTAMP_LOW } from "../../src/probe/record.ts";
import { ChosenPackets } from "../../src/trace/chosen_packets.ts";
import type { EventSink } from "../../src/trace/events.ts";
import { MarkedPackets } from "../../src/trace/marked_packets.ts";
import { feed } from "../support/call_records.ts";
import {
  copyRecord,
  decisionRecord,
  dropRecord,
  endRecord,
  feedWords,
  matchRecord,
  type PacketPlace,
  packetRecord,
} from "../support/packet_records.ts";

const KINDS = ["", "entry", "return", "packet", "copy", "drop", "end", "match", "decision"];

/** What is in front of a sink, and what passes: `entry 5`, by kind and slot. */
class Bench {
  readonly passed: string[] = [];
  readonly records: Uint32Array[] = [];
  readonly sink: EventSink;
  #time = 0;

  constructor(make: (to: EventSink) => EventSink) {
    this.sink = make({
      record: (words, at, bytes) => {
        const kind = KINDS[words[at + CPU_AND_KIND]! >>> 16 & 0x7f];
        this.passed.push(`${kind} ${words[at + CALL]! >>> 16}`);
        this.records.push(words.slice(at, at + bytes / 4));
      },
      lost: (ahead) => void this.passed.push(`lost ${ahead}`),
      dry: () => {},
    });
  }

  add(...records: readonly Uint32Array[]): this {
    for (const record of records) feedWords(this.sink, record);
    return this;
  }

  entry(place: PacketPlace, depth = 0, vif?: number): this {
    return this.#call("entry", place, depth, vif);
  }

  return(place: PacketPlace, depth = 0): this {
    return this.#call("return", place, depth);
  }

  #call(kind: "entry" | "return", place: PacketPlace, depth: number, vif?: number): this {
    const { slot, task = 0 } = place;
    const frame = 0xa000_8000 - 64 * depth;
    const generation = kind === "entry" ? place.generation : 0;
    const time = BigInt(++this.#time);
    const more = vif === undefined ? {} : { more: [vif, 0xffff_ffff] as [number, number] };
    feed(this.sink, { kind, task, cpu: 0, frame, fn: depth, slot, generation, time, ...more });
    return this;
  }
}

const [ONE, OTHER, COPY] = [
  { slot: 5, generation: 0x201, task: 1 },
  { slot: 6, generation: 1, task: 2 },
  { slot: 7, generation: 4, task: 1 },
];
const FUNCTIONS = 4;

const atVif3 = (): Bench =>
  new Bench((to) =>
    new ChosenPackets(to, FUNCTIONS, ({ vif, ifindex }) => vif === 3 || ifindex === 9)
  );

const marksVif3 = (conditional = false): Bench =>
  new Bench((to) =>
    new MarkedPackets(to, {
      functionCount: FUNCTIONS,
      kinds: 0b11,
      met: ({ vif, nexthop, ifindex }) =>
        (vif === 3 ? 1 : 0) | (ifindex === 9 || nexthop === 8 ? 2 : 0),
      conditional,
    })
  );

const header = new Uint8Array(30).fill(7);

Deno.test("a packet passes from its first record if it is at the interface then", () => {
  const bench = atVif3().add(packetRecord(ONE, { ifindex: 9 }), packetRecord(OTHER, { ifindex: 8 }))
    .entry(ONE).entry(OTHER).return(OTHER).return(ONE)
    .add(dropRecord(OTHER, {}), dropRecord(ONE, {}), endRecord(OTHER), endRecord(ONE));
  assert.deepEqual(bench.passed, ["packet 5", "entry 5", "return 5", "drop 5", "end 5"]);
});

Deno.test("one that gets there later begins there, with the bytes that it had at first", () => {
  const bench = atVif3().add(packetRecord(ONE, { ifindex: 8, length: 98, header }))
    .entry(ONE).entry(ONE, 1, 4).return(ONE, 1).entry(ONE, 1, 3).return(ONE, 1).return(ONE)
    .add(endRecord(ONE));
  assert.deepEqual(bench.passed, ["packet 5", "entry 5", "return 5", "end 5"]);
  const [begin, entry] = bench.records;
  assert.equal(begin![TIMESTAMP_LOW], entry![TIMESTAMP_LOW]);
  assert.equal(begin![CALL], 1 | ONE.slot << 16);
  assert.deepEqual(
    [begin![CPU_AND_KIND]! >>> 16, begin![GENERATION], begin![LENGTH], begin![IFINDEX]],
    [KIND_PACKET | 1 << 8, 0x201, 98, 8],
  );
  assert.deepEqual(new Uint8Array(begin!.buffer).slice(44, 74), header);
});

Deno.test("a decision and a drop show where a packet is, too", () => {
  const bench = atVif3().add(packetRecord(ONE), packetRecord(OTHER), packetRecord(COPY))
    .add(decisionRecord(ONE, DECIDED_VIF, { [VIF_INDEX]: 3 }), dropRecord(OTHER, { vif: 3 }))
    .add(decisionRecord(COPY, DECIDED_VIF, { [VIF_INDEX]: 4 }));
  assert.deepEqual(bench.passed, ["packet 5", "decision 5", "packet 6", "drop 6"]);
});

Deno.test("a copy is chosen as the packet is, and else may be chosen later", () => {
  const later = { ...COPY, slot: 8 };
  const bench = atVif3().add(packetRecord(ONE, { ifindex: 9 }), packetRecord(OTHER, { header }))
    .add(copyRecord(COPY, ONE), copyRecord(later, OTHER))
    .entry(COPY).return(COPY).entry(later, 0, 3);
  assert.deepEqual(bench.passed, [
    ...["packet 5", "copy 7", "entry 7", "return 7", "packet 8", "entry 8"],
  ]);
  assert.equal(bench.records[4]![GENERATION], COPY.generation);
});

Deno.test("what frees a packet does not choose it, nor does what its slot had before", () => {
  const next = { ...ONE, generation: 0x202 };
  const bench = atVif3().add(packetRecord(ONE), endRecord(ONE)).entry(ONE, 0, 3).return(ONE)
    .add(packetRecord(OTHER, { ifindex: 9 }), packetRecord(next)).entry(next);
  assert.deepEqual(bench.passed, ["packet 6"]);
});

Deno.test("losses pass, and a packet whose begin was lost does not", () => {
  const bench = atVif3();
  bench.sink.lost(3);
  bench.entry(ONE, 0, 3).return(ONE);
  assert.deepEqual(bench.passed, ["lost 3"]);
});

Deno.test("a packet that has met the recording's conditions before has met them where it begins", () => {
  const bench = atVif3().add(packetRecord(ONE), matchRecord(ONE)).entry(ONE, 0, 3);
  assert.deepEqual(bench.passed, ["packet 5", "match 5", "entry 5"]);
});

Deno.test("a packet is marked in front of the record that meets the last condition", () => {
  const bench = marksVif3().add(packetRecord(ONE, { ifindex: 9 }), packetRecord(OTHER))
    .entry(ONE).entry(OTHER, 0, 3).entry(ONE, 1, 3).entry(ONE, 2, 3);
  assert.deepEqual(bench.passed, [
    ...["packet 5", "packet 6", "entry 5", "entry 6", "match 5", "entry 5", "entry 5"],
  ]);
  const [mark, entry] = bench.records.slice(4);
  assert.deepEqual([...mark!.slice(0, 3)], [...entry!.slice(0, 3)]);
  assert.equal(mark![CALL], 1 | ONE.slot << 16);
  assert.equal(mark!.length, 6);
});

Deno.test("a packet that meets all at its begin is marked behind that", () => {
  const bench = new Bench((to) =>
    new MarkedPackets(to, { functionCount: 1, kinds: 2, met: () => 2, conditional: false })
  );
  bench.add(packetRecord(ONE)).entry(ONE);
  assert.deepEqual(bench.passed, ["packet 5", "match 5", "entry 5"]);
});

Deno.test("a copy has met what the packet had, and is marked with that by whoever follows packets", () => {
  const bench = marksVif3().add(packetRecord(ONE, { ifindex: 9 }), copyRecord(COPY, ONE))
    .entry(COPY, 0, 3).entry(COPY, 1, 3).add(copyRecord({ ...COPY, slot: 8 }, COPY));
  assert.deepEqual(bench.passed, [
    ...["packet 5", "copy 7", "match 7", "entry 7", "entry 7", "copy 8"],
  ]);
});

Deno.test("in a recording with conditions both must be met, in any order", () => {
  const bench = marksVif3(true).add(
    packetRecord(ONE, { ifindex: 9 }),
    packetRecord(OTHER, { ifindex: 9 }),
  )
    .add(matchRecord(ONE)).entry(ONE, 0, 3).entry(OTHER, 0, 3).add(matchRecord(OTHER));
  assert.deepEqual(bench.passed, [
    ...["packet 5", "packet 6", "match 5", "entry 5", "entry 6", "match 6"],
  ]);
});

Deno.test("a packet that has ended meets nothing any more", () => {
  const bench = marksVif3().add(packetRecord(ONE, { ifindex: 9 }), endRecord(ONE)).entry(ONE, 0, 3);
  assert.deepEqual(bench.passed, ["packet 5", "end 5", "entry 5"]);
});
