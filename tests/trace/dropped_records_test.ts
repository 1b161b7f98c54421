import assert from "node:assert/strict";
import {
  DECIDED_BRIDGE,
  DECIDED_FLOW,
  DECIDED_PREFIX,
  DECISION_VRF,
  FLOW_ACTION as DECIDED_ACTION,
  FLOW_INDEX,
  LOOKUP_KEY,
  NEXTHOP_ID,
  PREFIX_FAMILY,
  PREFIX_LENGTH,
  ROUTE_REACH as LOOKUP_REACH,
} from "../../src/probe/decision_record.ts";
import {
  DROP_CAPTURED,
  FLOW,
  FLOW_ACTION,
  ROUTE_BRIDGE,
  ROUTE_FAMILY,
  ROUTE_KEY,
  ROUTE_KIND,
  ROUTE_LENGTH,
  ROUTE_NEXTHOP,
  ROUTE_NONE,
  ROUTE_PREFIX,
  ROUTE_REACH,
  ROUTE_VRF,
  SEGMENTATION_OTHER,
  SEGMENTATION_SHIFT,
  SEGMENTATION_UNKNOWN,
  SEGMENTED,
  SOURCE_KERNEL,
} from "../../src/probe/packet_record.ts";
import { droppedRecords } from "../../src/trace/dropped_records.ts";
import { feed } from "../support/call_records.ts";
import {
  copyRecord,
  decisionRecord,
  dropRecord,
  feedWords,
  matchRecord,
  packetRecord,
} from "../support/packet_records.ts";

const UNKNOWN = 0xffff_ffff;
const PLACE = { slot: 5, generation: 2, task: 9, cpu: 1, time: 1000, fn: 0 };
const OTHER = { ...PLACE, slot: 6, task: 10, cpu: 2 };
const MAC = { [LOOKUP_KEY]: 0x0302_0100, [LOOKUP_KEY + 1]: 0x0504 };
const FLOOD = { [LOOKUP_KEY]: UNKNOWN, [LOOKUP_KEY + 1]: 0xffff };

type Place = typeof PLACE;

/** The drops among records, as they are passed on. */
class Bench {
  readonly drops: Uint32Array[] = [];
  readonly sink: ReturnType<typeof droppedRecords>;

  constructor(
    conditional = false,
    isWanted: (bytes: Uint8Array) => boolean = () => true,
    lookups = true,
  ) {
    const to = {
      record: (words: Uint32Array, at: number, bytes: number): void => {
        this.drops.push(words.slice(at, at + bytes / 4));
      },
      lost: (): void => {},
      dry: (): void => {},
    };
    this.sink = droppedRecords(to, {
      functions: [{ name: "vr_forward" }, { name: "skb_segment" }],
      conditional,
      lookups,
      isWanted,
    });
  }

  add(...records: readonly Uint32Array[]): this {
    for (const record of records) feedWords(this.sink, record);
    return this;
  }

  /** A packet comes in, and is in a call, for lookups are of the packet of a call. */
  begin(place: Place): this {
    this.add(packetRecord(place, { length: 98, header: new Uint8Array(60) }));
    feed(this.sink, {
      kind: "entry",
      time: 1000n,
      task: place.task,
      cpu: place.cpu,
      frame: 0xa0004000,
      fn: 0,
      slot: place.slot,
      generation: place.generation,
    });
    return this;
  }

  of(word: number): number[] {
    return this.drops.map((drop) => drop[word]!);
  }
}

Deno.test("a drop has the flow and the route that were decided for its packet, not another's", () => {
  const bench = new Bench().begin(PLACE).begin(OTHER).add(
    decisionRecord(PLACE, DECIDED_FLOW, { [FLOW_INDEX]: 77, [DECIDED_ACTION]: 2 }),
    decisionRecord(OTHER, DECIDED_FLOW, { [FLOW_INDEX]: 78, [DECIDED_ACTION]: 1 }),
    decisionRecord(PLACE, DECIDED_PREFIX, {
      [DECISION_VRF]: 3,
      [PREFIX_LENGTH]: 24,
      [PREFIX_FAMILY]: 2,
      [NEXTHOP_ID]: 21,
      [LOOKUP_KEY]: 0x0101_0a0a,
    }),
    decisionRecord(OTHER, DECIDED_BRIDGE, {
      [DECISION_VRF]: 4,
      [NEXTHOP_ID]: 22,
      [LOOKUP_REACH]: 0xc0de_1234,
      ...MAC,
    }),
    dropRecord(PLACE, { reason: 5 }),
    dropRecord(OTHER, { reason: 6 }),
  );
  assert.deepEqual(bench.of(FLOW), [77, 78]);
  assert.deepEqual(bench.of(FLOW_ACTION), [2, 1]);
  assert.deepEqual(bench.of(ROUTE_KIND), [ROUTE_PREFIX, ROUTE_BRIDGE]);
  assert.deepEqual(bench.of(ROUTE_VRF), [3, 4]);
  assert.deepEqual(bench.of(ROUTE_LENGTH), [24, 0]);
  assert.deepEqual(bench.of(ROUTE_FAMILY), [2, 0]);
  assert.deepEqual(bench.of(ROUTE_NEXTHOP), [21, 22]);
  assert.deepEqual(bench.of(ROUTE_KEY), [0x0101_0a0a, 0x0302_0100]);
  assert.deepEqual(bench.of(ROUTE_REACH), [0, 0xc0de_1234]);
  assert.deepEqual(bench.of(ROUTE_REACH + 1), [0, UNKNOWN]);
});

