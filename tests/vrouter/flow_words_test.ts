import assert from "node:assert/strict";
import { flowAction, flowDropReason } from "../../src/vrouter/flow_words.ts";
import { nexthopReach, nexthopType } from "../../src/vrouter/nexthop_words.ts";

Deno.test("flowAction() says what flow does", () => {
  const said = (action: number | null, dropReason: number | null, flags: number | null) =>
    flowAction({ action, dropReason, flags });
  // As flow -l prints it on the real module, for a flow that flow -d has set.
  assert.equal(said(0, 0, 1), "D(Unknown)");
  assert.equal(said(0, 0x17, 1), "D(SG)");
  assert.equal(said(0, null, 1), "D");
  assert.equal(said(1, 0, 1), "H");
  assert.equal(said(2, 0x17, 1), "F");
  assert.equal(said(3, 0, 0x7), "N(SPs)");
  assert.equal(said(3, 0, 0x8019), "N(DPdL)");
  assert.equal(said(3, 0, null), "N");
  assert.equal(said(4, 0, 0), "U");
  assert.equal(said(null, null, null), "U");
});

Deno.test("flowDropReason() has the words of flow, and the number of newer ones", () => {
  const words = [0x5, 0xb, 0x10, 0x15, 0x1a, 0x1f, 0x22, 0x23].map(flowDropReason);
  assert.deepEqual(words, [
    "NoDstRt",
    "FlowLim",
    "NoMirrorentry",
    "Policy",
    "RevOutSG",
    "FWAASPolicy",
    "RevOutFWAASPolicy",
    "35",
  ]);
});

Deno.test("nexthops have the words of nh, by the module's own numbers", () => {
  const names = new Map([[5, "NH_DISCARD"], [8, "NH_L2_RCV"], [9, "NH_MAX"]]);
  assert.deepEqual([5, 8, 9, 77].map((type) => nexthopType(type, names)), [
    "Drop",
    "L2 Receive",
    "NH_MAX",
    "77",
  ]);
  assert.equal(nexthopReach("nh_discard"), "Drop");
  assert.equal(nexthopReach("nh_vxlan_tunnel"), "Tunnel Vxlan");
  assert.equal(nexthopReach("nh_new"), "nh_new");
});
