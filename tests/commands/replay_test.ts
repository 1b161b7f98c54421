import assert from "node:assert/strict";
import type { DropsOptions, PacketsOptions, TraceOptions } from "../../src/cli/invocation.ts";
import { parseArguments } from "../../src/cli/program.ts";
import { DropPrinter } from "../../src/commands/drop_output.ts";
import { Reconciliation } from "../../src/commands/drop_reconciliation.ts";
import { comparisonOf } from "../../src/commands/drops.ts";
import { followPackets } from "../../src/commands/packet_follower.ts";
import { PacketPrinter } from "../../src/commands/packet_output.ts";
import { packetView } from "../../src/commands/packet_views.ts";
import { isWanted } from "../../src/commands/packets.ts";
import { replayDrops } from "../../src/commands/replay_drops.ts";
import { replayDiff, replayPackets } from "../../src/commands/replay_packets.ts";
import { replayTrace } from "../../src/commands/replay_trace.ts";
import { Printer } from "../../src/commands/trace_output.ts";
import { HeldMessages } from "../../src/output/held_messages.ts";
import { Log } from "../../src/output/log.ts";
import type { ResultType } from "../../src/kernel/result_type.ts";
import { formatOf } from "../../src/output/views.ts";
import { compileFilters } from "../../src/packet/expression.ts";
import { Libpcap } from "../../src/packet/libpcap.ts";
import { DECIDED_NEXTHOP, DECISION, NEXTHOP_ID } from "../../src/probe/decision_record.ts";
import {
  CAPTURED,
  FLOW,
  HEADER as PACKET_HEADER,
  REASON,
  SOURCE_KERNEL,
} from "../../src/probe/packet_record.ts";
import {
  CPU_AND_KIND,
  FRAME,
  KIND_COPY,
  KIND_DECISION,
  KIND_DROP,
  KIND_END,
  KIND_ENTRY,
  KIND_LONG_ENTRY,
  KIND_LONG_RETURN,
  KIND_MATCH,
  KIND_PACKET,
  KIND_RETURN,
  NEXTHOP_ID as NEXTHOP_WORD,
  VIF as VIF_WORD,
} from "../../src/probe/record.ts";
import { recordedResults } from "../../src/recording/results.ts";
import type { RecordedDropCounters, Section } from "../../src/recording/sections.ts";
import { RecordedEnums } from "../../src/recording/words.ts";
import { decisionWords } from "../../src/trace/decision_words.ts";
import { dropReasons, dropWords } from "../../src/trace/drop_words.ts";
import { DropMaker, type DropSources } from "../../src/trace/drops.ts";
import type { EventSink } from "../../src/trace/events.ts";
import { PacketSample } from "../../src/trace/packet_sample.ts";
import { MessageList } from "../support/message_list.ts";
import { optionsOf, outputTo } from "../support/outputs.ts";
import { Random } from "../support/random.ts";
import { dropRecord, feedWords } from "../support/packet_records.ts";
import { HEADER, recorded } from "../support/recordings.ts";
import { TextSink } from "../support/text_sink.ts";
import {
  bytesAt,
  DROPS,
  feedStream,
  type Stream,
  vrouterStream,
} from "../support/vrouter_stream.ts";

const NEVER = new AbortController().signal;
const SIGNALS = { stop: NEVER, cut: NEVER, end: (): void => {}, catch: (): void => {} };

const STREAM = vrouterStream(new Random(11), { records: 20_000, packets: true, drops: true });
const REASONS = DROPS.map((name, index) =>
  [index + 1, `VP_DROP_${name.slice("drop_".length).toUpperCase()}`] as const
);
/** What the recording says, and the views of the live trace are told. */
const WORDS = {
  kernel: [[[0, "SKB_NOT_DROPPED_YET"], [2, "SKB_DROP_REASON_NOT_SPECIFIED"]]],
  vrouter: [
    [[0, "VP_DROP_DISCARD"], ...REASONS],
    [[0, "NH_DEAD"], [2, "NH_ENCAP"], [5, "NH_DISCARD"]],
    [[0, "FLOW_FORWARD"]],
  ],
} as const;
const KERNEL = new RecordedEnums(WORDS.kernel);
const VROUTER = new RecordedEnums(WORDS.vrouter);
const VIF = {
  index: 3,
  name: "tap3",
  device: "tap3",
  ifindex: 7,
  type: "virtual",
  vrf: 2,
  flags: 0,
  rxPackets: 0,
  rxBytes: 0,
  txPackets: 0,
  txBytes: 0,
  drops: 0,
  addresses: [],
};
const VIFS = [VIF, { ...VIF, index: 5, name: "tap5", device: "tap5", ifindex: 9, vrf: 4 }];
const OFFSET = 1_795_662_000n * 1_000_000_000n;
const SECTIONS: readonly Section[] = [
  {
    name: "functions",
    value: STREAM.functions.map((name) => ({ name, module: "vrouter", returns: true })),
  },
  { name: "clocks", value: [{ monotonic: 5n, realtime: OFFSET + 5n }] },
  { name: "words", value: WORDS },
  { name: "vifs", value: { time: 0n, all: VIFS } },
  { name: "devices", value: [[HEADER.vrouterNetns, 8, "bond0"]] },
];

