import assert from "node:assert/strict";
import {
  DECIDED_BRIDGE,
  DECIDED_TRAP,
  DECISION,
  TRAP_REASON,
} from "../../src/probe/decision_record.ts";
import { NO_FUNCTION, PACKET_BYTES } from "../../src/probe/packet_record.ts";
import {
  EVENT_BYTES,
  KIND_COPY,
  KIND_DECISION,
  KIND_DROP,
  KIND_END,
  KIND_MATCH,
  KIND_PACKET,
  MAX_UNITS,
} from "../../src/probe/record.ts";
import {
  MAX_HEADER_BYTES,
  NONE,
  PACKET_EVENTS,
  type PacketDetails,
  type Step,
  type View,
} from "../../src/trace/events.ts";
import { packetId, UNKNOWN_PACKET } from "../../src/trace/packets.ts";
import { CallTree, type CallTreeOptions } from "../../src/trace/tree.ts";
import { type CallRecord, feed } from "../support/call_records.ts";
import {
  copyRecord,
  decisionRecord,
  dropRecord,
  endRecord,
  feedWords,
  type PacketPlace,
  packetRecord,
} from "../support/packet_records.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 20261125;
const RUNS = propertyRuns(100_000);
const FUNCTIONS = 4;
const ABOVE: PacketPlace = { slot: 9, generation: 0x1234_56fe };
const ID = packetId(ABOVE.slot, ABOVE.generation);

/** Keeps a copy of all that a view is told. */
class Told implements View {
  readonly events: { what: string; step: Step; details?: PacketDetails; header?: Uint8Array }[] =
    [];

  enter = (step: Readonly<Step>): void => this.#keep("enter", step);
  leave = (step: Readonly<Step>): void => this.#keep("leave", step);
  abandon = (step: Readonly<Step>): void => this.#keep("abandon", step);
  orphan = (step: Readonly<Step>): void => this.#keep("orphan", step);
  packet = (step: Readonly<Step>, details: Readonly<PacketDetails>): void =>
    this.#keep("packet", step, details);
  copied = (step: Readonly<Step>, details: Readonly<PacketDetails>): void =>
    this.#keep("copied", step, details);
  dropped = (step: Readonly<Step>, details: Readonly<PacketDetails>): void =>
    this.#keep("dropped", step, details);
  ended = (step: Readonly<Step>, details: Readonly<PacketDetails>): void =>
    this.#keep("ended", step, details);
  decided = (step: Readonly<Step>, details: Readonly<PacketDetails>): void =>
    this.#keep("decided", step, details);

  #keep(what: string, step: Readonly<Step>, details?: Readonly<PacketDetails>): void {
    const header = details?.header.slice(0, details.captured);
    this.events.push({
      what,
      step: { ...step },
      ...(details && {
        details: { ...details, record: details.record.slice() } as PacketDetails,
        header: header!,
      }),
    });
  }
}

function told(options?: CallTreeOptions): { tree: CallTree; view: Told } {
  const view = new Told();
  return { tree: new CallTree(view, FUNCTIONS, options), view };
}

function entry(fn: number, place: PacketPlace, frame = 0xa0004000): CallRecord {
  const { slot, generation } = place;
  return { kind: "entry", task: 5, cpu: 1, frame, fn, slot, generation: generation & 0xff };
}

function exit(fn: number, frame = 0xa0004000): CallRecord {
  return { kind: "return", task: 5, cpu: 1, frame, fn };
}

