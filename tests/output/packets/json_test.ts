import assert from "node:assert/strict";
import { packetJson } from "../../../src/output/packets/json.ts";
import type { Journey } from "../../../src/trace/journey.ts";
import { SECOND } from "../../support/drops.ts";
import { DECISIONS, journey, OUTCOMES, TUNNELLED6 } from "../../support/journeys.ts";
import { faultsOf } from "../../support/json_schema.ts";

const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../../docs/schema/packets.schema.json", import.meta.url)),
);
const STYLE = { offset: 5n * SECOND, hints: null };

const JOURNEYS: readonly Journey[] = [
  journey(),
  journey({ vif: null, vrf: null, device: null, decisions: [], stages: [] }),
  journey({ parent: 9, parentNumber: null, ...TUNNELLED6, decisions: DECISIONS }),
  ...OUTCOMES.map((outcome) => journey({ outcome })),
];

Deno.test("each line meets the schema, with hints and without", () => {
  for (const one of JOURNEYS) {
    for (const hints of [null, () => ["flow --get 5"]]) {
      const line = packetJson(one, { ...STYLE, hints });
      assert.deepEqual(faultsOf(JSON.parse(line), SCHEMA), [], line);
      assert.match(line, /^[\x20-\x7e]+\n$/);
      const hasHints = hints !== null && one.outcome.type === "dropped";
      assert.equal("hints" in JSON.parse(line), hasHints);
    }
  }
});

Deno.test("the schema finds what is missing, too much, or of another type", () => {
  const object = JSON.parse(packetJson(journey(), STYLE));
  const { outcome, ...without } = object;
  for (
    const damaged of [
      without,
      { ...object, version: 2 },
      { ...object, more: 1 },
      { ...object, id: 5 },
      { ...object, isIncomplete: 0 },
      { ...object, stages: [{ name: "queue", duration: 1, isWait: true }] },
      { ...object, decisions: [{ type: "mtu", mtu: 1500 }] },
      { ...object, outcome: { ...outcome, type: "dropped" } },
    ]
  ) {
    assert.notDeepEqual(faultsOf(damaged, SCHEMA), [], JSON.stringify(damaged));
  }
});

Deno.test("numbers beyond 2^53 and the sum of the stages come back exactly", () => {
  const begin = 2n ** 63n + 1n;
  const object = JSON.parse(packetJson(journey({ begin, id: 2 ** 47 + 1 }), STYLE));
  assert.equal(BigInt(object.monotonic), begin);
  assert.equal(object.id, "140737488355329");
  const stages = object.stages as { duration: number }[];
  assert.equal(stages.reduce((sum, { duration }) => sum + duration, 0), object.duration);
});

Deno.test("names come back as they are, and nothing in a line is for a terminal", () => {
  const device = "t\x1b[2J\u202e\x7f";
  const line = packetJson(
    journey({ device, outcome: { type: "left", vif: { index: 1, device }, device } }),
    STYLE,
  );
  assert.match(line, /^[\x20-\x7e]+\n$/);
  assert.equal(JSON.parse(line).device, device);
  assert.equal(JSON.parse(line).outcome.vif.device, device);
});