const KINDS: readonly (ResultType | null)[] = [
  { kind: "int", bits: 32, isSigned: true },
  { kind: "void" },
  { kind: "pointer" },
  { kind: "enum", bits: 32, isSigned: false, names: new Map([[0n, "FLOW_FORWARD"]]) },
  null,
  { kind: "bool" },
];

async function recordingOf(stream: Stream, more: readonly Section[] = []): Promise<string> {
  const path = Deno.makeTempFileSync({ suffix: ".vrft" });
  const fill = (writer: EventSink): void => feedStream(stream, writer);
  Deno.writeFileSync(path, await recorded(fill, { sections: [...SECTIONS, ...more] }));
  return path;
}

const sources: DropSources = {
  words: dropWords(KERNEL, VROUTER, () => null),
  offsets: {},
  vifs: () => VIFS,
  vrouterNetns: HEADER.vrouterNetns,
  device: (netns, ifindex) =>
    netns !== HEADER.vrouterNetns ? null : ifindex === 7 ? "tap3" : ifindex === 8 ? "bond0" : null,
  kallsyms: () => new Uint8Array(),
};

const NO_COUNTERS = { all: {}, vifs: [] };

function logOf(messages = new MessageList()): Log {
  return new Log({ messages });
}

/** The records that a live trace would have, in the place of all. */
function chosen(stream: Stream, isChosen: (words: Uint32Array, at: number) => boolean): Stream {
  const parts: number[] = [];
  let records = 0;
  for (let at = 0; at < stream.words.length;) {
    const length = bytesAt(stream.words, at) / 4;
    if (isChosen(stream.words, at)) {
      parts.push(...stream.words.subarray(at, at + length));
      records++;
    }
    at += length;
  }
  return { ...stream, words: Uint32Array.from(parts), records };
}

const kindAt = (words: Uint32Array, at: number): number => words[at + CPU_AND_KIND]! >>> 16 & 0xff;
const isCall = (words: Uint32Array, at: number): boolean =>
  [KIND_ENTRY, KIND_RETURN, KIND_LONG_ENTRY, KIND_LONG_RETURN].includes(kindAt(words, at));
const isCallOrDrop = (words: Uint32Array, at: number): boolean =>
  isCall(words, at) || kindAt(words, at) === KIND_DROP;

/** The records of packets that match: in the stream, a CPU has one packet from its first record to its end. */
async function matching(stream: Stream, expression: string): Promise<Stream> {
  using libpcap = await Libpcap.open();
  const program = libpcap.compile(expression, true);
  const isMatch = new Map<number, boolean>();
  return chosen(stream, (words, at) => {
    const cpu = words[at + CPU_AND_KIND]! & 0xffff;
    if (kindAt(words, at) === KIND_PACKET) {
      const captured = words[at + CAPTURED]! & 0xffff;
      const header = new Uint8Array(
        words.slice(at + PACKET_HEADER, at + PACKET_HEADER + 25).buffer,
      );
      isMatch.set(cpu, libpcap.matches(program, header.slice(0, captured), captured));
    }
    const passes = isMatch.get(cpu) ?? false;
    if (kindAt(words, at) === KIND_END) isMatch.delete(cpu);
    return passes;
  });
}

async function live(stream: Stream, printer: Printer | PacketPrinter | DropPrinter): Promise<void> {
  printer.begin();
  feedStream(stream, printer);
  printer.dry();
  await printer.close(NEVER);
}

async function liveTrace(
  stream: Stream,
  args: readonly string[],
  results: readonly (ResultType | null)[] = [],
  conditional = false,
): Promise<string> {
  const options = optionsOf<TraceOptions>(args);
  const sink = new TextSink();
  const targets = stream.functions.map((name) => ({ name }));
  const reasons = dropReasons(VROUTER);
  const printer = new Printer(outputTo(sink), formatOf(options), targets, logOf(), {
    limit: options.limit,
    conditional,
    reasons: (number) => reasons.reason(number).label,
    shown: {
      items: new Set(options.show),
      colour: false,
      results,
      isVrouter: targets.map(() => true),
      vifs: () => VIFS,
    },
  });
  await live(stream, printer);
  return sink.text;
}

/** What a command with `--from` writes to a file. */
async function replayed(
  file: string,
  args: readonly string[],
  messages = new MessageList(),
): Promise<{ text: string; status: number }> {
  const out = Deno.makeTempFileSync();
  try {
    const invocation = parseArguments([...args, "--from", file, "-o", out], "");
    const log = logOf(messages);
    let status: number;
    switch (invocation.command) {
      case "trace": {
        const { options } = invocation;
        const filter = await compileFilters(options.filters);
        status = await replayTrace(file, options, filter, log, SIGNALS);
        break;
      }
      case "drops": {
        const { options } = invocation;
        const filter = await compileFilters(options.filters);
        const held = new HeldMessages(messages);
        status = await replayDrops(file, options, filter, log, held, SIGNALS);
        break;
      }
      case "packets": {
        const { options } = invocation;
        const filter = await compileFilters(options.filters);
        status = await replayPackets(file, options, filter, log, SIGNALS);
        break;
      }
      case "diff":
        status = await replayDiff(file, invocation.options, log, SIGNALS);
        break;
      default:
        throw new Error(JSON.stringify(invocation));
    }
    return { text: Deno.readTextFileSync(out), status };
  } finally {
    Deno.removeSync(out);
  }
}

