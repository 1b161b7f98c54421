import assert from "node:assert/strict";
import { SHOW_ITEMS } from "../../src/cli/invocation.ts";
import { EVENTS } from "../../src/output/events.ts";
import { LineWriter } from "../../src/output/line_writer.ts";
import { packetId, PacketTable } from "../../src/trace/packets.ts";
import { CallTree } from "../../src/trace/tree.ts";
import { ByteList } from "../support/byte_list.ts";
import { feed } from "../support/call_records.ts";
import {
  copyRecord,
  dropRecord,
  endRecord,
  feedWords,
  packetRecord,
} from "../support/packet_records.ts";

/** The objects that are written for what `feed` feeds. */
async function objects(feed: (tree: CallTree) => void): Promise<unknown[]> {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  const packets = new PacketTable();
  const view = EVENTS.open(writer, { functions: ["vm_rx", 'a"b\n'], packets });
  assert.equal(view.begin(), 0);
  const tree = new CallTree(view, 2, { packets });
  feed(tree);
  tree.finish();
  await writer.finish();
  const lines = bytes.text.split("\n");
  assert.equal(lines.pop(), "");
  return lines.map((line) => JSON.parse(line));
}

Deno.test("the events format has what --show asks for as fields", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  const view = EVENTS.open(writer, {
    functions: ["vm_rx"],
    packets: new PacketTable(),
    shown: {
      items: new Set(SHOW_ITEMS),
      colour: false,
      results: [{ kind: "int", bits: 32, isSigned: true }],
      isVrouter: [true],
      vifs: () => [],
    },
  });
  const tree = new CallTree(view, 1, { durations: true });
  const call = { task: 5, cpu: 1, frame: 0xa0004000, fn: 0 };
  feed(tree, { ...call, kind: "entry", time: 5n, more: [4, 0xffffffff] });
  feed(tree, { ...call, kind: "return", time: 17n, more: [0xfffffff4, 0] });
  feed(tree, { ...call, kind: "entry" });
  feed(tree, { ...call, kind: "return" });
  await writer.finish();
  const events = bytes.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const shown = events.map(({ vif, nh, total, self, return: result }) =>
    vif === undefined ? { total, self, result } : { vif, nh }
  );
  assert.deepEqual(shown, [
    { vif: 4, nh: null },
    { total: 12, self: 12, result: "-12" },
    { vif: null, nh: null },
    { total: 0, self: 0, result: null },
  ]);
});

Deno.test("the events format writes an object per event, with all that it carries", async () => {
  const seen = { slot: 2, generation: 0x101 };
  const place = { ...seen, fn: 0, task: 5, cpu: 1, time: 9 };
  const call = { task: 5, cpu: 1, frame: 0xa0004000, fn: 0, time: 2n ** 63n + 1n };
  const time = "9223372036854775809";
  const id = packetId(2, 0x101);
  const head = { cpu: 1, task: 5, depth: 0, function: "vm_rx", packet: id };
  const header = Uint8Array.of(0, 1, 0xfe);
  const told = await objects((tree) => {
    feedWords(tree, packetRecord(place, { length: 98, netns: 7, ifindex: 3, header }));
    feed(tree, { ...call, kind: "entry", slot: 2, generation: 1 });
    feedWords(tree, copyRecord({ ...place, slot: 4, generation: 1 }, seen));
    feedWords(tree, dropRecord(place, { reason: 12, location: 0xffff_ffff_c012_3456n }));
    feedWords(tree, endRecord(place));
    // The slot is taken again before the call returns.
    feedWords(tree, packetRecord({ slot: 2, generation: 0x102, task: 6 }));
    feed(tree, { ...call, kind: "return" });
  });
  assert.deepEqual(told, [
    { event: "packet", time: "9", ...head, length: 98, netns: 7, ifindex: 3, header: "0001fe" },
    { event: "enter", time, ...head },
    { event: "copied", time: "9", ...head, depth: 1, packet: packetId(4, 1), parent: id },
    {
      event: "dropped",
      time: "9",
      ...head,
      depth: 1,
      reason: 12,
      location: "0xffffffffc0123456",
    },
    { event: "ended", time: "9", ...head, depth: 1 },
    {
      event: "packet",
      time: "0",
      cpu: 0,
      task: 6,
      depth: 0,
      function: null,
      packet: packetId(2, 0x102),
      length: 0,
      netns: 0,
      ifindex: 0,
      header: "",
    },
    { event: "leave", time, ...head },
  ]);
});

Deno.test("the events format tells calls and returns that have lost each other, and odd names", async () => {
  const call = { task: 5, cpu: 1, frame: 0xa0004000, fn: 1 };
  const told = await objects((tree) => {
    feed(tree, { ...call, kind: "return" });
    feed(tree, { ...call, kind: "entry" });
    feed(tree, { ...call, kind: "entry" });
  });
  const head = { time: "0", cpu: 1, task: 5, depth: 0, function: 'a"b\n', packet: null };
  assert.deepEqual(told, [
    { event: "orphan", ...head },
    { event: "enter", ...head },
    { event: "abandon", ...head, why: "return lost" },
    { event: "enter", ...head },
    { event: "abandon", ...head, why: "trace ended" },
  ]);
});