Deno.test("a drop that tells of its flow itself keeps that; without look-ups, nothing is told", () => {
  for (const lookups of [true, false]) {
    const bench = new Bench(false, () => true, lookups).begin(PLACE).add(
      decisionRecord(PLACE, DECIDED_FLOW, { [FLOW_INDEX]: 77, [DECIDED_ACTION]: 2 }),
      decisionRecord(PLACE, DECIDED_BRIDGE, MAC),
      dropRecord(PLACE, { reason: 5, flow: 78, words: { [FLOW_ACTION]: UNKNOWN } }),
    );
    assert.deepEqual(bench.of(FLOW), [lookups ? 78 : UNKNOWN]);
    assert.deepEqual(bench.of(FLOW_ACTION), [UNKNOWN]);
    assert.deepEqual(bench.of(ROUTE_KIND), [lookups ? ROUTE_BRIDGE : ROUTE_NONE]);
  }
});

Deno.test("the flood is looked up because the packet's own address was not found", () => {
  const bench = new Bench().begin(PLACE).add(
    decisionRecord(PLACE, DECIDED_BRIDGE, MAC),
    decisionRecord(PLACE, DECIDED_BRIDGE, FLOOD),
    dropRecord(PLACE, { reason: 5 }),
  );
  assert.deepEqual(bench.of(ROUTE_KEY), [0x0302_0100]);
});

Deno.test("a packet whose segments go on is told from one that could not be segmented, and from these", () => {
  const segment = { ...PLACE, slot: 9 };
  const bench = new Bench().begin(PLACE).begin(OTHER).add(
    copyRecord({ ...segment, fn: 1 }, PLACE),
    copyRecord({ ...PLACE, slot: 10, fn: 0 }, OTHER),
    ...[PLACE, OTHER, segment].map((place) =>
      dropRecord(place, { reason: 5, source: SOURCE_KERNEL })
    ),
  );
  assert.deepEqual(
    bench.of(DROP_CAPTURED).map((word) => word >>> SEGMENTATION_SHIFT),
    [SEGMENTED, SEGMENTATION_UNKNOWN, SEGMENTATION_OTHER],
  );
});

Deno.test("a packet to all has no route of its own", () => {
  const bench = new Bench().begin(PLACE).add(
    decisionRecord(PLACE, DECIDED_BRIDGE, FLOOD),
    dropRecord(PLACE, { reason: 5 }),
  );
  assert.deepEqual(bench.of(ROUTE_KIND), [ROUTE_NONE]);
});

Deno.test("a drop of the kernel, and one of a packet that came later, have neither", () => {
  const later = { ...PLACE, generation: 3 };
  const bench = new Bench().begin(PLACE).add(
    decisionRecord(PLACE, DECIDED_FLOW, { [FLOW_INDEX]: 77, [DECIDED_ACTION]: 2 }),
    dropRecord(PLACE, { reason: 5, source: SOURCE_KERNEL }),
  ).begin(later).add(dropRecord(later, { reason: 6 }));
  assert.deepEqual(bench.of(FLOW), [UNKNOWN, UNKNOWN]);
  assert.deepEqual(bench.of(ROUTE_KIND), [ROUTE_NONE, ROUTE_NONE]);
});

Deno.test("with conditions, only drops of packets that have met them, and their copies, count", () => {
  const copy = { ...OTHER, slot: 8 };
  const bench = new Bench(true).begin(PLACE).begin(OTHER).add(
    matchRecord(OTHER),
    copyRecord(copy, OTHER),
    dropRecord(PLACE, { reason: 5 }),
    dropRecord(OTHER, { reason: 6 }),
    dropRecord(copy, { reason: 7 }),
  );
  assert.equal(bench.drops.length, 2);
});

Deno.test("a filter sees the packet as it is when it is dropped", () => {
  const seen: number[] = [];
  const bench = new Bench(false, (bytes) => {
    seen.push(bytes.length);
    return bytes[0] === 7;
  }).begin(PLACE).add(
    dropRecord(PLACE, { reason: 5, bytes: new Uint8Array(40).fill(7) }),
    dropRecord(PLACE, { reason: 5, bytes: new Uint8Array(50).fill(8) }),
  );
  assert.deepEqual(seen, [40, 50]);
  assert.equal(bench.drops.length, 1);
});
