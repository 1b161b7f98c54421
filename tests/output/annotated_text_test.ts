import assert from "node:assert/strict";
import { SHOW_ITEMS, type ShowItem } from "../../src/cli/invocation.ts";
import type { ResultType } from "../../src/kernel/result_type.ts";
import { AnnotatedView } from "../../src/output/annotated_text.ts";
import { LineWriter } from "../../src/output/line_writer.ts";
import { TEXT, TextView } from "../../src/output/text.ts";
import type { Shown } from "../../src/output/view.ts";
import { SOURCE, SOURCE_KERNEL } from "../../src/probe/packet_record.ts";
import { PacketDetails, Step } from "../../src/trace/events.ts";
import { packetId, PacketTable, UNKNOWN_PACKET } from "../../src/trace/packets.ts";
import { ByteList } from "../support/byte_list.ts";
import { ethernet, icmp, ipv4 } from "../support/packets.ts";

const NAMES = ["__netif_receive_skb", "vr_flow_lookup", "lh_pfree"];
const FLOW_RESULT: ResultType = {
  kind: "enum",
  bits: 32,
  isSigned: false,
  names: new Map([[1n, "FLOW_FORWARD"]]),
};

/** What is written, by a view that shows some items. */
async function textOf(
  items: readonly ShowItem[],
  write: (view: AnnotatedView, packets: PacketTable) => void,
  more: Partial<Shown> = {},
): Promise<string> {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  const packets = new PacketTable();
  const view = new AnnotatedView(writer, {
    functions: NAMES,
    packets,
    reasons: (number) => `Reason ${number}`,
    kernelReasons: (number) => number === 0 ? "" : `KERNEL_${number}`,
    shown: {
      items: new Set(items),
      colour: false,
      results: [{ kind: "int", bits: 32, isSigned: true }, FLOW_RESULT, { kind: "void" }],
      isVrouter: [false, true, true],
      vifs: () => [],
      ...more,
    },
  });
  write(view, packets);
  await writer.finish();
  return bytes.text;
}

function step(fields: Partial<Step>): Step {
  const { times, ...rest } = fields;
  const made = Object.assign(new Step(), { low: 1000, cpu: 4, ...rest });
  if (times !== undefined) made.times.set(times);
  return made;
}

function kernelDrop(reason: number): PacketDetails {
  const details = new PacketDetails();
  details.record[SOURCE] = SOURCE_KERNEL;
  details.reason = reason;
  return details;
}

function lines(text: string): string[] {
  return text.split("\n").slice(0, -1).map((line) => line.trimEnd());
}

Deno.test("Without anything to show, rows are byte for byte those of TextView", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  const plain = new TextView(writer, NAMES, (number) => `Reason ${number}`);
  const all = (view: Pick<TextView, "begin" | "enter" | "leave" | "abandon" | "orphan">): void => {
    view.begin();
    view.enter(step({ high: 7, low: -1 }));
    view.enter(step({ fn: 2, depth: 40, cpu: 1234, reason: 3 }));
    view.abandon(step({ fn: 2, depth: 40 }), "return lost");
    view.leave(step({ low: 0 }));
    view.orphan(step({ fn: 1, depth: 1 }));
    view.abandon(step({ fn: 2 }), "trace ended");
  };
  all(plain);
  await writer.finish();
  assert.equal(await textOf([], all), bytes.text);
});

Deno.test("TEXT stays as it is without items and colours", () => {
  const writer = new LineWriter(new ByteList(), "a list");
  const shown = (items: ShowItem[], colour: boolean): Shown => ({
    items: new Set(items),
    colour,
    results: [],
    isVrouter: [],
    vifs: () => [],
  });
  const open = (one?: Shown) =>
    TEXT.open(writer, { functions: NAMES, packets: new PacketTable(), shown: one });
  assert.ok(open() instanceof TextView);
  assert.ok(open(shown([], false)) instanceof TextView);
  assert.ok(open(shown([], true)) instanceof AnnotatedView);
  assert.ok(open(shown(["vif"], false)) instanceof AnnotatedView);
});

Deno.test("Durations are columns of microseconds in front of the closing rows", async () => {
  const text = await textOf(["duration"], (view) => {
    view.begin();
    view.enter(step({}));
    view.enter(step({ fn: 1, depth: 1 }));
    view.leave(step({ fn: 1, depth: 1, times: Float64Array.of(999, 0) }));
    view.abandon(step({ fn: 1, depth: 1 }), "return lost");
    view.leave(step({ times: Float64Array.of(12_345_678_901, NaN) }));
  });
  assert.deepEqual(lines(text), [
    "Timestamp            CPU     Total us      Self us                         Function",
    "1000                 004                           __netif_receive_skb() {",
    "1000                 004                             vr_flow_lookup() {",
    "1000                 004        0.999        0.000   }",
    "1000                 004                             }  /* return lost */",
    "1000                 004 12345678.901              }",
  ]);
});

Deno.test("Results stand behind the brace, in the words of their types, where they are known", async () => {
  const text = await textOf(["return"], (view) => {
    const leave = (fn: number, low: number, high = 0): void =>
      view.leave(step({ fn, hasResult: true, resultLow: low, resultHigh: high }));
    leave(0, -12, 0x1234);
    leave(0, -12, 0x5678);
    leave(1, 1);
    leave(1, 1);
    leave(1, 9);
    leave(2, 5);
    view.leave(step({ fn: 0 }));
  });
  assert.deepEqual(lines(text).map((line) => line.slice(25)), [
    "}  /* ret=-12 */",
    "}  /* ret=-12 */",
    "}  /* ret=FLOW_FORWARD */",
    "}  /* ret=FLOW_FORWARD */",
    "}  /* ret=9 */",
    "}",
    "}",
  ]);
  const pointer = await textOf(["return"], (view) => {
    const leave = (low: number, high: number): void =>
      view.leave(step({ fn: 0, hasResult: true, resultLow: low, resultHigh: high }));
    leave(0, 0);
    leave(0x0a3c_7f00, 0xffff_8881);
    leave(-1, 0);
  }, { results: [{ kind: "pointer" }, null, null] });
  assert.deepEqual(lines(pointer).map((line) => line.slice(25)), [
    "}  /* ret=NULL */",
    "}  /* ret=0xffff88810a3c7f00 */",
    "}  /* ret=0xffffffff */",
  ]);
});

