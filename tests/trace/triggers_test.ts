import assert from "node:assert/strict";
import { PARENT_SLOT } from "../../src/probe/packet_record.ts";
import { CALL } from "../../src/probe/record.ts";
import type { Journey } from "../../src/trace/journey.ts";
import { Journeys } from "../../src/trace/journeys.ts";
import { CallTree } from "../../src/trace/tree.ts";
import {
  DROPPED,
  NOTHING,
  SLOW,
  Triggers,
  type TriggersOptions,
} from "../../src/trace/triggers.ts";
import { feed } from "../support/call_records.ts";
import { FUNCTIONS, NETNS, Scene, SOURCES } from "../support/journey_scene.ts";
import {
  copyRecord,
  dropRecord,
  endRecord,
  feedWords,
  matchRecord,
  packetRecord,
} from "../support/packet_records.ts";
import { Random } from "../support/random.ts";
import { bytesAt, vrouterStream } from "../support/vrouter_stream.ts";

const NAMES = FUNCTIONS.map((name) => ({ name }));
const PLACE = { slot: 5, generation: 3 };

/** A trace's records, as a sink and to be passed on. */
class Words {
  readonly all: Uint32Array[] = [];

  record(words: Uint32Array, at: number, bytes: number): void {
    this.all.push(words.slice(at, at + bytes / 4));
  }
}

/** What triggers say of records: for each hit what it is, and when its packet came in. */
function hitsOf(
  records: Iterable<Uint32Array>,
  options: Partial<TriggersOptions>,
): { what: number; from: number; at: number; slot: number }[] {
  const triggers = triggersOf(options);
  const hits = [];
  for (const words of records) {
    const what = triggers.note(words, 0, words.byteLength);
    const { from, at } = triggers;
    if (what !== NOTHING) hits.push({ what, from, at, slot: words[CALL]! >>> 16 });
  }
  return hits;
}

function triggersOf(options: Partial<TriggersOptions>): Triggers {
  return new Triggers({
    functions: NAMES,
    drop: null,
    slower: null,
    conditional: false,
    ...options,
  });
}

/** What vrft packets would show. */
function journeysOf(records: Iterable<Uint32Array>, functions: readonly string[]): Journey[] {
  const journeys: Journey[] = [];
  const view = new Journeys(functions, SOURCES, (journey) => journeys.push(journey));
  const tree = new CallTree(view, functions.length);
  for (const words of records) feedWords(tree, words);
  tree.finish();
  view.finish();
  return journeys;
}

/** Packets are told that take as long by `Journeys`; those under way at the end may be, too. */
function assertAgree(
  records: readonly Uint32Array[],
  functions: readonly string[],
  slower: number,
  what: string,
): number {
  const names = functions.map((name) => ({ name }));
  const hits = hitsOf(records, { functions: names, slower });
  const journeys = journeysOf(records, functions).filter(({ duration }) => duration >= slower);
  const isOver = ({ outcome: { type } }: Journey): boolean =>
    type !== "inside" && type !== "held" && type !== "lost from sight";
  const told = hits.map(({ from }) => from).sort();
  const slow = new Set(journeys.map(({ begin }) => Number(begin)));
  const over = journeys.filter(isOver).map(({ begin }) => Number(begin));
  assert.equal(new Set(told).size, told.length, `${what}: told twice`);
  assert.deepEqual(told.filter((from) => !slow.has(from)), [], `${what}: not slow`);
  assert.deepEqual(over.filter((begin) => !told.includes(begin)), [], `${what}: not told`);
  return hits.length;
}

Deno.test("a packet is slow if vrft packets would say so", () => {
  let told = 0;
  for (const { name } of Deno.readDirSync(new URL("../data/vrouter-traces", import.meta.url))) {
    const words = new Words();
    const scene = new Scene({}, words as unknown as CallTree);
    scene.see({ slot: 1, generation: 1 }, 3);
    scene.play(name.replace(".txt", ""));
    scene.end({ slot: 1, generation: 1, time: 1e9 });
    for (const slower of [1, 5_000, 20_000, 50_000, 1e12]) {
      told += assertAgree(words.all, FUNCTIONS, slower, `${name} ${slower}`);
    }
  }
  assert.ok(told > 40, `${told}`);
});

Deno.test("among the packets of a busy vrouter, too", () => {
  let told = 0;
  for (const seed of [1, 2, 3]) {
    const { words, functions } = vrouterStream(new Random(seed), {
      records: 30_000,
      // On several, tasks of this stream run at the same time.
      cpus: 1,
      packets: true,
      drops: true,
      long: seed === 3,
    });
    const records: Uint32Array[] = [];
    for (let at = 0; at < words.length;) {
      const bytes = bytesAt(words, at);
      records.push(words.slice(at, at + bytes / 4));
      at += bytes / 4;
    }
    for (const slower of [1, 8_000, 15_000, 30_000]) {
      told += assertAgree(records, functions, slower, `seed ${seed}, ${slower} ns`);
    }
  }
  assert.ok(told > 500, `${told}`);
});

/** Calls of functions by name, at times. */
function calls(...list: [time: number, name: string, kind?: "entry" | "return"][]): Uint32Array[] {
  const words = new Words();
  for (const [time, name, kind = "entry"] of list) {
    feed(words, {
      kind,
      task: 7,
      cpu: 0,
      frame: 0x1000 - 8 * FUNCTIONS.indexOf(name),
      fn: FUNCTIONS.indexOf(name),
      time: BigInt(time),
      ...PLACE,
    });
  }
  return words.all;
}

