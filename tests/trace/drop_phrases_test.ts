import assert from "node:assert/strict";
import { flowWords, hintsFor, packetWords, withLoss } from "../../src/trace/drop_phrases.ts";
import type { DropReason } from "../../src/trace/drop.ts";
import { reasonFilter } from "../../src/trace/drop_words.ts";
import { DropReasons } from "../../src/vrouter/drop_reasons.ts";
import { DISCARDS, drop } from "../support/drops.ts";
import { hex } from "../support/hex.ts";

/** From 10.1.1.5 to 10.1.1.6. */
const PING = drop({
  bytes: hex(
    "020000000002020000000001080045000054000040004001" + "0000" + "0a0101050a010106080000000007" +
      "0001",
  ),
  route: { vrf: 3, key: "0.0.0.0/0", nexthop: { id: 0, type: "Drop", reach: "nh_discard" } },
});

Deno.test("a packet and its flow are told in words", () => {
  assert.equal(packetWords(PING), "10.1.1.5 > 10.1.1.6 icmp echo request, 98 bytes");
  assert.equal(flowWords(PING), "10.1.1.5 > 10.1.1.6 icmp echo id 7");
});

Deno.test("hints have the ids of the drop, and are those of its cause", () => {
  assert.deepEqual(hintsFor({ ...PING, cause: "discard nexthop" }), [
    "rt --get 10.1.1.6/32 --vrf 3",
    "nh --get 0",
  ]);
  const reason: DropReason = {
    number: 13,
    name: "VP_DROP_FLOW_UNUSABLE",
    label: "Flow Unusable",
    class: "lost",
  };
  const flow = { index: 184224, reverse: null, action: "H" };
  assert.deepEqual(hintsFor({ ...PING, reason, flow, cause: "flow being deleted" }), [
    "flow --get 184224",
  ]);
  assert.deepEqual(hintsFor({ ...PING, source: "kernel" }), []);
});

Deno.test("a drop of the kernel that no counter of the module shows says so", () => {
  const lost = withLoss({ ...PING, source: "kernel", stack: ["linux_gso_xmit"] });
  assert.equal(lost.cause, "segmentation failed, which the module does not count");
  assert.equal(withLoss({ ...PING, source: "kernel", stack: ["ip_rcv"] }).cause, null);
  assert.equal(withLoss({ ...PING, stack: ["linux_gso_xmit"] }).cause, null);
  const reason = { ...DISCARDS, class: "housekeeping" } as const;
  const segmented = { ...lost, reason, cause: "its segments go on" };
  assert.equal(withLoss(segmented).cause, segmented.cause);
});

Deno.test("reasons are those of vrouter and of the kernel, in any spelling", () => {
  const kernel = {
    enumNames: () =>
      new Map([[2, "SKB_DROP_REASON_NOT_SPECIFIED"], [3, "SKB_DROP_REASON_NO_SOCKET"]]),
  };
  const reasons = new DropReasons(new Map([[1, "VP_DROP_DISCARD"], [3, "VP_DROP_INVALID_IF"]]));
  const matches = (source: "vrouter" | "kernel", number: number, ...words: string[]): boolean =>
    reasonFilter(words, kernel, reasons)({ source, reason: { ...DISCARDS, number } });
  for (const word of ["Discards", "discards", "VP_DROP_DISCARD"]) {
    assert.ok(matches("vrouter", 1, word), word);
    assert.ok(!matches("vrouter", 3, word), word);
  }
  for (const word of ["NO_SOCKET", "no-socket", "SKB_DROP_REASON_NO_SOCKET"]) {
    assert.ok(matches("kernel", 3, word), word);
    assert.ok(!matches("vrouter", 3, word), word);
  }
  assert.ok(matches("kernel", 3, "discards", "no-socket"));
  assert.throws(() => matches("kernel", 3, "nonsense"), /Cannot select drops by reason "nonsense"/);
});
