import assert from "node:assert/strict";
import type { DropsOptions, PacketsOptions, TraceOptions } from "../../src/cli/invocation.ts";
import { parseArguments } from "../../src/cli/program.ts";
import { DropPrinter } from "../../src/commands/drop_output.ts";
import { followPackets } from "../../src/commands/packet_follower.ts";
import { PacketPrinter } from "../../src/commands/packet_output.ts";
import { recordedOrigin } from "../../src/commands/origins.ts";
import { packetView } from "../../src/commands/packet_views.ts";
import { isWanted } from "../../src/commands/packets.ts";
import { ALL_PACKETS, Replay } from "../../src/commands/replay.ts";
import { replayDrops } from "../../src/commands/replay_drops.ts";
import { journeySources, replayPackets } from "../../src/commands/replay_packets.ts";
import { replayTrace } from "../../src/commands/replay_trace.ts";
import { Printer } from "../../src/commands/trace_output.ts";
import { HeldMessages } from "../../src/output/held_messages.ts";
import { Log } from "../../src/output/log.ts";
import type { Format } from "../../src/output/view.ts";
import { formatOf } from "../../src/output/views.ts";
import { SOURCE, SOURCE_KERNEL } from "../../src/probe/packet_record.ts";
import {
  CPU_AND_KIND,
  KIND_DECISION,
  KIND_DROP,
  KIND_ENTRY,
  KIND_RETURN,
} from "../../src/probe/record.ts";
import { RecordingReader } from "../../src/recording/reader.ts";
import { memorySource } from "../../src/recording/source.ts";
import { dropReasons } from "../../src/trace/drop_words.ts";
import type { Consumer } from "../../src/trace/tracer.ts";
import { MessageList } from "../support/message_list.ts";
import { optionsOf, outputTo } from "../support/outputs.ts";
import { TextSink } from "../support/text_sink.ts";

// Recordings of Linux 6.12 with the stand-in module. Each command prints of one what it prints of the records that
// its programs would have given it.

const FOLDER = new URL("../data/", import.meta.url).pathname;
const NEVER = new AbortController().signal;
const SIGNALS = { stop: NEVER, cut: NEVER, end: (): void => {}, catch: (): void => {} };

type Chosen = (kind: number, words: Uint32Array, at: number) => boolean;

const messages = new MessageList();
const LOG = new Log({ messages });

/** Feeds the records that a trace would have had. */
async function live(
  path: string,
  printer: Consumer & Pick<Printer, "begin" | "close" | "dry">,
  isChosen: Chosen,
  at: (time: number) => void = () => {},
): Promise<void> {
  const reader = new RecordingReader(memorySource(Deno.readFileSync(path)), path);
  printer.begin();
  while (
    reader.next({
      record(words, place, bytes): void {
        at(words[place + 1]! * 2 ** 32 + words[place]!);
        const kind = words[place + CPU_AND_KIND]! >>> 16 & 0x7f;
        if (isChosen(kind, words, place) && !printer.done) printer.record(words, place, bytes);
      },
      lost: (ahead) => printer.lost(ahead),
    })
  );
  printer.dry();
  await printer.close(NEVER);
}

/** What a trace in a format records. */
function chosenBy({ packets, drops, kernelDrops, decisions }: Format): Chosen {
  return (kind, words, at) => {
    if (kind === KIND_ENTRY || kind === KIND_RETURN) return true;
    if (kind === KIND_DECISION) return decisions ?? false;
    if (kind !== KIND_DROP) return packets;
    return words[at + SOURCE] === SOURCE_KERNEL ? kernelDrops ?? false : drops;
  };
}

async function liveTrace(path: string, args: readonly string[]): Promise<string> {
  using replay = await Replay.open(path, { ...ALL_PACKETS, output: null }, LOG, SIGNALS);
  const options = optionsOf<TraceOptions>(args);
  const format = formatOf(options);
  const sink = new TextSink();
  const reasons = dropReasons(replay.enums.vrouter);
  const printer = new Printer(outputTo(sink), format, replay.functions, LOG, {
    limit: options.limit,
    conditional: false,
    reasons: (number) => reasons.reason(number).label,
    shown: {
      items: new Set(options.show),
      colour: false,
      results: [],
      isVrouter: replay.functions.map(({ module }) => module === "vrouter"),
      vifs: replay.vifs,
    },
    more: { origin: recordedOrigin(replay), sightings: options.sightings, missing: () => [] },
  });
  await live(path, printer, chosenBy(format));
  return sink.text;
}