const FILE = await recordingOf(STREAM);
/** With what only some recordings have of calls. */
const LONG = vrouterStream(new Random(13), {
  records: 20_000,
  packets: true,
  drops: true,
  long: true,
});
const RESULTS: readonly (ResultType | null)[] = STREAM.functions.map((_, fn) => KINDS[fn % 6]!);
const LONG_FILE = await recordingOf(LONG, [
  { name: "selection", value: { show: ["return", "vif"] } },
  { name: "results", value: recordedResults(RESULTS) },
]);
globalThis.addEventListener("unload", () => Deno.removeSync(LONG_FILE));
globalThis.addEventListener("unload", () => Deno.removeSync(FILE));

/** Neither side is to be empty. */
function assertSame(one: string, other: string): void {
  assert.ok(one.length > 1000, one);
  // Without a difference of megabytes.
  const at = [...one].findIndex((character, index) => character !== other[index]);
  if (one !== other) assert.equal(one.slice(at - 200, at + 200), other.slice(at - 200, at + 200));
}

for (
  const args of [
    [],
    ["-n", "100"],
    ["--plain"],
    ["--show", "duration"],
  ]
) {
  Deno.test(`a trace and its recording print the same: vrft ${args.join(" ")}`, async () => {
    const recorded = args.includes("--plain") ? isCall : isCallOrDrop;
    const printed = await liveTrace(chosen(STREAM, recorded), args);
    const { text, status } = await replayed(FILE, args);
    assert.equal(status, 0);
    assertSame(printed, text);
  });
}

for (const items of ["return", "vif", "nh", "return,vif,nh,duration"]) {
  Deno.test(`results, vifs and nexthops are shown if they are recorded: --show ${items}`, async () => {
    const args = ["--show", items];
    const printed = await liveTrace(chosen(LONG, isCallOrDrop), args, RESULTS);
    assertSame(printed, (await replayed(LONG_FILE, args)).text);
    assert.match(
      printed,
      items === "vif" ? /vif0\/3 tap3/ : items === "nh" ? /nh 21/ : /FLOW_FORWARD/,
    );
  });
}

Deno.test("without being asked for, what is recorded of calls besides is not shown", async () => {
  assertSame(
    await liveTrace(chosen(LONG, isCallOrDrop), []),
    (await replayed(LONG_FILE, [])).text,
  );
});

for (const command of [[], ["packets", "--calls"]]) {
  Deno.test(`what is not recorded of calls cannot be shown: ${command.join(" ")}`, async () => {
    await assert.rejects(replayed(FILE, [...command, "--show", "duration,nh"]), {
      message: "Cannot show the nexthops of calls: this recording does not have that; " +
        "record again with vrft record --show nh",
    });
  });
}

/** The records that a live trace has of packets that meet conditions: which tells of the last of these. */
function marked(stream: Stream, meets: (words: Uint32Array, at: number) => boolean): Stream {
  const met = new Set<number>();
  const parts: number[] = [];
  for (let at = 0; at < stream.words.length;) {
    const length = bytesAt(stream.words, at) / 4;
    const cpu = stream.words[at + CPU_AND_KIND]! & 0xffff;
    if (kindAt(stream.words, at) === KIND_PACKET) met.delete(cpu);
    if (!met.has(cpu) && meets(stream.words, at)) {
      met.add(cpu);
      const head = stream.words.slice(at, at + 6);
      head[FRAME] = 1;
      head[CPU_AND_KIND] = head[CPU_AND_KIND]! & 0xff00_ffff | KIND_MATCH << 16;
      parts.push(...head);
    }
    parts.push(...stream.words.subarray(at, at + length));
    at += length;
  }
  return { ...stream, words: Uint32Array.from(parts), records: 0 };
}

/** Those of a live trace of an interface: of each packet, from the first of these records on. */
function fromThere(stream: Stream, isThere: (words: Uint32Array, at: number) => boolean): Stream {
  const held = new Map<number, Uint32Array>();
  const chosen = new Set<number>();
  const open = new Map<number, boolean[]>();
  const parts: number[] = [];
  for (let at = 0; at < stream.words.length;) {
    const record = stream.words.slice(at, at + bytesAt(stream.words, at) / 4);
    at += record.length;
    const cpu = record[CPU_AND_KIND]! & 0xffff;
    const calls = open.get(cpu) ?? [];
    open.set(cpu, calls);
    const kind = kindAt(record, 0) & 0x7f;
    if (kind === KIND_PACKET) {
      held.set(cpu, record);
      chosen.delete(cpu);
    } else if (!chosen.has(cpu) && isThere(record, 0)) {
      chosen.add(cpu);
      const begin = held.get(cpu)!.slice();
      begin.set(record.subarray(0, 3));
      begin[4] = begin[4]! & 0xffff_0000 | record[4]! & 0x7fff;
      parts.push(...begin);
    }
    if (kind === KIND_ENTRY) calls.push(chosen.has(cpu));
    const passes = kind === KIND_RETURN ? calls.pop()! : chosen.has(cpu);
    if (passes) parts.push(...record);
  }
  return { ...stream, words: Uint32Array.from(parts), records: 0 };
}

