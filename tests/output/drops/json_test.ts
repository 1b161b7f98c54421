import assert from "node:assert/strict";
import { DropJson } from "../../../src/output/drops/json.ts";
import type { Drop, Reconciled } from "../../../src/trace/drop.ts";
import { DISCARDS, drop, FLOW_ACTION_DROP, SECOND, WORDS } from "../../support/drops.ts";
import { faultsOf } from "../../support/json_schema.ts";
import { written } from "../../support/text_sink.ts";

const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../../docs/schema/drops.schema.json", import.meta.url)),
);

const NEXTHOP = { id: 0, type: "Drop", reach: "nh_discard" };

const DROPS: readonly Drop[] = [
  drop(),
  drop({
    time: 2n ** 63n,
    reason: FLOW_ACTION_DROP,
    cause: "SG",
    flow: { index: 184224, reverse: 512, action: "D(SG)" },
    route: { vrf: 3, key: "10.30.0.0/16", nexthop: NEXTHOP },
    nexthop: NEXTHOP,
    stack: ["nh_discard", "nh_output"],
  }),
  drop({
    source: "kernel",
    reason: { number: -1, name: "", label: "", class: "lost" },
    vif: null,
    vrf: null,
    device: "eth0",
    route: { vrf: 3, key: null, nexthop: null },
    flow: { index: 5, reverse: null, action: "H" },
  }),
];

const COUNTERS: readonly Reconciled[] = [
  { reason: DISCARDS, vif: null, module: 212, seen: 212, exception: null },
  {
    reason: FLOW_ACTION_DROP,
    vif: { index: 3, device: null },
    module: 2,
    seen: 0,
    exception: "counted without a free",
  },
];

async function linesOf(hints: boolean, drops: readonly Drop[] = DROPS): Promise<string[]> {
  const text = await written((writer) => {
    const view = new DropJson(writer, WORDS, 5n * SECOND, hints);
    for (const one of drops) view.drop(one);
    view.reconciled(COUNTERS);
  });
  return text.trimEnd().split("\n");
}

for (const hints of [false, true]) {
  Deno.test(`each line meets the schema ${hints ? "with hints" : "without hints"}`, async () => {
    const lines = await linesOf(hints);
    assert.equal(lines.length, DROPS.length + COUNTERS.length);
    for (const line of lines) {
      assert.deepEqual(faultsOf(JSON.parse(line), SCHEMA), [], line);
    }
    assert.equal("hints" in JSON.parse(lines[1]!), hints);
  });
}

Deno.test("the schema finds what is missing, too much, or of another type", async () => {
  const [line = ""] = await linesOf(false);
  const object = JSON.parse(line);
  const { cause: _, ...without } = object;
  for (
    const damaged of [
      without,
      { ...object, more: 1 },
      { ...object, vif: { index: "4", device: null } },
      { ...object, reason: { ...object.reason, class: "lots" } },
      { ...object, time: "14:03:07.412" },
      { ...object, type: "counter" },
      [],
    ]
  ) {
    assert.notDeepEqual(faultsOf(damaged, SCHEMA), [], JSON.stringify(damaged));
  }
});

Deno.test("what a drop is known by comes back from its line", async () => {
  const [, line = ""] = await linesOf(false);
  const { time, monotonic, reason, flow, route, nexthop, bytes, stack } = JSON.parse(line);
  assert.equal(time, "2262-04-11T23:47:21.854775808Z");
  assert.equal(BigInt(monotonic), DROPS[1]!.time);
  assert.deepEqual(reason, FLOW_ACTION_DROP);
  assert.deepEqual(flow, DROPS[1]!.flow);
  assert.deepEqual(route, DROPS[1]!.route);
  assert.deepEqual(nexthop, NEXTHOP);
  assert.equal(bytes, "ab01");
  assert.deepEqual(stack, ["nh_discard", "nh_output"]);
});

Deno.test("a line holds nothing that a terminal acts on, and the data all of it", async () => {
  const device = "t\x1b[2J\u202e\x7f";
  const [line = ""] = await linesOf(false, [drop({ device, vif: null })]);
  assert.match(line, /^[\x20-\x7e]+$/);
  assert.equal(JSON.parse(line).device, device);
});
