import assert from "node:assert/strict";
import {
  DROP_CAUSES,
  dropCause,
  type DropEvidence,
  UNCOUNTED_LOSSES,
  uncountedLoss,
} from "../../src/vrouter/drop_causes.ts";

/** Reason, stack from the dropping function on, what else is known, and the words. */
const CASES: readonly (readonly [string, string, Partial<DropEvidence>, string | null])[] = [
  ["FLOW_UNUSABLE", "vr_enqueue_flow vr_flow_lookup", {}, "flow being deleted"],
  ["FLOW_UNUSABLE", "vr_flow_lookup vr_inet_flow_lookup", { flow: true }, "flow being deleted"],
  [
    "FLOW_UNUSABLE",
    "vr_flow_new_hold_flow vr_flow_lookup",
    { laterFragment: false },
    "hold limit reached",
  ],
  [
    "FLOW_UNUSABLE",
    "vr_flow_lookup vr_inet_flow_lookup",
    { flow: false, laterFragment: false },
    "hold limit reached",
  ],
  [
    "FLOW_UNUSABLE",
    "vr_flow_lookup vr_inet_flow_lookup",
    { flow: false, laterFragment: true },
    "fragment without flow",
  ],
  ["FLOW_UNUSABLE", "vr_flow_lookup vr_inet_flow_lookup", {}, null],
  ["FLOW_UNUSABLE", "vr_flow_new_hold_flow", {}, null],
  ["FLOW_UNUSABLE", "__vr_flow_forward vr_flow_forward", {}, "flow lookup failed"],
  [
    "FLOW_UNUSABLE",
    "vr_flow_lookup vr_inet6_flow_lookup",
    { flow: false, laterFragment: true, ipv6: true },
    "hold limit reached",
  ],
  ["FLOW_UNUSABLE", "vr_flow_forward vr_virtual_input", {}, "flow lookup failed"],
  ["FLOW_UNUSABLE", "vr_flow_flush_pnode vr_flow_work", {}, "flow lookup failed"],
  ["FLOW_UNUSABLE", "", {}, null],
  ["DISCARD", "nh_discard nh_output", { nexthop: "Drop" }, "discard nexthop"],
  ["DISCARD", "nh_output vr_forward", { nexthop: "Drop" }, "discard nexthop"],
  ["DISCARD", "nh_output vr_forward", { nexthop: "Encap" }, "nexthop being changed"],
  ["DISCARD", "nh_discard nh_output nh_composite_ecmp", { nexthop: "Drop" }, "discard nexthop"],
  ["DISCARD", "nh_composite_mcast nh_output", {}, "composite without members"],
  ["DISCARD", "nh_discard nh_output", {}, null],
  ["FRAGMENTS", "vr_fragment_enqueue", { laterFragment: true }, "fragment not queued"],
  ["FRAGMENTS", "lh_enqueue_to_assembler", { laterFragment: false }, "copy of first fragment"],
  [
    "FRAGMENTS",
    "fragment_free_frag vr_assembler_table_scan",
    { laterFragment: true },
    "first fragment missing",
  ],
  [
    "FRAGMENTS",
    "vr_linux_assembler_table_scan process_one_work",
    { laterFragment: true },
    "first fragment missing",
  ],
  ["FRAGMENTS", "vr_fragment_enqueue", {}, null],
  ["INVALID_SOURCE", "vr_flow_action vr_bridge_input", {}, "reverse path check failed"],
  ["INVALID_SOURCE", "vr_bridge_input vr_vxlan_input", {}, "fabric to tunnel"],
  ["TTL_EXCEEDED", "vr_mpls_input vr_forward", {}, "TTL of the label"],
  ["TTL_EXCEEDED", "vr_forward vr_mpls_input", {}, "TTL of the packet"],
  ["PKT_LOOP", "nh_tunnel_loop_detect_handle nh_vxlan_tunnel", {}, "tunnel back to its source"],
  ["PKT_LOOP", "vr_ip_rcv nh_l3_rcv", {}, "local TTL used up"],
  ["INVALID_NH", "nh_composite_ecmp nh_output", {}, "no live ECMP member"],
  ["INVALID_NH", "nh_output vr_forward", {}, null],
  ["INVALID_IF", "vr_flow_flush_pnode", {}, "vif gone while held"],
  ["INVALID_IF", "nh_encap_l3 nh_output", {}, null],
  ["L2_NO_ROUTE", "vr_bridge_input", {}, null],
];

Deno.test("dropCause() tells causes apart by the functions, the flow, the packet and the nexthop", () => {
  for (const [reason, stack, known, words] of CASES) {
    const unknown = { flow: null, laterFragment: null, ipv6: null, nexthop: null };
    const evidence = { stack: stack.split(" "), ...unknown, ...known };
    const cause = dropCause(`VP_DROP_${reason}`, evidence);
    assert.equal(cause?.words ?? null, words, `${reason}: ${stack} ${JSON.stringify(known)}`);
  }
});

Deno.test("each cause of the table can be told", () => {
  const told = new Set(CASES.map(([reason, , , words]) => `VP_DROP_${reason} ${words}`));
  const missing = DROP_CAUSES.filter(({ reason, words }) => !told.has(`${reason} ${words}`));
  assert.deepEqual(missing, []);
});

Deno.test("a copy of a first fragment is no loss, its later fragments are", () => {
  const evidence = { stack: ["vr_fragment_enqueue"], flow: null, ipv6: false, nexthop: null };
  const classOf = (laterFragment: boolean) =>
    dropCause("VP_DROP_FRAGMENTS", { ...evidence, laterFragment })?.class;
  assert.deepEqual([classOf(false), classOf(true)], ["housekeeping", "lost"]);
});

Deno.test("uncountedLoss() knows where the module loses without counting", () => {
  for (const loss of UNCOUNTED_LOSSES) assert.equal(uncountedLoss([loss.fn, "linux_if_tx"]), loss);
  assert.equal(uncountedLoss(["sch_direct_xmit", "linux_gso_xmit"]), null);
  assert.equal(uncountedLoss([]), null);
});