const isLongEntry = (words: Uint32Array, at: number): boolean =>
  kindAt(words, at) === KIND_LONG_ENTRY;
const isNexthopDecision = (words: Uint32Array, at: number): boolean =>
  kindAt(words, at) === KIND_DECISION && words[at + DECISION] === DECIDED_NEXTHOP;
const isVisible = (words: Uint32Array, at: number): boolean =>
  ![KIND_DECISION, KIND_COPY].includes(kindAt(words, at));

for (
  const [args, meets] of [
    [["--vif", "tap5"], (words, at) => isLongEntry(words, at) && words[at + VIF_WORD] === 5],
    [["--vrf", "4"], (words, at) => isLongEntry(words, at) && words[at + VIF_WORD] === 5],
    [
      ["--nh", "22"],
      (words, at) =>
        (isLongEntry(words, at) && words[at + NEXTHOP_WORD] === 22) ||
        (isNexthopDecision(words, at) && words[at + NEXTHOP_ID] === 22),
    ],
  ] as readonly [string[], (words: Uint32Array, at: number) => boolean][]
) {
  Deno.test(`a recording is searched as the trace would have been: ${args.join(" ")}`, async () => {
    const printed = await liveTrace(chosen(marked(LONG, meets), isVisible), args, [], true);
    assertSame(printed, (await replayed(LONG_FILE, args)).text);
    assert.ok(printed.length < (await replayed(LONG_FILE, [])).text.length - 10_000);
  });
}

