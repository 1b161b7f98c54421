import assert from "node:assert/strict";
import { DropLines, type LineStyle } from "../../../src/output/drops/lines.ts";
import type { Drop } from "../../../src/trace/drop.ts";
import { drop, FLOW_ACTION_DROP, WORDS } from "../../support/drops.ts";
import { written } from "../../support/text_sink.ts";

async function linesOf(one: Drop, style: Partial<LineStyle> = {}): Promise<string> {
  return await written((writer) => {
    new DropLines(writer, WORDS, { colour: false, hints: false, ...style }).drop(one);
  });
}

Deno.test("a policy's drop is a line with its word, and below it the flow and the calls", async () => {
  const one = drop({
    reason: FLOW_ACTION_DROP,
    flow: { index: 184224, reverse: 512, action: "D(SG)" },
    cause: "SG",
    stack: ["vr_flow_action_default", "vr_flow_lookup", "vr_virtual_input"],
  });
  assert.equal(
    await linesOf(one),
    "00:00:01.000  Flow Action Drop: SG   vif0/4 tapdd789d34-27  VRF 2  " +
      "10.1.1.5 > 10.1.1.6 icmp echo request, 98 bytes\n" +
      "              flow 184224<=>512 Action:D(SG)  " +
      "at vr_flow_action_default < vr_flow_lookup < vr_virtual_input\n",
  );
});

Deno.test("a drop of which nothing else is known is one line", async () => {
  assert.equal(
    await linesOf(drop()),
    "00:00:01.000  Discards               vif0/4 tapdd789d34-27  VRF 2  " +
      "10.1.1.5 > 10.1.1.6 icmp echo request, 98 bytes\n",
  );
});

Deno.test("the route that won, its nexthop, and a cause are told", async () => {
  const nexthop = { id: 0, type: "Drop", reach: "nh_discard" };
  const text = await linesOf(drop({
    route: { vrf: 3, key: "10.30.0.0/16", nexthop },
    nexthop,
    cause: "route of nh 0",
  }));
  assert.match(text, /\n {14}route 10\.30\.0\.0\/16 > nh 0 Drop {2}route of nh 0\n$/);
  const none = await linesOf(drop({ route: { vrf: 3, key: null, nexthop: null } }));
  assert.match(none, /\n {14}no route\n$/);
});

Deno.test("a nexthop under change is not taken for one that drops", async () => {
  const nexthop = { id: 7, type: "Encap", reach: "nh_discard" };
  assert.match(
    await linesOf(drop({ nexthop })),
    /nh 7 Encap \(reaches nh_discard: it is being changed\)\n$/,
  );
});

Deno.test("long stacks are cut, and drops of the kernel named as such", async () => {
  const text = await linesOf(drop({
    source: "kernel",
    reason: { number: 3, name: "SKB_DROP_REASON_NO_SOCKET", label: "NO_SOCKET", class: "lost" },
    vif: null,
    vrf: null,
    device: "eth0",
    stack: ["a", "b", "c", "d", "e"],
  }));
  assert.match(
    text,
    /^\S+ {2}kernel: NO_SOCKET {6}eth0 +10\.1\.1\.5 .*\n {14}at a < b < c < d < …\n$/,
  );
});

Deno.test("hints are lines of their own", async () => {
  const one = drop({ flow: { index: 5, reverse: null, action: "H" } });
  assert.match(await linesOf(one, { hints: true }), /\n {14}flow 5 Action:H\n {14}flow --get 5\n$/);
});

Deno.test("no name reaches the terminal as it is, with and without colour", async () => {
  const evil = drop({
    vif: { index: 1, device: "t\x1b[2J\n" },
    reason: { number: 99, name: "\x1bA", label: "\x1bA", class: "unknown" },
    cause: "\u202ecause",
    stack: ["\x9bm"],
  });
  for (const colour of [false, true]) {
    const text = await linesOf(evil, { colour, hints: true });
    // deno-lint-ignore no-control-regex -- those of the colours
    const plain = text.replaceAll(/\x1b\[(?:\d+)?m/g, "");
    assert.equal(text === plain, !colour);
    assert.match(plain, /^[\x20-\x7e\n]*$/);
    assert.equal(plain.split("\n").length, 3);
  }
});