Deno.test("a packet's events come in their place among the calls, with what they carry", () => {
  const { tree, view } = told();
  const at = { ...ABOVE, fn: 0, task: 5, cpu: 1 };
  const copy = { slot: 10, generation: 1, fn: 1, task: 5, cpu: 2, time: 7 };
  const header = Uint8Array.from({ length: 61 }, (_, index) => index);
  feedWords(
    tree,
    packetRecord({ ...at, time: 3 }, { length: 1500, netns: 4026531840, ifindex: 3, header }),
  );
  feed(tree, entry(0, ABOVE));
  feed(tree, entry(1, ABOVE, 0xa0003f00));
  feedWords(tree, copyRecord(copy, ABOVE));
  feedWords(
    tree,
    dropRecord({ ...at, fn: 1 }, { reason: 0xffff_fffe, location: 0xffff_ffff_c012_3456n }),
  );
  feedWords(tree, endRecord({ ...at, fn: 1 }));
  feed(tree, exit(1, 0xa0003f00));
  feed(tree, exit(0));
  assert.deepEqual(
    view.events.map(({ what, step, details }) => [
      what,
      step.depth,
      step.fn,
      step.call,
      tree.packets.id(step.packet),
      details?.id,
    ]),
    [
      ["packet", 0, 0, NONE, ID, ID],
      ["enter", 0, 0, 0, ID, undefined],
      ["enter", 1, 1, 1, ID, undefined],
      ["copied", 2, 1, 1, packetId(10, 1), packetId(10, 1)],
      ["dropped", 2, 1, 1, ID, ID],
      ["ended", 2, 1, 1, ID, ID],
      ["leave", 1, 1, 1, ID, undefined],
      ["leave", 0, 0, 0, ID, undefined],
    ],
  );
  const [seen, , , copied, dropped] = view.events;
  assert.deepEqual([seen!.step.low, seen!.step.cpu, seen!.step.task], [3, 1, 5]);
  assert.deepEqual([copied!.step.low, copied!.step.cpu], [7, 2]);
  const { length, netns, ifindex } = seen!.details!;
  assert.deepEqual([length, netns, ifindex, seen!.header], [1500, 4026531840, 3, header]);
  assert.equal(copied!.details!.parent, ID);
  const { reason, locationLow, locationHigh } = dropped!.details!;
  assert.deepEqual([reason, locationLow, locationHigh], [0xffff_fffe, 0xc0123456 | 0, -1]);
  const { begun, ended, inside } = tree.packets;
  assert.deepEqual([begun, ended, inside, tree.malformed], [2, 1, 1, 0]);
});

Deno.test("the calls of a packet whose begin was lost have a packet that is not known", () => {
  const { tree, view } = told();
  feed(tree, entry(0, ABOVE));
  feedWords(tree, endRecord(ABOVE));
  feed(tree, exit(3));
  const ids = view.events.map(({ step }) => tree.packets.id(step.packet));
  assert.deepEqual(ids, [UNKNOWN_PACKET, UNKNOWN_PACKET, UNKNOWN_PACKET]);
  assert.equal(view.events[1]!.details!.id, UNKNOWN_PACKET);
  assert.deepEqual([view.events[1]!.step.fn, view.events[2]!.step.packet], [NONE, NONE]);
  assert.equal(tree.packets.stray, 1);
});

Deno.test("a view without methods for packets is told of calls alone, and packets are still counted", () => {
  const calls: string[] = [];
  const view: View = {
    enter: () => calls.push("enter"),
    leave: () => calls.push("leave"),
    abandon: () => calls.push("abandon"),
    orphan: () => calls.push("orphan"),
  };
  const tree = new CallTree(view, FUNCTIONS, { limit: 2 });
  feedWords(tree, packetRecord(ABOVE));
  feed(tree, entry(0, ABOVE));
  feedWords(tree, endRecord(ABOVE));
  feed(tree, exit(0));
  assert.deepEqual(calls, ["enter", "leave"]);
  assert.deepEqual([tree.packets.begun, tree.packets.ended, tree.done], [1, 1, true]);
});

Deno.test("events of packets that a view takes count towards the limit", () => {
  const { tree, view } = told({ limit: 3 });
  feedWords(tree, packetRecord(ABOVE));
  feed(tree, entry(0, ABOVE));
  feedWords(tree, endRecord(ABOVE));
  feed(tree, exit(0));
  assert.deepEqual(view.events.map(({ what }) => what), ["packet", "enter", "leave"]);
  assert.ok(tree.done);
  assert.equal(tree.packets.ended, 1);
});

Deno.test("records of packets that are damaged are skipped and counted", () => {
  const whole = packetRecord(ABOVE, { header: new Uint8Array(200) });
  const damaged = (change: (words: Uint32Array) => void): Uint32Array => {
    const words = whole.slice();
    change(words);
    return words;
  };
  const records = [
    // More bytes than the record has, and than any may have.
    damaged((words) => words[10] = whole.byteLength - PACKET_BYTES + 1),
    damaged((words) => words[10] = MAX_HEADER_BYTES + 1),
    // A generation that is not the head's.
    damaged((words) => words[6]! ^= 1),
    // A function that there is not.
    damaged((words) => words[4] = FUNCTIONS),
    whole.subarray(0, EVENT_BYTES / 4),
    copyRecord(ABOVE, ABOVE).subarray(0, EVENT_BYTES / 4),
    dropRecord(ABOVE, { reason: 1, location: 1n }).subarray(0, EVENT_BYTES / 4),
  ];
  const { tree, view } = told();
  for (const words of records) feedWords(tree, words);
  assert.deepEqual([tree.malformed, view.events.length], [records.length, 0]);
  assert.equal(tree.packets.begun, 0);
  feedWords(tree, whole);
  assert.deepEqual([tree.malformed, view.events.length], [records.length, 1]);
});

