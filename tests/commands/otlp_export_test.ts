import assert from "node:assert/strict";
import type { DropsOptions, PacketsOptions } from "../../src/cli/invocation.ts";
import { parseArguments } from "../../src/cli/program.ts";
import { liveSources, type OtlpExport, prepareExport } from "../../src/commands/otlp_export.ts";
import { alsoTo, isWanted } from "../../src/commands/packets.ts";
import { replayDrops } from "../../src/commands/replay_drops.ts";
import { replayPackets } from "../../src/commands/replay_packets.ts";
import { runExport } from "../../src/commands/export.ts";
import type { SenderOptions } from "../../src/output/otlp/sender.ts";
import { HeldMessages } from "../../src/output/held_messages.ts";
import { Log } from "../../src/output/log.ts";
import { compileFilters } from "../../src/packet/expression.ts";
import type { Section } from "../../src/recording/sections.ts";
import type { Journey } from "../../src/trace/journey.ts";
import { drop } from "../support/drops.ts";
import { ORIGIN, WALL_OFFSET } from "../support/exports.ts";
import { journey, OUTCOMES } from "../support/journeys.ts";
import { MessageList } from "../support/message_list.ts";
import { Receiver } from "../support/otlp_receiver.ts";
import { type Span, spansOf } from "../support/otlp.ts";
import * as make from "../support/packets.ts";
import { NO_OTLP } from "../support/protoc.ts";
import { Random } from "../support/random.ts";
import { recorded } from "../support/recordings.ts";
import { testUnless } from "../support/skip.ts";
import { DROPS, feedStream, vrouterStream } from "../support/vrouter_stream.ts";

const NEVER = new AbortController().signal;
const SIGNALS = { stop: NEVER, cut: NEVER, end: (): void => {} };
const DROPPED = OUTCOMES.find(({ type }) => type === "dropped")!;

/** All spans that a receiver got. */
async function received({ got }: Receiver): Promise<Span[]> {
  const parts = await Promise.all(got.map(({ body }) => spansOf(body)));
  return parts.flatMap(({ spans }) => spans);
}

const roots = (spans: readonly Span[]) => spans.filter(({ parent }) => parent === "");
const numberOf = ({ attributes }: Span) => Number(attributes["vrouter.packet.number"]);

function exportTo(
  url: string,
  sender: Partial<SenderOptions> = {},
): { exported: OtlpExport; messages: MessageList } {
  const messages = new MessageList();
  const exported = prepareExport(url, { get: () => undefined, read: () => "" })({
    origin: ORIGIN,
    run: "a",
    wallOffset: () => WALL_OFFSET,
    functions: [],
    log: new Log({ messages }),
    sender,
  });
  return { exported, messages };
}

/** The numbers of those of some packets that `vrft packets ARGS` sends. */
async function sentOf(journeys: readonly Journey[], ...args: string[]): Promise<number[]> {
  await using receiver = new Receiver();
  const { exported } = exportTo(receiver.url);
  const invocation = parseArguments(["packets", "--otlp", receiver.url, ...args], "");
  assert.ok(invocation.command === "packets", JSON.stringify(invocation));
  const { options } = invocation;
  let shown = 0;
  const view = alsoTo(exported, options, {
    isFull: false,
    packet: () => shown++,
    finish: () => {},
  });
  for (const one of journeys) view.packet(one, isWanted(options, one));
  await exported.finish(NEVER);
  assert.equal(shown, journeys.length);
  return roots(await received(receiver)).map(numberOf);
}

testUnless(
  NO_OTLP,
  "all packets are sent, or dropped and slow ones, or one in N beside",
  async () => {
    const journeys = Array.from({ length: 200 }, (_, index) =>
      journey({
        number: index + 1,
        stages: [{ name: "tx", duration: index % 40 === 7 ? 5e6 : 1000 }],
        ...index % 50 === 9 ? { outcome: DROPPED } : {},
      }));
    const all = journeys.map(({ number }) => number);
    const special = all.filter((number) => number % 40 === 8 || number % 50 === 10);
    assert.deepEqual(await sentOf(journeys), all);
    assert.deepEqual(await sentOf(journeys, "--slower", "2ms"), special);
    assert.deepEqual(await sentOf(journeys, "--stage", "tx:2ms"), special);
    const some = await sentOf(journeys, "--slower", "2ms", "--otlp-sample", "10");
    assert.deepEqual(special.filter((number) => !some.includes(number)), []);
    assert.ok(some.length > special.length + 8 && some.length < special.length + 32);
    const few = await sentOf(journeys, "--otlp-sample", "10");
    assert.ok(few.length > 10 && few.length < 40, `${few.length}`);
  },
);

