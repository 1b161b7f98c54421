import assert from "node:assert/strict";
import { type Incomplete, SELF, type Step, TOTAL, type View } from "../../src/trace/events.ts";
import { HeldView } from "../../src/trace/held_view.ts";
import { PacketTable } from "../../src/trace/packets.ts";
import { CallTree } from "../../src/trace/tree.ts";
import { type CallRecord, feed } from "../support/call_records.ts";
import { matchRecord, packetRecord } from "../support/packet_records.ts";

/** What each call is closed with: function, total and own time; `null` for what is not known. */
class Ends implements View {
  readonly ends: [fn: number, total: number | null, self: number | null][] = [];
  readonly places: [vif: number, nexthop: number][] = [];
  readonly results: (bigint | null)[] = [];

  enter({ vif, nexthop }: Readonly<Step>): void {
    this.places.push([vif, nexthop]);
  }

  leave({ fn, times, hasResult, resultLow, resultHigh }: Readonly<Step>): void {
    const known = (value: number): number | null => Number.isNaN(value) ? null : value;
    this.ends.push([fn, known(times[TOTAL]!), known(times[SELF]!)]);
    this.results.push(
      hasResult ? BigInt(resultHigh >>> 0) << 32n | BigInt(resultLow >>> 0) : null,
    );
  }

  abandon(_step: Readonly<Step>, _why: Incomplete): void {}

  orphan(): void {}
}

const FRAMES = [0xf00, 0xe00, 0xd00, 0xc00];

function entry(fn: number, time: bigint | number, more?: CallRecord["more"]): CallRecord {
  const call = {
    kind: "entry",
    task: 1,
    cpu: 0,
    frame: FRAMES[fn]!,
    fn,
    time: BigInt(time),
  } as const;
  return more === undefined ? call : { ...call, more };
}

function ret(fn: number, time: bigint | number, more?: CallRecord["more"]): CallRecord {
  return { ...entry(fn, time, more), kind: "return" };
}

/** Steps of a tree that is fed records; a number stands for a loss. */
function endsOf(...records: readonly (CallRecord | number)[]): Ends["ends"] {
  const view = new Ends();
  const tree = new CallTree(view, FRAMES.length, { durations: true });
  for (const record of records) {
    if (typeof record === "number") tree.lost(record);
    else feed(tree, record);
  }
  tree.finish();
  return view.ends;
}

Deno.test("A call's own time is its time without the traced calls inside it", () => {
  assert.deepEqual(
    endsOf(
      entry(0, 1000),
      entry(1, 1100),
      entry(2, 1150),
      ret(2, 1175),
      ret(1, 1200),
      entry(1, 1300),
      ret(1, 1350),
      ret(0, 2000),
    ),
    [[2, 25, 25], [1, 100, 75], [1, 50, 50], [0, 1000, 850]],
  );
});

Deno.test("A call's time is exact where the clock is beyond 2^53, and across a carry", () => {
  const start = 2n ** 60n - 5n;
  assert.deepEqual(endsOf(entry(0, start), ret(0, start + 12n)), [[0, 12, 12]]);
  assert.deepEqual(endsOf(entry(0, 2n ** 32n - 1n), ret(0, 2n ** 33n)), [
    [0, 2 ** 32 + 1, 2 ** 32 + 1],
  ]);
});

Deno.test("A call's own time is not known where a call inside it was closed without its return", () => {
  assert.deepEqual(endsOf(entry(0, 0), entry(1, 10), ret(0, 100)), [[0, 100, null]]);
  assert.deepEqual(endsOf(entry(0, 0), ret(2, 10), ret(0, 100)), [[0, 100, null]]);
});

Deno.test("A call's own time is not known where records inside it may have been lost", () => {
  // The second call may have been lost as well, of the two records that precede the loss.
  assert.deepEqual(
    endsOf(entry(0, 0), 1, entry(1, 10), ret(1, 20), entry(1, 30), ret(1, 40), ret(0, 100)),
    [[1, 10, null], [1, 10, 10], [0, 100, null]],
  );
});

Deno.test("Without being asked, a tree tells no times", () => {
  const view = new Ends();
  const tree = new CallTree(view, FRAMES.length);
  feed(tree, entry(0, 0));
  feed(tree, ret(0, 10));
  assert.deepEqual(view.ends, [[0, null, null]]);
});

Deno.test("Long records tell vif and nexthop at the entry, and the result at the return", () => {
  const view = new Ends();
  const tree = new CallTree(view, FRAMES.length);
  feed(tree, entry(0, 0, [4, 57]));
  feed(tree, entry(1, 1, [0xffffffff, 0xfffffffe]));
  feed(tree, entry(2, 2));
  feed(tree, ret(2, 3, [0xfffffff4, 0xffffffff]));
  feed(tree, ret(1, 4));
  feed(tree, ret(0, 5, [1, 0]));
  assert.deepEqual(view.places, [[4, 57], [-1, -2], [-1, -1]]);
  assert.deepEqual(view.results, [0xfffffffffffffff4n, null, 1n]);
});

Deno.test("A long record that is cut short is malformed", () => {
  const tree = new CallTree(new Ends(), FRAMES.length);
  const words = new Uint32Array(6);
  words[5] = 0x81 << 16;
  tree.record(words, 0, 24);
  words[5] = 0x83 << 16;
  tree.record(words, 0, 24);
  assert.equal(tree.malformed, 2);
});

Deno.test("Times, results, vifs and nexthops of calls that are held back arrive with them", () => {
  const view = new Ends();
  const held = new HeldView(view, new PacketTable(), FRAMES.length);
  const tree = new CallTree(held, FRAMES.length, { durations: true });
  const packet = { slot: 0, generation: 0, task: 1 };
  const pass = (words: Uint32Array): void => tree.record(words, 0, words.byteLength);
  pass(packetRecord(packet));
  feed(tree, entry(0, 0, [4, 57]));
  feed(tree, entry(1, 10));
  feed(tree, ret(1, 30, [7, 0]));
  pass(matchRecord(packet));
  feed(tree, ret(0, 100));
  held.finish();
  assert.deepEqual(view.ends, [[1, 20, 20], [0, 100, 80]]);
  assert.deepEqual(view.places, [[4, 57], [-1, -1]]);
  assert.deepEqual(view.results, [7n, null]);
});
