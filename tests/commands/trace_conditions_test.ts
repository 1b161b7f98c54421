import assert from "node:assert/strict";
import { resolveConditions } from "../../src/commands/trace_conditions.ts";
import { vif } from "../support/vifs.ts";

const NONE = { vif: [], vrf: [], nh: [], label: [], vni: [] };

Deno.test("resolveConditions() knows whether there are any, and looks up the vifs, each once", () => {
  const vifs = [vif(3, "tap3"), vif(7, "tap7")];
  assert.equal(resolveConditions(NONE, vifs), null);
  assert.deepEqual(
    resolveConditions({ ...NONE, vif: ["tap7", "vif0/3", "vif0/7"], vrf: [0] }, vifs),
    { ...NONE, vif: [7, 3], vrf: [0] },
  );
});

Deno.test("resolveConditions() refuses an address of more vifs than can be compared", () => {
  const addresses = [Uint8Array.of(10, 0, 0, 1)];
  const vifs = Array.from({ length: 17 }, (_, index) => vif(index, `tap${index}`, { addresses }));
  assert.throws(() => resolveConditions({ ...NONE, vif: ["10.0.0.1"] }, vifs), /at most 16/);
});