testUnless(NO_OTLP, "requests are below the limits of receivers, and soon sent", async () => {
  await using receiver = new Receiver();
  const arrived = Promise.withResolvers<void>();
  const { exported, messages } = exportTo(receiver.url, { connected: () => arrived.resolve() });
  const choice = { slower: null, stages: [], otlpSample: null };
  for (let number = 1; number <= 300; number++) {
    exported.journey(journey({ number }), true, choice);
  }
  await arrived.promise;
  assert.ok(receiver.got.length > 0);
  exported.turn();
  await exported.finish(NEVER);
  const counts = await Promise.all(receiver.got.map(({ body }) => spansOf(body)));
  for (const { spans: { length } } of counts) assert.ok(length <= 512 + 6, `${length}`);
  assert.equal(counts.flatMap(({ spans }) => spans).length, 1800);
  assert.match(messages.text, /Sent 1,800 spans to \S+\/v1\/traces in 4 requests\n$/);
});

testUnless(NO_OTLP, "a packet to or from the receiver is not sent", async () => {
  await using receiver = new Receiver();
  const { port } = new URL(receiver.url);
  const { exported } = exportTo(receiver.url);
  const choice = { slower: null, stages: [], otlpSample: null };
  const home = [127, 0, 0, 1];
  const tcp = (
    from: number,
    to: number,
    source = home,
  ): Pick<Journey, "bytes" | "length"> => {
    const bytes = make.ethernet(0x0800, make.ipv4(6, source, home, make.tcp(from, to, 16)));
    return { bytes: Uint8Array.from(bytes), length: bytes.length };
  };
  const send = (number: number, known: Partial<Journey>): void =>
    exported.journey(journey({ number, ...known }), true, choice);
  for (let number = 1; number <= 100; number++) send(number, {});
  // Until the first request is there, its connection is not known.
  while (receiver.got.length === 0) await exported.progress();
  await exported.progress();
  send(201, tcp(40_000, Number(port)));
  send(202, tcp(Number(port), 40_000));
  send(203, tcp(40_000, Number(port) === 80 ? 81 : 80));
  send(204, tcp(Number(port), 80, [10, 1, 1, 1]));
  // As the kernel drops what comes behind a connection.
  exported.drop(drop(tcp(40_000, Number(port))));
  await exported.finish(NEVER);
  const late = roots(await received(receiver)).map(numberOf).filter((number) => number > 200);
  assert.deepEqual(late, [203, 204]);
  assert.ok(
    !(await received(receiver)).some(({ status }) => status !== ""),
    "its own drop is sent",
  );
});

testUnless(NO_OTLP, "what was not sent is said at the end", async () => {
  await using receiver = new Receiver(() => new Response(null, { status: 400 }));
  const { exported, messages } = exportTo(receiver.url, { maxBytes: 2000 });
  exported.drop(drop());
  await exported.finish(NEVER);
  assert.match(
    messages.text,
    /Sent 0 spans to \S+ in 0 requests; not sent: 1 in requests that it refused\n$/,
  );
  const away = exportTo("http://127.0.0.1:1");
  away.exported.drop(drop());
  await away.exported.finish(AbortSignal.abort());
  assert.match(away.messages.text, /; not sent: 1 left at the end\n$/);
});

Deno.test("this host's packets differ from those of another run", () => {
  const [one, other] = [liveSources("0.1.0"), liveSources("0.1.0")];
  assert.equal(one.origin.program, "vrft 0.1.0");
  assert.match(one.run, /^[0-9a-f-]{36} \d+$/);
  assert.notEqual(one.run, other.run);
});