async function liveDrops(path: string, args: readonly string[]): Promise<string> {
  using replay = await Replay.open(path, { ...ALL_PACKETS, output: null }, LOG, SIGNALS);
  const options = optionsOf<DropsOptions>(["drops", ...args]);
  const sink = new TextSink();
  using printer = new DropPrinter({
    to: outputTo(sink),
    options: options.format === "auto" ? { ...options, format: "lines" } : options,
    wanted: null,
    sources: replay.dropSources,
    seen: () => {},
    dry: () => {},
    wallOffset: replay.wallOffset,
    log: LOG,
    messages: new HeldMessages(messages),
  });
  await live(path, printer, (kind) => kind === KIND_DROP);
  return sink.text;
}

async function livePackets(path: string, args: readonly string[]): Promise<string> {
  using replay = await Replay.open(path, { ...ALL_PACKETS, output: null }, LOG, SIGNALS);
  const options = optionsOf<PacketsOptions>(["packets", ...args]);
  const { functions } = replay;
  const sink = new TextSink();
  const reasons = dropReasons(replay.enums.vrouter);
  let now = 0;
  const printer = new PacketPrinter({
    to: outputTo(sink),
    follow: (receive) =>
      followPackets({
        functions,
        conditional: false,
        calls: options.calls,
        show: options.show,
        sources: journeySources(replay),
      }, receive),
    view: (writer) =>
      packetView(
        options,
        {
          functions,
          results: [],
          reasons: (number) => reasons.reason(number).label,
          vifs: replay.vifs,
        },
        writer,
        LOG,
        replay.wallOffset,
      ),
    wanted: (journey) => isWanted(options, journey),
    clock: () => now,
    log: LOG,
  });
  await live(path, printer, () => true, (time) => now = time);
  return sink.text;
}

/** What a command with `--from` writes to a file. */
async function replayed(path: string, args: readonly string[]): Promise<string> {
  const out = Deno.makeTempFileSync();
  try {
    const invocation = parseArguments([...args, "--from", path, "-o", out], "");
    let status: number | undefined;
    if (invocation.command === "trace") {
      status = await replayTrace(path, invocation.options, null, LOG, SIGNALS);
    } else if (invocation.command === "drops") {
      const held = new HeldMessages(messages);
      status = await replayDrops(path, invocation.options, null, LOG, held, SIGNALS);
    } else if (invocation.command === "packets") {
      status = await replayPackets(path, invocation.options, null, LOG, SIGNALS);
    }
    assert.equal(status, 0);
    return Deno.readTextFileSync(out);
  } finally {
    Deno.removeSync(out);
  }
}

const CASES: readonly [
  command: readonly string[],
  printed: (path: string, args: readonly string[]) => Promise<string>,
  args: readonly (readonly string[])[],
][] = [
  [[], liveTrace, [[], ["--plain"], ["--show", "duration,packet"], ["--format", "json"]]],
  // Routes are those of decisions, which programs for drops alone do not record.
  [["drops"], liveDrops, [["--no-lookups"], ["--no-lookups", "--json", "--all"]]],
  [["packets"], livePackets, [[], ["--json"], ["--calls"], ["--by", "path"]]],
];

for (const [command, printed, all] of CASES) {
  for (const args of all) {
    const line = ["vrft", ...command, ...args].join(" ");
    Deno.test(`a real trace and its recording print the same: ${line}`, async () => {
      const path = `${FOLDER}ping-and-drop.vrft`;
      const text = await replayed(path, [...command, ...args]);
      assert.ok(text.length > 50, text);
      assert.equal(text, await printed(path, args));
    });
  }
}

/** What drops.jsonl has of a drop: what two traces beside each other say alike. */
function alike(drop: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const keys = ["cause", "direction", "vrf", "length", "packet", "flow", "route", "nexthop"];
  const { name, class: kind } = drop["reason"] as { name: string; class: string };
  return {
    reason: name,
    ...Object.fromEntries(keys.map((key) => [key, drop[key]])),
    class: kind,
    vif: (drop["vif"] as { index: number } | null)?.index ?? null,
    by: (drop["stack"] as string[])[0],
  };
}

Deno.test("drops of a recording are what vrft drops has said beside it: each reason, cause, flow and route", async () => {
  // Lines of `vrft drops --json --all`, without those of packets that have no bytes.
  const said = Deno.readTextFileSync(`${FOLDER}drops.jsonl`).trimEnd().split("\n");
  const text = await replayed(`${FOLDER}drops.vrft`, ["drops", "--json", "--all"]);
  const found = text.trimEnd().split("\n").map((line) => JSON.parse(line))
    .filter(({ type }) => type === "drop").map(alike);
  assert.ok(found.length > 50);
  assert.equal(found.length, said.length);
  for (const [index, line] of said.entries()) {
    const live = JSON.parse(line);
    const { route } = found[index]!;
    // The packet has got another head since the lookup, by which a trace of drops knows it.
    assert.deepEqual(found[index], live.route === null ? { ...live, route } : live);
  }
  assert.equal(found.filter(({ route }) => route !== null).length, 24);
  assert.equal(found.filter(({ flow }) => flow !== null).length, 13);
});
