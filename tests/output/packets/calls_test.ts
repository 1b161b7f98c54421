import assert from "node:assert/strict";
import { SHOW_ITEMS, type ShowItem } from "../../../src/cli/invocation.ts";
import type { ResultType } from "../../../src/kernel/result_type.ts";
import { AnnotatedView } from "../../../src/output/annotated_text.ts";
import { LineWriter } from "../../../src/output/line_writer.ts";
import { callObjects, callRows, type CallWords } from "../../../src/output/packets/calls.ts";
import { packetJson } from "../../../src/output/packets/json.ts";
import type { Journey } from "../../../src/trace/journey.ts";
import { Journeys } from "../../../src/trace/journeys.ts";
import { PacketTable } from "../../../src/trace/packets.ts";
import { CallTree } from "../../../src/trace/tree.ts";
import type { RecordSink } from "../../../src/probe/record.ts";
import { ByteList } from "../../support/byte_list.ts";
import { type CallRecord, feed } from "../../support/call_records.ts";
import { DECISION_WORDS } from "../../support/decision_records.ts";
import { faultsOf } from "../../support/json_schema.ts";
import { ECHO } from "../../support/journey_scene.ts";
import { feedWords, packetRecord } from "../../support/packet_records.ts";

const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../../docs/schema/packets.schema.json", import.meta.url)),
);
const FUNCTIONS = ["__netif_receive_skb", "linux_rx_handler", "vr_flow_forward", "nh_output"];
const INT: ResultType = { kind: "int", bits: 32, isSigned: true };

function words(items: readonly ShowItem[], colour = false): CallWords {
  return {
    functions: FUNCTIONS,
    reasons: (number) => `Reason ${number}`,
    shown: {
      items: new Set(items),
      colour,
      results: [INT, { kind: "pointer" }, { kind: "bool" }, null],
      isVrouter: [false, true, true, true],
      vifs: () => [{ index: 4, name: "tap4" }],
    },
  };
}

/** One packet's calls, on a kernel stack; the last has not returned. */
function play(sink: RecordSink): void {
  const place = { slot: 3, generation: 9, time: 900, task: 7 };
  feedWords(sink, packetRecord(place, { length: 98, netns: 40, ifindex: 21, header: ECHO }));
  const call = (
    kind: CallRecord["kind"],
    fn: number,
    time: number,
    more?: [number, number],
  ): void =>
    feed(sink, {
      kind,
      task: 7,
      cpu: 1,
      frame: 0x7fff_3ff0 - 64 * fn,
      fn,
      time: BigInt(time),
      slot: 3,
      generation: 9,
      ...more === undefined ? {} : { more },
    });
  call("entry", 0, 1000);
  call("entry", 1, 1100);
  call("entry", 2, 1250, [4, 0xffffffff]);
  call("return", 2, 1400, [0xffff0001, 0]);
  call("entry", 3, 1500, [4, 57]);
  call("return", 3, 1750, [0, 0]);
  call("return", 1, 2000, [0xdeadbee0, 0xffff8880]);
}

/** The packet, as `vrft packets --calls` has it. */
function journeyOf(): Journey {
  const journeys: Journey[] = [];
  const sources = {
    words: DECISION_WORDS,
    vifs: () => [],
    vrouterNetns: 40,
    device: () => null,
    drop: () => null,
  };
  const view = new Journeys(FUNCTIONS, sources, (one) => journeys.push(one), {
    calls: true,
    details: true,
  });
  const tree = new CallTree(view, FUNCTIONS.length, { durations: true });
  play(tree);
  tree.finish();
  view.finish();
  assert.equal(journeys.length, 1);
  return journeys[0]!;
}

async function written(write: (writer: LineWriter) => void): Promise<string> {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  write(writer);
  await writer.finish();
  return bytes.text;
}

Deno.test("the calls of a packet have the rows that vrft --show prints of them", async () => {
  for (const items of [[], ...SHOW_ITEMS.map((item) => [item]), SHOW_ITEMS]) {
    for (const colour of [false, true]) {
      const expected = await written((writer) => {
        const packets = new PacketTable();
        const view = new AnnotatedView(writer, { ...words(items, colour), packets });
        const tree = new CallTree(view, FUNCTIONS.length, { durations: true, packets });
        play(tree);
        tree.finish();
      });
      const rows = await written((writer) => callRows(writer, words(items, colour))(journeyOf()));
      // The packet in words is on a line of its own, above its calls.
      const described = / 10\.1\.1\.1 > 10\.1\.1\.2 icmp echo request, 98 bytes/;
      assert.equal(items.includes("packet"), described.test(expected));
      const trimmed = (text: string): string => text.replace(/ +$/gm, "");
      assert.equal(trimmed(rows), trimmed(expected.replace(described, "")), items.join(","));
    }
  }
});

Deno.test("JSON has the calls as a list that the schema describes", () => {
  const journey = journeyOf();
  const lineOf = (...items: ShowItem[]): unknown =>
    JSON.parse(packetJson(journey, {
      offset: 0n,
      hints: null,
      calls: (calls) => callObjects(calls, words(items)),
    }));
  const common = { cpu: 1, task: 7, reason: null };
  const all = lineOf(...SHOW_ITEMS) as { calls: object[] };
  assert.deepEqual(faultsOf(all, SCHEMA), []);
  assert.deepEqual(all.calls.map((call) => ({ ...common, ...call })), all.calls);
  const columns = ["function", "depth", "monotonic", "duration", "end", "vif", "nexthop", "return"];
  const rows = (all.calls as Record<string, unknown>[]).map((call) =>
    columns.map((name) => call[name])
  );
  assert.deepEqual(rows, [
    ["__netif_receive_skb", 0, "1000", null, "trace ended", null, null, null],
    ["linux_rx_handler", 1, "1100", 900, "returned", null, null, "0xffff8880deadbee0"],
    ["vr_flow_forward", 2, "1250", 150, "returned", 4, null, "true"],
    ["nh_output", 2, "1500", 250, "returned", 4, 57, null],
  ]);
  const few = lineOf("duration", "packet") as { calls: object[] };
  assert.deepEqual(faultsOf(few, SCHEMA), []);
  assert.ok(few.calls.every((call) => !("vif" in call || "nexthop" in call || "return" in call)));
});
