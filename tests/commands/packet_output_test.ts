import assert from "node:assert/strict";
import type { PacketsOptions } from "../../src/cli/invocation.ts";
import { parseArguments } from "../../src/cli/program.ts";
import { PacketPrinter } from "../../src/commands/packet_output.ts";
import { packetView } from "../../src/commands/packet_views.ts";
import { isWanted } from "../../src/commands/packets.ts";
import { Log } from "../../src/output/log.ts";
import type { Journey } from "../../src/trace/journey.ts";
import { JourneyCalls } from "../../src/trace/journey_calls.ts";
import { Step } from "../../src/trace/events.ts";
import { faultsOf } from "../support/json_schema.ts";
import { journey, OUTCOMES } from "../support/journeys.ts";
import { MessageList } from "../support/message_list.ts";
import { TextSink } from "../support/text_sink.ts";

const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../docs/schema/packets.schema.json", import.meta.url)),
);

/** A printer of `vrft packets ARGS`, whose packets are made up, and what it has written. */
class Bench {
  readonly sink = new TextSink();
  readonly messages = new MessageList();
  readonly printer: PacketPrinter;
  readonly finished: Journey[] = [];
  #receive: (journey: Journey) => void = () => {};

  constructor(...args: string[]) {
    const invocation = parseArguments(["packets", ...args], "");
    assert.equal(invocation.command, "packets", JSON.stringify(invocation));
    const { options } = invocation as { options: PacketsOptions };
    const log = new Log({ messages: this.messages });
    const functions = [{ name: "vr_bridge_input", module: "vrouter", returns: true }];
    this.printer = new PacketPrinter({
      to: {
        sink: this.sink,
        name: "test",
        canTravel: false,
        connections: () => [],
        begin: () => {},
        [Symbol.dispose]: () => {},
      },
      follow: (receive) => {
        this.#receive = receive;
        return {
          counts: { givenUp: 0, unknown: 0, omitted: 0, damaged: 0 },
          record: () => {},
          lost: () => {},
          expire: () => {},
          finish: () => this.finished.forEach(receive),
        };
      },
      view: (writer) =>
        packetView(
          options,
          { functions, reasons: String, results: [], vifs: () => [] },
          writer,
          log,
        ),
      wanted: (one) => isWanted(options, one),
      log,
    });
    this.printer.begin();
  }

  tell(...journeys: readonly Partial<Journey>[]): void {
    for (const one of journeys) if (!this.printer.done) this.#receive(journey(one));
  }

  async text(): Promise<string> {
    this.printer.finish();
    while (this.printer.pending) await this.printer.progress();
    return this.sink.text;
  }

  /** Numbers of the packets that are printed, in their order. */
  async numbers(): Promise<number[]> {
    return Array.from((await this.text()).matchAll(/^#(\d+)/gm), ([, number]) => Number(number));
  }
}

/** Packets 1, 2, …, that take so many milliseconds, all of them in `stage`. */
function taking(stage: "tx" | "qdisc", ...milliseconds: number[]): Partial<Journey>[] {
  return milliseconds.map((ms, index) => ({
    number: index + 1,
    stages: [{ name: stage, duration: ms * 1e6 }],
  }));
}

Deno.test("packets are printed when they end, and what is under way at the end", async () => {
  const bench = new Bench("-q");
  bench.tell({ number: 2 }, { number: 1 });
  bench.finished.push(journey({ number: 3, outcome: { type: "inside" } }));
  assert.deepEqual(await bench.numbers(), [2, 1, 3]);
  assert.deepEqual([...bench.printer.counts.outcomes], [["left", 2], ["inside", 1]]);
});

Deno.test("the limit is one of packets that are shown, and ends the trace", async () => {
  const bench = new Bench("-q", "-n", "2", "--slower", "2ms");
  bench.tell(...taking("tx", 1, 2, 1, 3, 4));
  assert.ok(bench.printer.done);
  bench.finished.push(journey({ number: 9 }));
  assert.deepEqual(await bench.numbers(), [2, 4]);
  assert.equal(bench.printer.counts.hidden, 2);
});

Deno.test("--slower and --stage choose packets by their times", async () => {
  const slower = new Bench("-q", "--slower", "2ms");
  slower.tell(...taking("tx", 1.999999, 2, 3));
  assert.deepEqual(await slower.numbers(), [2, 3]);
  const stage = new Bench("-q", "--stage", "qdisc:2ms", "--stage", "hold:1s");
  stage.tell(...taking("tx", 5), ...taking("qdisc", 1, 2));
  assert.deepEqual(await stage.numbers(), [2]);
  const both = new Bench("-q", "--slower", "3ms", "--stage", "tx:1ms");
  both.tell(...taking("tx", 1, 3), ...taking("qdisc", 5));
  assert.deepEqual(await both.numbers(), [2]);
});

Deno.test("a stage that a packet is in twice counts with both its times", () => {
  const stages = [{ name: "qdisc", duration: 6e5 }, { name: "qdisc", duration: 4e5 }] as const;
  const options = { slower: null, stages: [{ stage: "qdisc", least: 1e6 }] } as const;
  assert.ok(isWanted(options, { duration: 1e6, stages }));
});

Deno.test("--sort latency prints the slowest first, as many as the limit says", async () => {
  const bench = new Bench("-q", "--sort", "latency", "-n", "2");
  bench.tell(...taking("tx", 1, 5, 2, 9, 3));
  assert.equal(bench.sink.text, "");
  assert.deepEqual(await bench.numbers(), [4, 2]);
  assert.match(bench.messages.text, /Left out 3 packets faster/);
});

Deno.test("--json prints an object for each packet, and what --hints adds to drops", async () => {
  const bench = new Bench("--json", "--hints", "-q");
  bench.tell(...OUTCOMES.map((outcome, index) => ({ number: index + 1, outcome })));
  const objects = (await bench.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(objects.length, OUTCOMES.length);
  for (const object of objects) {
    assert.deepEqual(faultsOf(object, SCHEMA), []);
    assert.equal("hints" in object, object.outcome.type === "dropped");
  }
});

Deno.test("--calls prints the tree of each packet below it", async () => {
  const bench = new Bench("--calls", "-q");
  const calls = new JourneyCalls();
  const step = new Step();
  step.call = 1;
  step.low = 1000;
  assert.ok(calls.enter(step));
  step.low = 2000;
  calls.end(step, "leave");
  bench.tell({ calls });
  const lines = (await bench.text()).trimEnd().split("\n");
  assert.match(lines[0]!, /^#17 /);
  assert.deepEqual(lines.slice(-2).map((line) => line.trimEnd()), [
    "1000                 000 vr_bridge_input() {",
    "2000                 000 }",
  ]);
});