Deno.test("a packet that waits for long in a socket has been quick", () => {
  const records = [
    ...calls([100, "vhost_dev_xmit"], [200, "linux_if_rx"], [300, "linux_if_rx", "return"]),
    ...calls([9e9, "__dev_queue_xmit"], [9.1e9, "__dev_queue_xmit", "return"]),
  ];
  assert.deepEqual(hitsOf(records, { slower: 1000 }), []);
  assert.equal(hitsOf(records, { slower: 200 }).length, 1);
});

Deno.test("a packet that comes in again is a new one, and is told again", () => {
  const way = (start: number): Uint32Array[] =>
    calls(
      [start, "linux_rx_handler"],
      [start + 5000, "linux_if_tx"],
      [start + 6000, "linux_if_tx", "return"],
    );
  const hits = hitsOf([...way(1e6), ...way(2e6)], { slower: 4000 });
  assert.deepEqual(hits.map(({ from }) => from), [1e6, 2e6]);
});

Deno.test("a packet is told at once, and only once, when it is seen for the first time so late", () => {
  const hits = hitsOf(
    calls([1000, "linux_rx_handler"], [1500, "vr_flow_forward"], [7000, "nh_output"], [
      9000,
      "linux_if_tx",
    ]),
    { slower: 5000 },
  );
  assert.deepEqual(hits, [{ what: SLOW, from: 1000, at: 7000, slot: 5 }]);
});

Deno.test("a copy has been on its way since it was made", () => {
  const copy = { slot: 9, generation: 1 };
  const words = new Words();
  for (const [time, name] of [[80_000, "nh_output"], [90_000, "linux_if_tx"]] as const) {
    feed(words, {
      kind: "entry",
      task: 8,
      cpu: 1,
      frame: 0x900,
      fn: FUNCTIONS.indexOf(name),
      time: BigInt(time),
      ...copy,
    });
  }
  const records = [
    ...calls([1000, "linux_rx_handler"]),
    copyRecord({ ...copy, time: 50_000 }, PLACE),
    ...words.all,
  ];
  assert.deepEqual(hitsOf(records, { slower: 40_000 }), [
    { what: SLOW, from: 50_000, at: 90_000, slot: 9 },
  ]);
});

Deno.test("a drop is told with the time when its packet came in, as far as that is known", () => {
  const drop = dropRecord({ ...PLACE, time: 2 ** 33 + 5 }, { reason: 1 });
  const other = dropRecord({ ...PLACE, time: 2 ** 33 + 9 }, { reason: 2 });
  const isMeant = (words: Uint32Array, at: number): boolean => words[at + 6] === 1;
  const records = [...calls([77, "linux_rx_handler"]), other, drop];
  const time = 2 ** 33 + 5;
  assert.deepEqual(hitsOf(records.slice(2), { drop: isMeant }), [
    { what: DROPPED, from: time, at: time, slot: 5 },
  ]);
  assert.deepEqual(hitsOf([records[0]!, drop], { drop: isMeant }), [
    { what: DROPPED, from: 77, at: time, slot: 5 },
  ]);
  assert.deepEqual(hitsOf(records.slice(0, 2), { drop: isMeant }), []);
});

Deno.test("with conditions only packets that match are told, and copies of those", () => {
  const copy = { slot: 9, generation: 1 };
  const drop = (place: typeof PLACE): Uint32Array => dropRecord({ ...place, time: 9 }, {});
  const seen = packetRecord(PLACE, { netns: NETNS });
  const options = { conditional: true, drop: () => true };
  assert.deepEqual(hitsOf([seen, drop(PLACE)], options), []);
  assert.equal(hitsOf([seen, matchRecord(PLACE), drop(PLACE)], options).length, 1);
  assert.equal(
    hitsOf([seen, matchRecord(PLACE), copyRecord(copy, PLACE), drop(copy)], options).length,
    1,
  );
  const stray = copyRecord(copy, PLACE);
  stray[PARENT_SLOT] = 1;
  assert.deepEqual(hitsOf([seen, matchRecord(PLACE), stray, drop(copy)], options), []);
  // The next packet in its slot has not matched.
  const next = { ...PLACE, generation: 4 };
  assert.deepEqual(hitsOf([seen, matchRecord(PLACE), packetRecord(next), drop(next)], options), []);
  const slow = [
    ...calls([1, "linux_rx_handler"], [9000, "nh_output"]),
    matchRecord({ ...PLACE, time: 9500 }),
  ];
  assert.deepEqual(hitsOf(slow, { conditional: true, slower: 5000 }).map(({ at }) => at), [9500]);
});

Deno.test("packets whose slot another one takes are counted", () => {
  const triggers = triggersOf({ slower: 10 });
  for (const words of calls([1, "linux_rx_handler"])) {
    triggers.note(words, 0, words.byteLength);
  }
  const next = { slot: 5, generation: 4 };
  for (const words of [packetRecord(next), endRecord(next), packetRecord(PLACE)]) {
    triggers.note(words, 0, words.byteLength);
  }
  assert.equal(triggers.evicted, 1);
});