Deno.test("A packet has its number in each row, and its words in the first", async () => {
  const header = Uint8Array.from(
    ethernet(0x0800, ipv4(1, [10, 1, 1, 1], [10, 1, 1, 2], icmp(8, 0, [0, 1, 0, 1]))),
  );
  const text = await textOf(["packet"], (view, packets) => {
    const details = Object.assign(new PacketDetails(), { length: 98 });
    details.header.set(header);
    details.captured = header.length;
    packets.begin(7, 0x101, UNKNOWN_PACKET);
    view.packet(step({ packet: 0x010007 }), details);
    view.enter(step({ packet: 0x010007 }));
    view.enter(step({ packet: 0x010007, fn: 1 }));
    packets.begin(9, 5, packetId(7, 0x101));
    view.copied(
      step({ packet: 0x050009 }),
      Object.assign(new PacketDetails(), { parent: packetId(7, 0x101) }),
    );
    view.enter(step({ packet: 0x050009, fn: 2, reason: 3 }));
    view.enter(step({ packet: 0x050009, fn: 1 }));
    view.enter(step({ packet: 0x060009, fn: 1 }));
  });
  assert.deepEqual(lines(text).map((line) => line.slice(25)), [
    "__netif_receive_skb() {  /* #1 10.1.1.1 > 10.1.1.2 icmp echo request, 98 bytes */",
    "vr_flow_lookup() {  /* #1 */",
    "lh_pfree() {  /* Reason 3, #2 copy of #1 */",
    "vr_flow_lookup() {  /* #2 */",
    "vr_flow_lookup() {  /* #? */",
  ]);
});

Deno.test("Vifs have their names, also of those that come later, and nexthops their ids", async () => {
  let vifs = [{ index: 4, name: "tap\x1b4" }];
  const text = await textOf(["vif", "nh"], (view) => {
    view.enter(step({ fn: 1, vif: 4, nexthop: 57 }));
    view.enter(step({ fn: 1, vif: 8 }));
    vifs = [...vifs, { index: 8, name: "tap8" }];
    view.enter(step({ fn: 1, vif: 8, nexthop: -2 }));
    view.enter(step({ fn: 0 }));
  }, { vifs: () => vifs });
  assert.deepEqual(lines(text).map((line) => line.slice(25)), [
    "vr_flow_lookup() {  /* vif0/4 tap\\x1b4, nh 57 */",
    "vr_flow_lookup() {  /* vif0/8 */",
    "vr_flow_lookup() {  /* vif0/8 tap8, nh 4294967294 */",
    "__netif_receive_skb() {",
  ]);
});

Deno.test("What the kernel drops has a row, with its reason if the kernel has reasons", async () => {
  const text = await textOf([], (view) => {
    view.enter(step({}));
    view.dropped(step({ depth: 1 }), kernelDrop(2));
    view.dropped(step({ depth: 1 }), kernelDrop(0));
    // vrouter's own.
    view.dropped(step({ depth: 1 }), new PacketDetails());
  });
  assert.deepEqual(lines(text).map((line) => line.slice(25)), [
    "__netif_receive_skb() {",
    "  /* dropped by the kernel: KERNEL_2 */",
    "  /* dropped by the kernel */",
  ]);
});

Deno.test("Colours change nothing but the colours", async () => {
  const write = (view: AnnotatedView): void => {
    view.enter(step({}));
    view.enter(step({ fn: 2, reason: 3, vif: 4 }));
    view.dropped(step({}), kernelDrop(9));
    view.leave(step({ fn: 1, hasResult: true, resultLow: 1, times: Float64Array.of(5, 5) }));
    view.abandon(step({}), "trace ended");
    view.orphan(step({}));
  };
  const plain = await textOf(SHOW_ITEMS, write);
  const coloured = await textOf(SHOW_ITEMS, write, { colour: true });
  // deno-lint-ignore no-control-regex -- colours
  assert.equal(coloured.replace(/\x1b\[\d*m/g, ""), plain);
  const [kernel, vrouter] = coloured.split("\n");
  assert.ok(kernel!.includes("\x1b[36m__netif_receive_skb\x1b[m() {"), kernel);
  assert.ok(
    vrouter!.includes("\x1b[32mlh_pfree\x1b[m() {\x1b[2m  /* \x1b[31mReason 3"),
    vrouter,
  );
  // Each row ends as a terminal is by default.
  for (const line of coloured.split("\n")) {
    // deno-lint-ignore no-control-regex -- colours
    assert.ok((line.match(/\x1b\[\d*m/g)?.at(-1) ?? "\x1b[m") === "\x1b[m", JSON.stringify(line));
  }
});

Deno.test("AnnotatedView writes rows of any length", async () => {
  const text = await textOf(["packet"], (view, packets) => {
    packets.begin(0, 0, UNKNOWN_PACKET);
    view.enter(step({ depth: 5000, packet: 0 }));
  });
  assert.ok(lines(text)[0]!.endsWith("__netif_receive_skb() {  /* #1 */"));
});
