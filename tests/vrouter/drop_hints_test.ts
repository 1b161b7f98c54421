import assert from "node:assert/strict";
import { DROP_CAUSES } from "../../src/vrouter/drop_causes.ts";
import { dropHints, type HintFields } from "../../src/vrouter/drop_hints.ts";
import { KNOWN_REASONS } from "../../src/vrouter/known_drop_reasons.ts";

const NOTHING: HintFields = {
  vif: null,
  flow: null,
  vrf: null,
  address: null,
  mac: null,
  nexthop: null,
  label: null,
  vnid: null,
};

Deno.test("dropHints() fills in what is known, index 0 included", () => {
  const hints = (reason: string, fields: Partial<HintFields>) =>
    dropHints(`VP_DROP_${reason}`, null, { ...NOTHING, ...fields });
  assert.deepEqual(hints("FLOW_ACTION_DROP", { flow: 184224 }), ["flow --get 184224"]);
  assert.deepEqual(hints("DISCARD", { vrf: 3, address: "10.30.0.9", nexthop: 0 }), [
    "rt --get 10.30.0.9/32 --vrf 3",
    "nh --get 0",
  ]);
  assert.deepEqual(hints("DISCARD", { vrf: 0, address: "fd00::9" }), [
    "rt --get fd00::9/128 --vrf 0 --family inet6",
  ]);
  assert.deepEqual(hints("L2_NO_ROUTE", { vrf: 1, mac: "02:00:00:00:00:50" }), [
    "rt --get 02:00:00:00:00:50 --vrf 1 --family bridge",
  ]);
  assert.deepEqual(hints("INVALID_LABEL", { label: 777 }), ["mpls --get 777"]);
  assert.deepEqual(hints("INVALID_VNID", { vnid: 6001 }), ["vxlan --get 6001"]);
  assert.deepEqual(hints("INTERFACE_DROP", { vif: 0 }), ["vif --get 0 --get-drop-stats"]);
});

Deno.test("dropHints() leaves out what needs an unknown id", () => {
  const fields = { ...NOTHING, address: "10.30.0.9" };
  assert.deepEqual(dropHints("VP_DROP_DISCARD", null, fields), []);
  assert.deepEqual(dropHints("VP_DROP_BAD_MOON", null, NOTHING), ["dropstats"]);
  const all = [...KNOWN_REASONS.map(({ name }) => dropHints(name, null, NOTHING))].flat();
  assert.deepEqual([...new Set(all)].sort(), [
    "dropstats",
    "dropstats --log 0",
    "flow -s",
    "vif --list",
  ]);
});

Deno.test("a cause's hints replace those of its reason", () => {
  const cause = DROP_CAUSES.find(({ words }) => words === "hold limit reached")!;
  assert.deepEqual(dropHints("VP_DROP_FLOW_UNUSABLE", cause, { ...NOTHING, flow: 5 }), ["flow -s"]);
});
