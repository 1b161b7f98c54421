import assert from "node:assert/strict";
import { FileSpool } from "../../src/output/spool.ts";
import { TRACE_DAT } from "../../src/output/trace_dat.ts";
import type { CallTree } from "../../src/trace/tree.ts";
import { feed } from "../support/call_records.ts";
import { drop, FLOW_ACTION_DROP } from "../support/drops.ts";
import {
  counted,
  exported,
  ORIGIN,
  printedOf,
  WALL_OFFSET,
  writtenBy,
} from "../support/exports.ts";
import { dropRecord, feedWords, packetRecord } from "../support/packet_records.ts";
import { Random } from "../support/random.ts";
import { testUnless, whyNotInstalled } from "../support/skip.ts";
import { vrouterStream } from "../support/vrouter_stream.ts";

const NO_TRACE_CMD = whyNotInstalled("trace-cmd");
const STREAM = vrouterStream(new Random(6), { records: 10_000, packets: true, drops: true });
const CALL = { task: 5, cpu: 1, frame: 0xa0004000, fn: 0 };

/** Rows of a report, without the lines in front. */
async function report(bytes: Uint8Array, ...args: string[]): Promise<string[]> {
  const text = await printedOf(bytes, "trace-cmd", "report", "-t", ...args, "-i", "FILE");
  return text.split("\n").filter((line) => /\[\d{3,}\]/.test(line)).map((line) => line.trim());
}

function written(run: (tree: CallTree) => void): Promise<Uint8Array<ArrayBuffer>> {
  const known = { reason: FLOW_ACTION_DROP, vif: { index: 3, device: "tap1" } };
  const origin = { ...ORIGIN, drop: () => drop(known) };
  return writtenBy(TRACE_DAT, { functions: ["vm_rx", "lh_pfree"], origin }, run);
}

testUnless(NO_TRACE_CMD, "trace-cmd reports each call, return and drop of a trace", async () => {
  const lines = await report(await exported(TRACE_DAT, STREAM));
  const entries = lines.filter((line) => line.includes("funcgraph_entry"));
  const exits = lines.filter((line) => line.includes("funcgraph_exit"));
  const folded = entries.filter((line) => line.endsWith(";"));
  const drops = lines.filter((line) => / drop: /.test(line));
  const { enter, leave, dropped } = counted(STREAM);
  assert.deepEqual([entries.length, exits.length + folded.length], [enter, leave]);
  assert.equal(drops.length, dropped);
  assert.equal(lines.length, entries.length + exits.length + drops.length);
});

testUnless(NO_TRACE_CMD, "a file is the same out of a file as of memory", async () => {
  using spool = new FileSpool();
  const bytes = await exported(TRACE_DAT, STREAM, { spool: () => spool });
  assert.deepEqual(bytes, await exported(TRACE_DAT, STREAM));
});

testUnless(
  NO_TRACE_CMD,
  "calls have their task, CPU, wall-clock time, depth and duration",
  async () => {
    const inner = { ...CALL, frame: 0xa0003000, fn: 1 };
    const bytes = await written((tree) => {
      feed(tree, { ...CALL, kind: "entry", time: 12_000_000_000n });
      feed(tree, { ...inner, kind: "entry", time: 12_000_000_200n });
      feed(tree, { ...CALL, task: 0, cpu: 0, kind: "entry", time: 12_000_000_300n });
      // Farther on than a head has bits, and farther than a word has.
      feed(tree, { ...inner, kind: "return", time: 12_500_000_000n });
      feed(tree, { ...CALL, kind: "return", time: 22_000_000_000n });
      feed(tree, { ...CALL, task: 0, cpu: 0, kind: "return", time: 12_000_001_300n });
    });
    const time = (monotonic: bigint): string =>
      `${WALL_OFFSET + monotonic}`.replace(/(\d{9})$/, ".$1");
    assert.deepEqual((await report(bytes)).map((line) => line.replaceAll(/\s+/g, " ")), [
      `ksoftirqd/5-5 [001] ${time(12_000_000_000n)}: funcgraph_entry: | vm_rx() {`,
      `ksoftirqd/5-5 [001] ${time(12_000_000_200n)}: funcgraph_entry: | lh_pfree() {`,
      `<idle>-0 [000] ${time(12_000_000_300n)}: funcgraph_entry: 1.000 us | vm_rx();`,
      `ksoftirqd/5-5 [001] ${time(12_500_000_000n)}: funcgraph_exit: # 499999.800 us | }`,
      `ksoftirqd/5-5 [001] ${time(22_000_000_000n)}: funcgraph_exit: $ 10000000 us | }`,
    ]);
  },
);

testUnless(NO_TRACE_CMD, "drops can be filtered by what is known of them", async () => {
  const place = { slot: 2, generation: 1, fn: 1, task: 5, cpu: 2, time: 500 };
  const bytes = await written((tree) => {
    feedWords(tree, packetRecord(place));
    feedWords(tree, dropRecord(place, { reason: 11 }));
  });
  const [line, ...more] = await report(
    bytes,
    "-F",
    'vrft/drop: vif == 3 && reason == "FLOW_ACTION_DROP"',
  );
  assert.deepEqual(more, []);
  const fields = "packet=1 reason=FLOW_ACTION_DROP by=vrouter vif=3 vrf=2 nh=-1 flow=-1 len=98";
  assert.equal(line!.replace(/^.* drop: +/, ""), fields);
  assert.deepEqual(await report(bytes, "-F", "vrft/drop: vif == 4"), []);
});

testUnless(
  NO_TRACE_CMD,
  "a call without a return has none, and the highest CPU has its place",
  async () => {
    const bytes = await written((tree) => {
      feed(tree, { ...CALL, cpu: 511, kind: "entry", time: 1n });
      feed(tree, { ...CALL, cpu: 511, frame: 0xa0003000, fn: 1, kind: "entry", time: 2n });
      feed(tree, { ...CALL, cpu: 511, kind: "return", time: 3n });
      feed(tree, { ...CALL, cpu: 511, frame: 0xa0003000, fn: 1, kind: "return", time: 4n });
    });
    const lines = await report(bytes);
    assert.deepEqual(lines.map((line) => /\[511\].*funcgraph_(entry|exit)/.exec(line)?.[1]), [
      "entry",
      "entry",
      "exit",
    ]);
  },
);

testUnless(NO_TRACE_CMD, "an empty trace is a file as well", async () => {
  assert.deepEqual(await report(await written(() => {})), []);
});