const STREAM = vrouterStream(new Random(31), { records: 6_000, packets: true, drops: true });
const SECTIONS: readonly Section[] = [
  {
    name: "functions",
    value: STREAM.functions.map((name) => ({ name, module: "vrouter", returns: true })),
  },
  { name: "clocks", value: [{ monotonic: 0n, realtime: WALL_OFFSET }] },
  {
    name: "words",
    value: {
      kernel: [[[2, "SKB_DROP_REASON_NOT_SPECIFIED"]]],
      vrouter: [[
        [0, "VP_DROP_DISCARD"],
        ...DROPS.map((name, index) =>
          [index + 1, `VP_DROP_${name.slice("drop_".length).toUpperCase()}`] as const
        ),
      ]],
    },
  },
];
const FILE = Deno.makeTempFileSync({ suffix: ".vrft" });
globalThis.addEventListener("unload", () => Deno.removeSync(FILE));
Deno.writeFileSync(
  FILE,
  await recorded((writer) => feedStream(STREAM, writer), { sections: SECTIONS }),
);

/** What a command prints of the recording, as objects, while it sends to a receiver. */
async function replayed(
  command: "drops" | "packets",
  receiver: Receiver,
): Promise<{ lines: Record<string, unknown>[]; said: string }> {
  const out = Deno.makeTempFileSync();
  const messages = new MessageList();
  const log = new Log({ messages });
  try {
    const args = [command, "--from", FILE, "--json", "-o", out, "--otlp", receiver.url];
    const invocation = parseArguments(args, "");
    assert.ok("options" in invocation, JSON.stringify(invocation));
    const options = invocation.options as DropsOptions & PacketsOptions;
    const filter = await compileFilters(options.filters);
    const held = new HeldMessages(messages);
    if (command === "drops") await replayDrops(FILE, options, filter, log, held, SIGNALS);
    else await replayPackets(FILE, options, filter, log, SIGNALS);
    const lines = Deno.readTextFileSync(out).trimEnd().split("\n").map((line) => JSON.parse(line));
    return { lines, said: messages.text };
  } finally {
    Deno.removeSync(out);
  }
}

testUnless(NO_OTLP, "each drop of a recording that is printed is sent", async () => {
  await using receiver = new Receiver();
  const { lines, said } = await replayed("drops", receiver);
  const spans = await received(receiver);
  const expected = lines.filter(({ type }) => type === "drop");
  assert.ok(expected.length > 20);
  const nameOf = ({ reason }: Record<string, unknown>) => (reason as { name: string }).name;
  assert.deepEqual(
    spans.map(({ start, attributes }) => [start - WALL_OFFSET, attributes["error.type"]]),
    expected.map((one) => [BigInt(one["monotonic"] as string), nameOf(one)]),
  );
  assert.equal(new Set(spans.map(({ trace }) => trace)).size, spans.length);
  // The summary stays the last line.
  assert.match(said, /Sent \d+ spans? to \S+ in \d+ requests?\n.* drops: .*\n$/);
});

testUnless(NO_OTLP, "each packet of a recording is sent, as an export has it", async () => {
  await using receiver = new Receiver();
  const { lines } = await replayed("packets", receiver);
  const spans = roots(await received(receiver));
  const expected = lines.filter(({ type }) => type === "packet");
  assert.ok(expected.length > 50);
  assert.deepEqual(
    spans.map((span) => [numberOf(span), span.end - span.start]),
    expected.map(({ number, duration }) => [number, BigInt(duration as number)]),
  );
  const out = Deno.makeTempFileSync();
  const invocation = parseArguments(["export", FILE, "--format", "otlp", "-o", out], "");
  assert.ok(invocation.command === "export");
  const log = new Log({ messages: new MessageList() });
  await runExport(invocation.options, null, log, SIGNALS);
  const file = (await spansOf(Deno.readFileSync(out))).spans;
  Deno.removeSync(out);
  const ids = new Set(file.map(({ trace, id }) => `${trace} ${id}`));
  assert.deepEqual(spans.filter(({ trace, id }) => !ids.has(`${trace} ${id}`)), []);
});