Deno.test("a call that a record of a drop announces has its reason, and no other", () => {
  const { tree, view } = told();
  const at = { ...ABOVE, task: 5, cpu: 1 };
  const announce = (fn: number, reason: number): void =>
    feedWords(tree, dropRecord({ ...at, fn }, { reason }));
  const reasons = (): number[] =>
    view.events.splice(0).filter(({ what }) => what === "enter").map(({ step }) => step.reason);
  announce(1, 11);
  feed(tree, entry(1, ABOVE));
  feed(tree, exit(1));
  feed(tree, entry(1, ABOVE));
  feed(tree, exit(1));
  assert.deepEqual(reasons(), [11, NONE]);
  // Of another packet, another function, or another task.
  announce(1, 12);
  feed(tree, entry(1, { slot: 77, generation: 1 }));
  feed(tree, exit(1));
  feed(tree, entry(0, ABOVE));
  feed(tree, exit(0));
  feed(tree, { ...entry(1, ABOVE), task: 6 });
  feed(tree, { ...exit(1), task: 6 });
  assert.deepEqual(reasons(), [NONE, NONE, NONE]);
  feed(tree, entry(1, ABOVE));
  assert.deepEqual(reasons(), [12]);
  // A drop without a function is one of the kernel's.
  announce(NO_FUNCTION, 2);
  feed(tree, entry(0, ABOVE, 0xa0003f00));
  assert.deepEqual(reasons(), [NONE]);
});

Deno.test("a decision is that of its packet, a lookup that of the innermost open call's", () => {
  const { tree, view } = told();
  feedWords(tree, packetRecord(ABOVE));
  feed(tree, entry(0, ABOVE));
  const lookup = { slot: 0, generation: 0, task: 5, cpu: 1 };
  feedWords(tree, decisionRecord(lookup, DECIDED_BRIDGE));
  feedWords(tree, decisionRecord(ABOVE, DECIDED_TRAP, { [TRAP_REASON]: 6 }));
  feed(tree, exit(0));
  // No call is open any more.
  feedWords(tree, decisionRecord(lookup, DECIDED_BRIDGE));
  const decided = view.events.filter(({ what }) => what === "decided");
  assert.deepEqual(decided.map(({ details }) => [details!.id, details!.record[DECISION]]), [
    [ID, DECIDED_BRIDGE],
    [ID, DECIDED_TRAP],
    [UNKNOWN_PACKET, DECIDED_BRIDGE],
  ]);
  assert.equal(decided[1]!.details!.record[TRAP_REASON], 6);
});

Deno.test("every kind of event about packets is known by the kind of its records, and no other", () => {
  const known = PACKET_EVENTS.flatMap((kind, number) => kind === undefined ? [] : [number]);
  assert.deepEqual(known, [
    KIND_PACKET,
    KIND_COPY,
    KIND_DROP,
    KIND_END,
    KIND_MATCH,
    KIND_DECISION,
  ]);
});

Deno.test("records of any content and length are taken or skipped", () => {
  console.log(`${RUNS} records from seed ${SEED}`);
  const random = new Random(SEED);
  const { tree, view } = told();
  const counts: Record<string, number> = {};
  for (let run = 0; run < RUNS; run++) {
    const words = Uint32Array.from(
      { length: EVENT_BYTES / 4 * random.pick([1, 2, 3, 4, MAX_UNITS]) },
      () => random.int(random.pick([2, 128, 2 ** 32])),
    );
    words[4] = random.pick([0, FUNCTIONS - 1, FUNCTIONS, 0xffff]) | random.int(65536) << 16;
    const kind = random.int(random.pick([9, 256]));
    words[5] = random.int(2) | kind << 16 | (random.pick([words[6]!, 0]) & 0xff) << 24;
    feedWords(tree, words);
    for (const { what, step, details, header } of view.events.splice(0)) {
      counts[what] = (counts[what] ?? 0) + 1;
      assert.ok(step.fn >= NONE && step.fn < FUNCTIONS);
      if (details === undefined) continue;
      assert.ok(details.id < 2 ** 48);
      if (what === "packet") assert.ok(header!.length <= words.byteLength - PACKET_BYTES);
    }
  }
  console.log(JSON.stringify(counts), `${tree.malformed} skipped`);
  for (const what of ["enter", "orphan", "packet", "copied", "dropped", "ended", "decided"]) {
    assert.ok(counts[what]! > 100, what);
  }
  const { begun, ended, inside, outOfSight } = tree.packets;
  assert.ok(tree.malformed > 0 && ended > 0 && outOfSight > 0);
  assert.equal(begun, ended + inside + outOfSight);
  let alive = 0;
  for (let handle = 0; handle < 2 ** 24; handle++) if (tree.packets.isInside(handle)) alive++;
  assert.equal(inside, alive);
});
