import assert from "node:assert/strict";
import type { DropsOptions } from "../../src/cli/invocation.ts";
import { parseArguments } from "../../src/cli/program.ts";
import { DropPrinter } from "../../src/commands/drop_output.ts";
import { HeldMessages } from "../../src/output/held_messages.ts";
import { Log } from "../../src/output/log.ts";
import { SOURCE_KERNEL } from "../../src/probe/packet_record.ts";
import type { Drop, DropClass } from "../../src/trace/drop.ts";
import type { DropWords } from "../../src/trace/drops.ts";
import { hex } from "../support/hex.ts";
import { MessageList } from "../support/message_list.ts";
import { type DropFields, dropRecord, feedWords } from "../support/packet_records.ts";
import { TextSink } from "../support/text_sink.ts";

/** From 10.1.1.5 to 10.1.1.6. */
const FRAME = hex(
  "020000000002020000000001080045000054000040004001" + "0000" + "0a0101050a0101060800000000070001",
);

const CLASSES: readonly DropClass[] = ["unknown", "lost", "policy", "housekeeping"];

const WORDS: DropWords = {
  vrouterReason: (number) => ({
    number,
    name: `VP_DROP_${number}`,
    label: `Reason ${number}`,
    class: CLASSES[number]!,
  }),
  kernelReason: (number) => ({ number, name: "NO_SOCKET", label: "NO_SOCKET", class: "lost" }),
  cause: () => null,
  flowAction: () => "D",
  nexthopType: () => "Drop",
};

/** A printer of `vrft drops ARGS`, and what it has written. */
class Bench {
  readonly sink = new TextSink();
  readonly seen: Drop[] = [];
  readonly printer: DropPrinter;

  constructor(args: readonly string[], wanted: ((drop: Drop) => boolean) | null = null) {
    const invocation = parseArguments(["drops", ...args], "");
    assert.equal(invocation.command, "drops", JSON.stringify(invocation));
    const { options } = invocation as { options: DropsOptions };
    const messages = new MessageList();
    this.printer = new DropPrinter({
      to: {
        sink: this.sink,
        name: "test",
        canTravel: false,
        connections: () => [],
        begin: () => {},
        [Symbol.dispose]: () => {},
      },
      options,
      wanted,
      sources: {
        words: WORDS,
        offsets: {},
        vifs: () => [{ index: 4, device: "tap4", ifindex: 7, vrf: 2 }],
        vrouterNetns: 40,
        device: () => null,
        kallsyms: () => new Uint8Array(),
      },
      seen: (drop) => this.seen.push(drop),
      dry: () => {},
      log: new Log({ messages }),
      messages: new HeldMessages(messages),
    });
    this.printer.begin();
  }

  drop(fields: DropFields): void {
    const place = { slot: 1, generation: 1, time: 5000 };
    const record = dropRecord(place, { bytes: FRAME, vif: 4, vrf: 2, length: 98, ...fields });
    if (!this.printer.done) feedWords(this.printer, record);
  }

  async text(): Promise<string> {
    this.printer.finish();
    while (this.printer.pending) await this.printer.progress();
    return this.sink.text;
  }
}

Deno.test("losses are lines, and housekeeping is left out unless it is asked for", async () => {
  for (const args of [["--lines"], ["--lines", "--all"]]) {
    const bench = new Bench(args);
    for (const reason of [0, 1, 2, 3]) bench.drop({ reason });
    const reasons = (await bench.text()).match(/Reason \d/g);
    const all = args.includes("--all");
    assert.deepEqual(reasons, ["Reason 0", "Reason 1", "Reason 2", ...all ? ["Reason 3"] : []]);
    assert.equal(bench.seen.length, 4);
    assert.equal(bench.printer.totals.hidden, all ? 0 : 1);
    assert.ok(bench.printer.hasLoss);
  }
});

Deno.test("a line tells vif, VRF and packet", async () => {
  const bench = new Bench(["--lines"]);
  bench.drop({ reason: 1 });
  assert.match(
    await bench.text(),
    /^\d\d:\d\d:\d\d\.\d{3} {2}Reason 1 +vif0\/4 tap4 +VRF 2 {2}10\.1\.1\.5 > 10\.1\.1\.6 icmp echo request, 98 bytes\n$/,
  );
});

Deno.test("only the wanted reasons are shown, be they housekeeping, and others are no loss", async () => {
  const bench = new Bench(["--lines"], ({ reason }) => reason.number === 3);
  for (const reason of [0, 1, 2, 3]) bench.drop({ reason });
  assert.deepEqual((await bench.text()).match(/Reason \d/g), ["Reason 3"]);
  assert.equal(bench.printer.hasLoss, false);
});

Deno.test("what a policy drops is no loss, and what drops for an unknown reason is one", () => {
  const losses = CLASSES.filter((_kind, reason) => {
    const bench = new Bench(["--lines", "--all"]);
    bench.drop({ reason });
    return bench.printer.hasLoss;
  });
  assert.deepEqual(losses, ["unknown", "lost"]);
});

Deno.test("the limit is one of drops that are shown", async () => {
  const bench = new Bench(["--lines", "-n", "2"]);
  for (const reason of [3, 1, 3, 2, 1, 1]) bench.drop({ reason });
  assert.deepEqual((await bench.text()).match(/Reason \d/g), ["Reason 1", "Reason 2"]);
  assert.ok(bench.printer.done && !bench.printer.full);
  // What was recorded until the end is compared with the module's counters.
  bench.printer.end();
  assert.ok(!bench.printer.done);
  bench.drop({ reason: 1 });
  assert.equal(bench.seen.length, 5);
  assert.equal(bench.printer.totals.shown.get("lost"), 1);
});

Deno.test("JSON has a line for each drop, with hints if they are asked for", async () => {
  const bench = new Bench(["--json", "--hints"]);
  bench.drop({ reason: 1 });
  bench.drop({ reason: 2, source: SOURCE_KERNEL });
  const lines = (await bench.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ source }) => source), ["vrouter", "kernel"]);
  assert.deepEqual(lines[0].hints, ["dropstats"]);
});

Deno.test("damaged records are counted", () => {
  const bench = new Bench(["--lines"]);
  const record = dropRecord({ slot: 1, generation: 1 }, { bytes: FRAME });
  bench.printer.record(record, 0, 24);
  assert.equal(bench.printer.totals.damaged, 1);
});