for (const command of [[], ["--show", "packet"]]) {
  Deno.test(`packets of one interface begin where they get there: ${command.join(" ")}`, async () => {
    // On several CPUs the stream has tasks that run on two of them at a time.
    const stream = vrouterStream(new Random(14), {
      records: 20_000,
      packets: true,
      drops: true,
      long: true,
      cpus: 1,
    });
    const selection: Section = { name: "selection", value: { show: ["vif"] } };
    const file = await recordingOf(stream, [selection]);
    const there = fromThere(
      stream,
      (words, at) => isLongEntry(words, at) && words[at + VIF_WORD] === 5,
    );
    const isShown = command.length === 0 ? isCallOrDrop : isVisible;
    const printed = await liveTrace(chosen(there, isShown), command);
    const { text } = await replayed(file, [...command, "-i", "vif0/5"]);
    // Each has the number that it has in the recording.
    const withoutNumbers = (rows: string): string =>
      rows.replaceAll(/#\d+/g, "#").replaceAll(/ +$/gm, "");
    assertSame(withoutNumbers(printed), withoutNumbers(text));
    Deno.removeSync(file);
  });
}

Deno.test("conditions that no packet meets leave nothing, and unknown names are refused", async () => {
  assert.equal(
    (await replayed(LONG_FILE, ["--vif", "tap3", "--label", "17"])).text.split("\n").length,
    2,
  );
  await assert.rejects(replayed(LONG_FILE, ["--vif", "tap4"]), /no vif has this name or address/);
  await assert.rejects(replayed(LONG_FILE, ["packets", "-i", "tap4"]), /did you mean "tap3"/);
});

Deno.test("a recording without the vifs of calls is searched by decisions, and that is said", async () => {
  const messages = new MessageList();
  const meets = (words: Uint32Array, at: number): boolean =>
    isNexthopDecision(words, at) && words[at + NEXTHOP_ID] === 22;
  const printed = await liveTrace(chosen(marked(STREAM, meets), isVisible), [], [], true);
  assertSame(printed, (await replayed(FILE, ["--nh", "22"], messages)).text);
  assert.match(
    messages.text,
    /the vifs and nexthops of calls are not recorded \(vrft record --show vif\)/,
  );
  const others = new MessageList();
  await replayed(FILE, ["drops", "--vif", "tap3"], others);
  await replayed(LONG_FILE, ["--vif", "tap3"], others);
  assert.doesNotMatch(others.text, /not recorded/);
});

Deno.test("drops are selected by what their records say", async () => {
  const all = (await replayed(FILE, ["drops", "--lines", "--all"])).text;
  for (const args of [["-i", "vif0/3"], ["--vif", "tap3", "--vrf", "2"], ["-i", "tap3"]]) {
    assertSame(all, (await replayed(FILE, ["drops", "--lines", "--all", ...args])).text);
  }
  for (const args of [["-i", "vif0/5"], ["--vif", "tap3", "--vrf", "4"], ["--nh", "21"]]) {
    assert.equal((await replayed(FILE, ["drops", "--lines", "--all", ...args])).text, "");
  }
  // The counters of the module are of all packets.
  const value = { start: [NO_COUNTERS, NO_COUNTERS], end: [NO_COUNTERS, NO_COUNTERS] } as const;
  const file = await recordingOf(STREAM, [{ name: "dropstats", value }]);
  const messages = new MessageList();
  await replayed(file, ["drops"], messages);
  assert.match(messages.text, /module 0, seen/);
  const some = new MessageList();
  await replayed(file, ["drops", "-i", "vif0/3"], some);
  await replayed(file, ["drops", "--duration", "1ms"], some);
  assert.doesNotMatch(some.text, /module/);
  Deno.removeSync(file);
});

Deno.test("packets and drops --path are selected by what happens to them", async () => {
  const lines = async (...args: string[]): Promise<string[]> =>
    (await replayed(LONG_FILE, ["packets", "-q", ...args])).text.match(/^#\d+ /gm) ?? [];
  const all = await lines();
  const some = await lines("--nh", "22");
  assert.ok(some.length > 10 && some.length < all.length, `${some.length} of ${all.length}`);
  assert.deepEqual(some.filter((line) => !all.includes(line)), []);
  const paths = async (...args: string[]): Promise<number> =>
    (await replayed(LONG_FILE, ["drops", "--path", ...args])).text.match(/lh_pfree\(\)/g)?.length ??
      0;
  const [every, few] = [await paths(), await paths("--nh", "22")];
  assert.ok(few > 0 && few < every, `${few} of ${every}`);
});

Deno.test("--sample shows one packet in N with all its calls, the same each time", async () => {
  // On several CPUs the stream has tasks that run on two of them at a time.
  const stream = vrouterStream(new Random(15), {
    records: 20_000,
    packets: true,
    drops: true,
    cpus: 1,
  });
  // Of one packet no bytes are known.
  stream.words[CAPTURED] = 0;
  const file = await recordingOf(stream);
  const messages = new MessageList();
  const { text } = await replayed(file, ["--sample", "5"], messages);
  assert.equal((await replayed(file, ["--sample", "5"])).text, text);
  const [, kept, seen] = /(\d+) of (\d+) packets kept \(1 in 5\)/.exec(messages.text)!;
  const begins = chosen(stream, (words, at) => kindAt(words, at) === KIND_PACKET).records;
  assert.equal(Number(seen), begins);
  assert.ok(Math.abs(Number(kept) - begins / 5) <= 1, `${kept} of ${begins}`);
  assert.doesNotMatch(messages.text, /not shown/);
  // As a trace of these packets.
  const sample = new PacketSample(5);
  let isKept = false;
  const some = chosen(stream, (words, at) => {
    if (kindAt(words, at) === KIND_PACKET) isKept = sample.keeps(0);
    return isKept && isCallOrDrop(words, at);
  });
  assertSame(await liveTrace(some, []), text);
  // Of those that match.
  const filtered = new MessageList();
  await replayed(file, ["--sample", "5", "ether[20] & 1 = 0"], filtered);
  const [, , matching] = /(\d+) of (\d+) packets kept/.exec(filtered.text)!;
  assert.ok(Number(matching) < begins, matching);
  Deno.removeSync(file);
});

/** The drops of a recording up to a moment, by the names of their reasons, and when that is. */
function countedUntil(stream: Stream, record: number): { counts: Record<string, number> } {
  const counts: Record<string, number> = {};
  let records = 0;
  feedStream(stream, {
    record(words, at): void {
      if (records++ >= record || kindAt(words, at) !== KIND_DROP) return;
      const [, name] = REASONS[words[at + REASON]! - 1]!;
      counts[name] = (counts[name] ?? 0) + 1;
    },
  });
  return { counts };
}

for (const format of ["--lines", "--json"]) {
  Deno.test(`drops --interval compares a recording as the trace was compared: ${format}`, async () => {
    // Counters are read three times, the last two without a change in between.
    const total = STREAM.records;
    const moments = [Math.floor(total / 3), Math.floor(total / 2)];
    const at = (record: number): RecordedDropCounters => ({
      all: countedUntil(STREAM, record).counts,
      vifs: [],
    });
    const value = { start: [NO_COUNTERS, NO_COUNTERS], end: [at(total), at(total)] } as const;
    const start = STREAM.words[1]! * 2 ** 32 + STREAM.words[0]!;
    const sections = SECTIONS.map((section): Section =>
      section.name === "clocks"
        ? {
          name: "clocks",
          value: [{ monotonic: BigInt(start), realtime: OFFSET + BigInt(start) }],
        }
        : section
    );
    let time = 0;
    const reading = (record: number): Section => ({
      name: "reading",
      value: { time: BigInt(time), before: at(record), after: at(record) },
    });
    // The live trace, whose counters are read where those of the recording were.
    const sink = new TextSink();
    const said = new MessageList();
    const options = optionsOf<DropsOptions>(["drops", format]);
    let now = 0;
    let counters: RecordedDropCounters = NO_COUNTERS;
    const reasons = dropReasons(VROUTER);
    const reconciliation = new Reconciliation(logOf(said), {
      read: () => ({ all: new Map(Object.entries(counters.all)), vifs: new Map() }),
      lost: () => 0,
      ...comparisonOf(() => printer, reasons, null),
      now: () => now,
    }, 1);
    const printer: DropPrinter = new DropPrinter({
      to: outputTo(sink),
      options,
      wanted: null,
      sources,
      seen: (drop) => reconciliation.add(drop),
      dry: () => reconciliation.dry(),
      wallOffset: OFFSET,
      log: logOf(said),
      messages: new HeldMessages(said),
    });
    using _printer = printer;
    reconciliation.begin();
    printer.begin();
    let records = 0;
    const bytes = await recorded((writer) => {
      feedStream(STREAM, {
        record(words, place, length): void {
          time = words[place + 1]! * 2 ** 32 + words[place]!;
          now = (time - start) / 1e6;
          if (kindAt(words, place) === KIND_DROP) printer.record(words, place, length);
          writer.record(words, place, length);
          if (!moments.includes(++records)) return;
          writer.add(reading(records));
          counters = at(records);
          reconciliation.turn();
          reconciliation.dry();
        },
      });
      writer.add({ name: "dropstats", value });
    }, { sections });
    counters = at(total);
    reconciliation.end();
    printer.end();
    reconciliation.finish();
    await printer.close(NEVER);

    const file = Deno.makeTempFileSync();
    Deno.writeFileSync(file, bytes);
    const messages = new MessageList();
    const { text } = await replayed(file, ["drops", format, "--interval", "1ms"], messages);
    Deno.removeSync(file);
    const compared = (log: string): string[] => log.match(/[^:]*: module \d+, seen \d+.*$/gm) ?? [];
    const lines = compared(messages.text).map((line) => line.replace(/^\S+ \S+ /, ""));
    // Where nothing was dropped for an interval, it was compared once more.
    assert.ok(lines.length >= 3 * Object.keys(at(total).all).length, messages.text);
    assert.doesNotMatch(messages.text, /not seen|not counted/);
    for (const line of compared(said.text).map((line) => line.replace(/^\S+ \S+ /, ""))) {
      assert.ok(lines.includes(line), line);
    }
    const withoutCounters = (all: string): string =>
      all.replaceAll(/^.*"type":"counter".*\n/gm, "");
    assertSame(withoutRoutes(withoutCounters(sink.text)), withoutRoutes(withoutCounters(text)));
    if (format === "--json") assert.ok(text.includes('"type":"counter"'));
  });
}

Deno.test("a trace does not know the flows of drops, and so does one of a recording", async () => {
  const words = STREAM.words.slice();
  for (let at = 0; at < words.length; at += bytesAt(words, at) / 4) {
    if (kindAt(words, at) === KIND_DROP) words[at + FLOW] = 77;
  }
  const file = await recordingOf({ ...STREAM, words });
  const args = ["--format", "json"];
  assertSame((await replayed(FILE, args)).text, (await replayed(file, args)).text);
  const drops = (await replayed(file, ["drops", "--json"])).text;
  assert.match(drops, /"flow":\{"index":77,/);
  const without = (await replayed(file, ["drops", "--json", "--no-lookups"])).text;
  assert.doesNotMatch(without, /"(flow|route)":\{/);
  Deno.removeSync(file);
});

Deno.test("what the kernel drops behind the vifs is not theirs", async () => {
  const place = { slot: 1, generation: 1, task: 1, cpu: 0, time: 5000 };
  const by = { source: SOURCE_KERNEL, reason: 2, netns: HEADER.vrouterNetns, length: 98 };
  const fields = [
    { ...by, ifindex: 7 },
    { ...by, ifindex: 8, iif: 9 },
    { ...by, ifindex: 8 },
    { ...by, ifindex: 7, netns: 1 },
  ];
  const bytes = await recorded((writer) => {
    for (const one of fields) feedWords(writer, dropRecord(place, one));
  }, { sections: SECTIONS });
  const file = Deno.makeTempFileSync();
  Deno.writeFileSync(file, bytes);
  const { text } = await replayed(file, ["drops", "--json", "--all"]);
  const devices = text.trimEnd().split("\n").map((line) => JSON.parse(line).device);
  assert.deepEqual(devices, ["tap3", "bond0"]);
  Deno.removeSync(file);
});

Deno.test("packets have what the module has listed of nexthops, as it was then", async () => {
  const nexthop = { id: 5, type: 2, flags: 1, family: 2, vrf: 2, tunnel: null, members: [] };
  const nexthops: Section = {
    name: "nexthops",
    value: {
      time: 0n,
      all: Array.from({ length: 40 }, (_, id) => ({ ...nexthop, id, oif: 5 })),
    },
  };
  const file = await recordingOf(STREAM, [nexthops]);
  const { text } = await replayed(file, ["packets", "--json", "-n", "50"]);
  assert.match(text, /"nexthop":\{"id":\d+,"type":"Encap",[^{}]*"vif":\{"index":5,/);
  Deno.removeSync(file);
});

Deno.test("a recording without readings of the counters says so, whatever the interval", async () => {
  const value = { start: [NO_COUNTERS, NO_COUNTERS], end: [NO_COUNTERS, NO_COUNTERS] } as const;
  const file = await recordingOf(STREAM, [{ name: "dropstats", value }]);
  const messages = new MessageList();
  await replayed(file, ["drops", "--interval", "1ms"], messages);
  assert.match(messages.text, /counters of its ends alone: they are compared there/);
  Deno.removeSync(file);
});

Deno.test("--duration ends a replay so long after the first event", async () => {
  const first = STREAM.words[1]! * 2 ** 32 + STREAM.words[0]!;
  const early = chosen(
    STREAM,
    (words, at) => isCallOrDrop(words, at) && words[at + 1]! * 2 ** 32 + words[at]! <= first + 2e6,
  );
  assertSame(await liveTrace(early, []), (await replayed(FILE, ["--duration", "2ms"])).text);
});

for (const args of [["--show", "packet"], ["--format", "events"]]) {
  Deno.test(`with packets, too: vrft ${args.join(" ")}`, async () => {
    const isDecision = (words: Uint32Array, at: number): boolean => kindAt(words, at) === 8;
    const stream = chosen(STREAM, (words, at) => !isDecision(words, at));
    assertSame(await liveTrace(stream, args), (await replayed(FILE, args)).text);
  });
}

Deno.test("a filter on a recording finds what it would have found while tracing", async () => {
  // On several CPUs the stream has tasks that run on two of them at a time.
  const stream = vrouterStream(new Random(12), {
    records: 20_000,
    packets: true,
    drops: true,
    cpus: 1,
  });
  const file = await recordingOf(stream);
  const shown: number[] = [];
  for (const expression of ["ether[20] & 1 = 0", "ether[19] > 100", "len = 98", "len < 98"]) {
    const wanted = chosen(await matching(stream, expression), isCallOrDrop);
    const printed = await liveTrace(wanted, []);
    const { text } = await replayed(file, [expression]);
    assert.equal(text.length, printed.length, expression);
    if (wanted.records > 0) assertSame(printed, text);
    shown.push(wanted.records);
  }
  Deno.removeSync(file);
  const [one, other, all, none] = shown;
  assert.ok(one! > 1000 && one! < all! && other! > 1000 && other! < all!, `${shown}`);
  assert.equal(none, 0);
});

Deno.test("a packet of a recording has one number, in every view and with any filter", async () => {
  const filter = "ether[20] & 1 = 0";
  const packetLines = async (...args: string[]): Promise<string[]> =>
    (await replayed(FILE, ["packets", "-q", ...args])).text.match(/^#.*/gm) ?? [];
  const all = new Set(await packetLines());
  const some = await packetLines(filter);
  assert.ok(some.length > 10 && some.length < all.size, `${some.length} of ${all.size}`);
  assert.deepEqual(some.filter((line) => !all.has(line)), []);
  // The tree describes a packet behind its number, where it has its first row.
  const described = async (...args: string[]): Promise<Map<string, string>> => {
    const { text } = await replayed(FILE, ["--show", "packet", ...args]);
    return new Map(
      [...text.matchAll(/#(\d+) (\S.*?)(?:, | \*\/)/g)].map((
        [, number, words],
      ) => [number!, words!]),
    );
  };
  const tree = await described();
  const filtered = await described(filter);
  assert.ok(filtered.size > 10 && filtered.size < tree.size, `${filtered.size} of ${tree.size}`);
  for (const [number, words] of filtered) assert.equal(words, tree.get(number));
});

Deno.test("functions are chosen by their names as in a trace", async () => {
  const isVr = STREAM.functions.map((name) => /^vr_/.test(name) && !/flow/.test(name));
  const stream = chosen(STREAM, (words, at) => isCall(words, at) && isVr[words[at + 4]! & 0x7fff]!);
  const printed = await liveTrace(stream, []);
  assertSame(printed, (await replayed(FILE, ["-f", "vr_*", "-x", "*flow*"])).text);
});

/** A stream of drops alone has none. */
function withoutRoutes(lines: string): string {
  return lines.replaceAll(/"route":(\{.*?\}|null),"nexthop"/g, '"nexthop"');
}

for (const args of [["--lines"], ["--json"], ["--all", "-n", "20"], ["--reason", "no-route"]]) {
  Deno.test(`drops and those of a recording print the same: ${args.join(" ")}`, async () => {
    const options = optionsOf<DropsOptions>(["drops", ...args]);
    const sink = new TextSink();
    const messages = new MessageList();
    using printer = new DropPrinter({
      to: outputTo(sink),
      options: options.format === "auto" ? { ...options, format: "lines" } : options,
      wanted: options.reasons.length === 0
        ? null
        : ({ reason }) => reason.name === "VP_DROP_NO_ROUTE",
      sources,
      seen: () => {},
      dry: () => {},
      wallOffset: OFFSET,
      log: logOf(messages),
      messages: new HeldMessages(messages),
    });
    // As the programs of drops record them.
    await live(chosen(STREAM, (words, at) => kindAt(words, at) === KIND_DROP), printer);
    const { text, status } = await replayed(FILE, ["drops", ...args]);
    assert.equal(status, 0);
    assertSame(withoutRoutes(sink.text), withoutRoutes(text));
  });
}

Deno.test("drops --fail-on-drop fails for a recording with losses", async () => {
  assert.equal((await replayed(FILE, ["drops", "--fail-on-drop"])).status, 1);
});

Deno.test("drops compares a recording with the counters of the module that it has", async () => {
  const { text } = await replayed(await recordingOf(STREAM), ["drops", "--json", "--all"]);
  const counts = new Map<string, number>();
  for (const line of text.trimEnd().split("\n")) {
    const { source, reason } = JSON.parse(line);
    if (source === "vrouter") counts.set(reason.name, (counts.get(reason.name) ?? 0) + 1);
  }
  const [[first, seen]] = [...counts] as [[string, number]];
  const before = { all: { [first]: 5 }, vifs: [] };
  const all = Object.fromEntries(counts);
  const after = { all: { ...all, [first]: 5 + seen + 2 }, vifs: [] };
  const value = { start: [before, before], end: [after, after] } as const;
  const file = await recordingOf(STREAM, [{ name: "dropstats", value }]);
  const said = async (...args: string[]): Promise<string> => {
    const messages = new MessageList();
    await replayed(file, ["drops", ...args], messages);
    return messages.text;
  };
  const compared = await said();
  assert.match(compared, new RegExp(`: module ${seen + 2}, seen ${seen}: 2 drops were not seen`));
  assert.equal(compared.match(/: module \d+, seen \d+$/gm)?.length, counts.size - 1);
  // The counters are of all packets, and of the whole time.
  assert.doesNotMatch(await said("icmp"), /module/);
  assert.doesNotMatch(await said("-n", "1"), /module/);
});

Deno.test("drops --path shows the calls of dropped packets alone, as the trace shows them", async () => {
  const { text } = await replayed(FILE, ["drops", "--path", "-n", "3"]);
  assert.equal(text.match(/lh_pfree\(\)/g)?.length, 3);
  // Calls of other packets around one are not shown, and do not indent it.
  const rows = (shown: string): string[] =>
    shown.trimEnd().split("\n").slice(1).map((row) => row.trimEnd().replaceAll(/ +/g, " "));
  const whole = rows((await replayed(FILE, [])).text);
  const known = new Set(whole);
  const all = rows((await replayed(FILE, ["drops", "--path"])).text);
  assert.ok(all.length > 10 && all.length < whole.length, `${all.length} of ${whole.length}`);
  for (const row of all) assert.ok(known.has(row), row);
});

for (
  const args of [
    [],
    ["--json"],
    ["--by", "path"],
    ["--calls", "-n", "40"],
    ["--calls", "--show", "return,vif,nh", "-n", "40"],
    ["--sort", "latency"],
  ]
) {
  Deno.test(`packets and those of a recording print the same: ${args.join(" ")}`, async () => {
    const isLong = args.includes("--show");
    const [stream, file] = isLong ? [LONG, LONG_FILE] : [STREAM, FILE];
    const options = optionsOf<PacketsOptions>(["packets", ...args]);
    const functions = STREAM.functions.map((name) => ({ name, module: "vrouter", returns: true }));
    const sink = new TextSink();
    const drops = new DropMaker(sources);
    let now = 0;
    const follow = {
      functions,
      conditional: false,
      calls: options.calls,
      show: options.show,
      sources: {
        words: decisionWords(VROUTER),
        vifs: (): (typeof VIF)[] => vifs,
        vrouterNetns: HEADER.vrouterNetns,
        device: sources.device,
        drop: (words: Uint32Array) => drops.drop(words),
      },
    };
    const vifs = VIFS;
    const printer = new PacketPrinter({
      to: outputTo(sink),
      follow: (receive) => followPackets(follow, receive),
      view: (writer) =>
        packetView(
          options,
          {
            functions,
            results: isLong ? RESULTS : [],
            reasons: (number) => dropReasons(VROUTER).reason(number).label,
            vifs: () => vifs,
          },
          writer,
          logOf(),
          OFFSET,
        ),
      wanted: (journey) => isWanted(options, journey),
      clock: () => now,
      log: logOf(),
    });
    printer.begin();
    feedStream(stream, {
      record(words, at, bytes): void {
        now = words[at + 1]! * 2 ** 32 + words[at]!;
        if (!printer.done) printer.record(words, at, bytes);
      },
    });
    await printer.close(NEVER);
    assertSame(sink.text, (await replayed(file, ["packets", ...args])).text);
  });
}

Deno.test("diff compares groups of a recording", async () => {
  const same = await replayed(FILE, ["diff", "ether[20] & 1 = 0", "len < 10"]);
  assert.equal(same.status, 1);
  assert.match(same.text, /ether\[20\]/);
});

Deno.test("a recording that is damaged in its records is printed as far as it is whole, and fails", async () => {
  const bytes = Deno.readFileSync(FILE);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 1;
  const file = Deno.makeTempFileSync();
  Deno.writeFileSync(file, bytes);
  for (const command of [[], ["drops", "--path"], ["drops"], ["packets"]]) {
    const messages = new MessageList();
    const { status } = await replayed(file, command, messages);
    assert.equal(status, 1, command.join(" "));
    assert.match(
      messages.text,
      /The recording is damaged: .*; [\d,]+ events in front of that could be read/,
    );
  }
  Deno.removeSync(file);
});

Deno.test("a recording that was cut is printed as far as it is whole, and that is said", async () => {
  const bytes = Deno.readFileSync(FILE);
  const cut = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(cut, bytes.subarray(0, bytes.length - 300));
    const messages = new MessageList();
    const { text, status } = await replayed(cut, [], messages);
    assert.equal(status, 0);
    assert.ok((await replayed(FILE, [])).text.startsWith(text.slice(0, text.length - 5000)));
    assert.match(
      messages.text,
      / The recording was cut; 16,384 events in front of that could be read\n/,
    );
  } finally {
    Deno.removeSync(cut);
  }
});
