/**
 * The command line as data: every command with its options, their values and descriptions. The
 * parser (`program.ts`) and the completion scripts are generated from it, so they cannot disagree.
 *
 * @module
 */

import {
  CHECK_NOTES,
  COMPLETIONS_NOTES,
  DIFF_NOTES,
  DROPS_NOTES,
  EXPORT_NOTES,
  FUNCTIONS_NOTES,
  HELP_NOTES,
  INFO_NOTES,
  INTERFACES_NOTES,
  PACKETS_NOTES,
  RECORD_NOTES,
  TRACE_NOTES,
} from "./help_notes.ts";
import { REASON_WORDS } from "../vrouter/drop_reasons.ts";
import {
  BACKENDS,
  COLOR_CHOICES,
  EXPORT_FORMATS,
  FORMATS,
  LINKS,
  PACKET_GROUPINGS,
  PACKET_ORDERS,
  RECORDED_ITEMS,
  SHELLS,
  SHOW_ITEMS,
  SIGHTINGS,
} from "./invocation.ts";
import {
  parseAgent,
  parseBufferSize,
  parseChoice,
  parseChoices,
  parseCount,
  parseDuration,
  parseGlob,
  parseLatency,
  parseListenAddress,
  parseNumber,
  parsePercent,
  parseReceiver,
  parseRotate,
  parseSample,
  parseSize,
  parseStageTime,
  parseText,
  parseTextfile,
  parseTrigger,
  TRIGGER_WORDS,
} from "./values.ts";

/** What a shell completes a value with: files, network devices, the words of a list, or nothing. */
export type Completion = "file" | "device" | "none" | readonly string[];

/** The value of an option or the operand of a command. */
export interface ValueSpec<T = unknown> {
  /** Placeholder in the usage: `FILE`. */
  readonly name: string;
  readonly completion: Completion;
  /** Several words of the completion, separated by commas, are one value. */
  readonly list?: true;
  /** @throws {ValueError} when `text` is not a value */
  readonly parse: (text: string) => T;
}

/** One option; its long name is its key in {@linkcode OptionSpecs}. */
export interface OptionSpec {
  /** One letter, without dash. */
  readonly short?: string;
  /** Heading of its group in the help. */
  readonly group: string;
  /** Without capital and period, on one line. */
  readonly description: string;
  /** Absent for a switch. */
  readonly value?: ValueSpec;
  /** The option may be repeated; each adds a value. */
  readonly repeatable?: true;
}

/** Options of a command by their long names, without dashes, in the order of the help. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The operand of a command. */
export interface OperandSpec extends ValueSpec {
  readonly optional: boolean;
  /** It may be several words, which are joined by blanks. */
  readonly words?: true;
  /** What words may follow it, which are joined by blanks. */
  readonly then?: string;
  /** There must be so many of it; 1 by default. */
  readonly count?: number;
}

/** One command. */
export interface CommandSpec {
  /** Empty for the unnamed command. */
  readonly name: string;
  /** One line for lists of commands. */
  readonly summary: string;
  /** Sentences for the command's own help. */
  readonly description: string;
  readonly options: OptionSpecs;
  readonly operand?: OperandSpec;
  /** Text below the options in the command's own help. */
  readonly notes: string;
}

/** Values of parsed options by long name; absent if the option was not given. */
export type OptionValues<S extends OptionSpecs> = {
  readonly [K in keyof S]?: S[K] extends { readonly value: ValueSpec<infer T> }
    ? (S[K] extends { readonly repeatable: true } ? readonly T[] : T)
    : true;
};

/** Largest VRF of a packet: vp_vrf in vrouter has 16 bits, and the highest number means none. */
const MAX_VRF = 65534;
/** Largest id of a nexthop: nh_id in vrouter is a signed int. */
const MAX_NEXTHOP = 2 ** 31 - 1;
/** 20 bits (RFC 3032). */
const MAX_LABEL = 2 ** 20 - 1;
/** 24 bits (RFC 7348). */
const MAX_VNI = 2 ** 24 - 1;

const file: ValueSpec<string> = { name: "FILE", completion: "file", parse: parseText };
const expression: ValueSpec<string> = { name: "EXPR", completion: "none", parse: parseText };
const glob: ValueSpec<string> = { name: "GLOB", completion: "none", parse: parseGlob };

/** A number, of which the least is 0. */
const upTo = (most: number): ValueSpec<number> => ({
  name: "N",
  completion: "none",
  parse: parseNumber(most),
});

const SELECTION = "What to trace:";
const RUN = "How to trace:";
const OUTPUT = "Output:";
const BTF = "Debug info:";
const FLIGHT = "Flight recorder:";
const GENERAL = "General:";

const help = {
  help: { short: "h", group: GENERAL, description: "print this help" },
} as const satisfies OptionSpecs;

const debug = {
  debug: { group: OUTPUT, description: "log what vrft decides and why, and libbpf's messages" },
} as const satisfies OptionSpecs;

const json = {
  json: { group: OUTPUT, description: "print a JSON array instead of a table" },
} as const satisfies OptionSpecs;

const noVrouter = {
  "no-vrouter": {
    group: SELECTION,
    description: "trace plain network devices, without the vrouter module",
  },
} as const satisfies OptionSpecs;

const selection = {
  ...noVrouter,
  "function": {
    short: "f",
    group: SELECTION,
    description: "trace only functions whose name matches (repeatable)",
    value: glob,
    repeatable: true,
  },
  exclude: {
    short: "x",
    group: SELECTION,
    description: "skip functions whose name matches (repeatable)",
    value: glob,
    repeatable: true,
  },
} as const satisfies OptionSpecs;

const btf = {
  "kernel-btf": {
    group: BTF,
    description: "BTF of the kernel (default: /sys/kernel/btf/vmlinux)",
    value: file,
  },
  "vrouter-btf": {
    group: BTF,
    description: "BTF of the vrouter module (default: /sys/kernel/btf/vrouter, else " +
      "/tmp/vrouter.btf if only root can write it)",
    value: file,
  },
} as const satisfies OptionSpecs;

const backend = {
  backend: {
    group: RUN,
    description: `how to attach probes: ${
      BACKENDS.join(", ")
    } (default: auto, the best that works)`,
    value: { name: "BACKEND", completion: BACKENDS, parse: parseChoice(BACKENDS) },
  },
} as const satisfies OptionSpecs;

/** Options that select functions, shared by the trace and `vrft functions`. */
export const DISCOVERY_OPTIONS = { ...selection, ...btf } as const satisfies OptionSpecs;

/** Which packets, of every command that traces. */
const packets = {
  interface: {
    short: "i",
    group: SELECTION,
    description: "trace packets of this vif or network device, by name or as vif0/N " +
      "(repeatable; default: all vifs)",
    value: { name: "NAME", completion: "device", parse: parseText },
    repeatable: true,
  },
  outer: {
    group: SELECTION,
    description: "trace packets whose outer headers match (see below)",
    value: expression,
  },
  inner: {
    group: SELECTION,
    description: "trace packets that encapsulate one that matches (see below)",
    value: expression,
  },
  vif: {
    group: SELECTION,
    description: "trace packets that reach this vif at any time, by name, as vif0/N or by its " +
      "address (repeatable)",
    value: { name: "VIF", completion: "device", parse: parseText },
    repeatable: true,
  },
  vrf: {
    group: SELECTION,
    description: "trace packets that are in this VRF at any time (repeatable)",
    value: upTo(MAX_VRF),
    repeatable: true,
  },
  nh: {
    group: SELECTION,
    description: "trace packets that reach this nexthop at any time (repeatable)",
    value: upTo(MAX_NEXTHOP),
    repeatable: true,
  },
  label: {
    group: SELECTION,
    description: "trace packets that have this MPLS label at any time (repeatable)",
    value: upTo(MAX_LABEL),
    repeatable: true,
  },
  vni: {
    group: SELECTION,
    description: "trace packets that have this VXLAN network id at any time (repeatable)",
    value: upTo(MAX_VNI),
    repeatable: true,
  },
} as const satisfies OptionSpecs;

/** A recording in the place of the kernel. */
const from = {
  from: {
    group: SELECTION,
    description: "read this recording of vrft record instead (-: stdin); needs no root",
    value: file,
  },
} as const satisfies OptionSpecs;

const netns = {
  netns: {
    group: SELECTION,
    description: "file of the network namespace of the vifs' devices (default: the host's)",
    value: file,
  },
} as const satisfies OptionSpecs;

/** A limit of what is printed. */
const limitOf = (what: string) =>
  ({
    limit: {
      short: "n",
      group: RUN,
      description: `stop after N ${what}`,
      value: { name: "N", completion: "none", parse: parseCount },
    },
  }) as const satisfies OptionSpecs;

const run = {
  duration: {
    group: RUN,
    description: "stop after this time: 10s, 500ms, 2m, 1h; plain numbers are seconds",
    value: { name: "TIME", completion: "none", parse: parseDuration },
  },
  "max-overhead": {
    group: RUN,
    description: "stop when tracing uses more than this percentage of a CPU for a second: 50, " +
      "150% (see below)",
    value: { name: "PERCENT", completion: "none", parse: parsePercent },
  },
  buffer: {
    group: RUN,
    description: "size of the ring buffers, all CPUs together, 4k to 1G, rounded (default: 64M)",
    value: { name: "SIZE", completion: "none", parse: parseBufferSize },
  },
} as const satisfies OptionSpecs;

const output = {
  output: {
    short: "o",
    group: OUTPUT,
    description: "write the trace to this file (default: -, stdout)",
    value: file,
  },
} as const satisfies OptionSpecs;

/** For every command that colours its output. */
const color = {
  color: {
    group: OUTPUT,
    description:
      "colour output: auto (the default: on a terminal, unless NO_COLOR is set or TERM " +
      "is dumb), always, or never",
    value: { name: "WHEN", completion: COLOR_CHOICES, parse: parseChoice(COLOR_CHOICES) },
  },
} as const satisfies OptionSpecs;

/** For every command that prints trees of calls. */
const show = {
  show: {
    group: OUTPUT,
    description: `show more of each call: ${
      SHOW_ITEMS.join(", ")
    }, several separated by commas (see below; repeatable)`,
    value: { name: "LIST", completion: SHOW_ITEMS, list: true, parse: parseChoices(SHOW_ITEMS) },
    repeatable: true,
  },
} as const satisfies OptionSpecs;

const readyFile = {
  "ready-file": {
    group: OUTPUT,
    description: "create this file once every probe is live",
    value: file,
  },
} as const satisfies OptionSpecs;

const sample = {
  sample: {
    group: SELECTION,
    description: "trace one packet in N, with all its calls (default: 1, every packet)",
    value: { name: "N", completion: "none", parse: parseSample },
  },
} as const satisfies OptionSpecs;

/** Options of pcapng. */
const sightings = {
  at: {
    group: OUTPUT,
    description: "pcapng: packets where they are seen first, last, at a drop, in a call of this " +
      "FUNCTION (repeatable), or all (the default): first, and at a drop",
    value: { name: "PLACE", completion: SIGHTINGS, parse: parseText },
    repeatable: true,
  },
  link: {
    group: OUTPUT,
    description: "pcapng: link-layer headers of the packets' own (the default), or one that is " +
      "made up for all (cooked), on which tcpdump insists",
    value: { name: "TYPE", completion: LINKS, parse: parseChoice(LINKS) },
  },
} as const satisfies OptionSpecs;

/** Options of what is sent to a receiver of OpenTelemetry. */
const otlpOf = (what: string, group: string = OUTPUT) =>
  ({
    otlp: {
      group,
      description: `send ${what} to this receiver of OpenTelemetry, too: http://127.0.0.1:4318 ` +
        "(see below)",
      value: { name: "URL", completion: "none", parse: parseReceiver },
    },
    agent: {
      group,
      description: "with --otlp, ask the vRouter agent's introspect for the names of VMs and " +
        "virtual networks: http://127.0.0.1:8085",
      value: { name: "URL", completion: "none", parse: parseAgent },
    },
  }) as const satisfies OptionSpecs;

/** Options of the trace, the unnamed command. */
export const TRACE_OPTIONS = {
  ...from,
  ...packets,
  ...selection,
  ...netns,
  ...sample,
  ...backend,
  ...limitOf("rows"),
  ...run,
  ...btf,
  ...output,
  format: {
    group: OUTPUT,
    description: "text (the default), json, pcapng, perfetto (see vrft export), or events: JSON " +
      "lines, to debug vrft itself",
    value: { name: "FORMAT", completion: FORMATS, parse: parseChoice(FORMATS) },
  },
  ...sightings,
  ...show,
  plain: { group: OUTPUT, description: "text without reasons of drops, as vrftrace2 prints it" },
  ...color,
  ...readyFile,
  ...debug,
  ...help,
  version: { short: "v", group: GENERAL, description: "print the version" },
} as const satisfies OptionSpecs;

/** Options of `vrft drops`. */
export const DROPS_OPTIONS = {
  ...from,
  ...packets,
  reason: {
    group: SELECTION,
    description: "show only drops with this reason: as dropstats prints it or with dashes, as " +
      "no-l2-route, VP_DROP_* or SKB_DROP_REASON_* (repeatable)",
    value: { name: "REASON", completion: REASON_WORDS, parse: parseText },
    repeatable: true,
  },
  ...noVrouter,
  all: {
    group: SELECTION,
    description: "show also what is freed in the course of things, while the packet or its copy " +
      "goes on",
  },
  ...netns,
  path: {
    group: RUN,
    description: "show the calls that led to each drop, as vrft does: attaches to all functions",
  },
  ...backend,
  ...limitOf("drops"),
  ...run,
  interval: {
    group: RUN,
    description: "compare with the module's own counters this often, not only at the end; with " +
      "--textfile, write the file this often (default: 15s)",
    value: { name: "TIME", completion: "none", parse: parseDuration },
  },
  "no-lookups": {
    group: RUN,
    description:
      "leave out the flows and routes of drops: costs nothing for packets that are not " +
      "dropped, and leaves the module free to be unloaded",
  },
  "fail-on-drop": {
    group: RUN,
    description: "exit with status 1 if a packet was lost, or may have been (see below)",
  },
  ...btf,
  ...output,
  lines: {
    group: OUTPUT,
    description: "print a line for each drop (the default unless stdout is a terminal)",
  },
  json: { group: OUTPUT, description: "print a JSON object for each drop" },
  listen: {
    group: OUTPUT,
    description: "serve metrics for Prometheus here, as 127.0.0.1:9467 (see below)",
    value: { name: "HOST:PORT", completion: "none", parse: parseListenAddress },
  },
  textfile: {
    group: OUTPUT,
    description: "write metrics to this file, *.prom, for node_exporter (see below)",
    value: { name: "FILE", completion: "file", parse: parseTextfile },
  },
  hints: {
    group: OUTPUT,
    description: "print also the commands that tell more of each drop",
  },
  ...otlpOf("the drops"),
  ...color,
  ...readyFile,
  ...debug,
  ...help,
} as const satisfies OptionSpecs;

const jsonLines = {
  json: { group: OUTPUT, description: "print JSON lines: see docs/schema/packets.schema.json" },
} as const satisfies OptionSpecs;

/** Options of `vrft packets`. */
export const PACKETS_OPTIONS = {
  ...from,
  ...packets,
  slower: {
    group: SELECTION,
    description: "show only packets that take at least this time: 100us, 2ms, 1s",
    value: { name: "TIME", completion: "none", parse: parseLatency },
  },
  stage: {
    group: SELECTION,
    description: "show only packets that spend at least this time in a stage, as qdisc:1ms " +
      "(repeatable: in any of them)",
    value: { name: "NAME:TIME", completion: "none", parse: parseStageTime },
    repeatable: true,
  },
  ...netns,
  calls: {
    group: RUN,
    description: "show the calls of each packet, as vrft does: attaches to all functions",
  },
  ...backend,
  ...limitOf("packets; with --sort or --by, print the first N at the end"),
  ...run,
  ...btf,
  ...output,
  sort: {
    group: OUTPUT,
    description: "end (the default), or latency: the slowest first, when the trace has ended",
    value: { name: "ORDER", completion: PACKET_ORDERS, parse: parseChoice(PACKET_ORDERS) },
  },
  by: {
    group: OUTPUT,
    description: "group packets by the path that they took, and print the groups when the trace " +
      "has ended",
    value: { name: "WHAT", completion: PACKET_GROUPINGS, parse: parseChoice(PACKET_GROUPINGS) },
  },
  rare: { group: OUTPUT, description: "with --by, print the path of the fewest packets first" },
  show: { ...show.show, description: `with --calls, ${show.show.description}` },
  ...jsonLines,
  hints: {
    group: OUTPUT,
    description: "print also the commands that tell more of each drop",
  },
  ...otlpOf("packets"),
  "otlp-sample": {
    group: OUTPUT,
    description: "with --otlp, send one in N of the packets that are neither dropped nor what " +
      "--slower or --stage is about (default: all, or with these none)",
    value: { name: "N", completion: "none", parse: parseSample },
  },
  quiet: { short: "q", group: OUTPUT, description: "leave out the statistics at the end" },
  ...color,
  ...readyFile,
  ...debug,
  ...help,
} as const satisfies OptionSpecs;

/** Options of `vrft diff`. */
export const DIFF_OPTIONS = {
  ...from,
  ...packets,
  ...netns,
  ...limitOf("packets of each group"),
  ...run,
  ...btf,
  ...output,
  ...jsonLines,
  ...readyFile,
  ...debug,
  ...help,
} as const satisfies OptionSpecs;

/** Options of `vrft record`. */
export const RECORD_OPTIONS = {
  ...packets,
  ...selection,
  ...netns,
  ...sample,
  ...backend,
  ...limitOf("events"),
  ...run,
  ...btf,
  show: {
    group: OUTPUT,
    description: `record what --show shows of each call: ${
      RECORDED_ITEMS.join(", ")
    }, several separated by commas (repeatable)`,
    value: {
      name: "LIST",
      completion: RECORDED_ITEMS,
      list: true,
      parse: parseChoices(RECORDED_ITEMS),
    },
    repeatable: true,
  },
  output: {
    short: "o",
    group: OUTPUT,
    description: "write the recording to this file (default: -, stdout, which must be no " +
      "terminal); with --ring, recordings to this folder",
    value: file,
  },
  rotate: {
    group: OUTPUT,
    description: "begin a new file at this size (100M, 2G) or after this time (30s, 10m): " +
      "FILE.00000001.vrft and so on",
    value: { name: "SIZE|TIME", completion: "none", parse: parseRotate },
  },
  keep: {
    group: OUTPUT,
    description: "with --rotate or --ring, keep the last N files",
    value: { name: "N", completion: "none", parse: parseCount },
  },
  ring: {
    group: FLIGHT,
    description: "keep the latest in memory, so long (60s) or so much (500M), and write it when " +
      "a trigger or SIGUSR1 asks for it",
    value: { name: "TIME|SIZE", completion: "none", parse: parseRotate },
  },
  trigger: {
    group: FLIGHT,
    description: "write when a packet is dropped (drop, 'drop REASON'), takes at least a time " +
      "('slower 5ms'), or events are lost (loss) (repeatable)",
    value: { name: "WHAT", completion: TRIGGER_WORDS, parse: parseTrigger },
    repeatable: true,
  },
  before: {
    group: FLIGHT,
    description: "write what happened in this time before a trigger (default: 10s)",
    value: { name: "TIME", completion: "none", parse: parseDuration },
  },
  after: {
    group: FLIGHT,
    description: "go on writing for this time after it (default: 5s); each further trigger " +
      "starts that anew, up to three times as long in all",
    value: { name: "TIME", completion: "none", parse: parseDuration },
  },
  every: {
    group: FLIGHT,
    description: "leave at least this time between the triggers of two recordings, but for " +
      "SIGUSR1 (default: 1m)",
    value: { name: "TIME", completion: "none", parse: parseDuration },
  },
  "max-disk": {
    group: FLIGHT,
    description: "keep all recordings together below this size: remove the oldest, and end one " +
      "that has no room even so (default: 1G)",
    value: { name: "SIZE", completion: "none", parse: parseSize },
  },
  ...otlpOf("the drops and slow packets that are a trigger", FLIGHT),
  ...readyFile,
  ...debug,
  ...help,
} as const satisfies OptionSpecs;

/** Options of `vrft info`. */
export const INFO_OPTIONS = {
  json: { group: OUTPUT, description: "print a JSON object instead of lines" },
  ...help,
} as const satisfies OptionSpecs;

const { outer, inner } = packets;
const { function: functionGlob, exclude } = selection;

/** Options of `vrft export`. */
export const EXPORT_OPTIONS = {
  outer,
  inner,
  "function": functionGlob,
  exclude,
  format: {
    group: OUTPUT,
    description: `${EXPORT_FORMATS.join(", ")} (see below)`,
    value: { name: "FORMAT", completion: EXPORT_FORMATS, parse: parseChoice(EXPORT_FORMATS) },
  },
  ...sightings,
  calls: { group: OUTPUT, description: "otlp: also a span for each call of a packet" },
  output: {
    short: "o",
    group: OUTPUT,
    description: "write to this file (default: -, stdout)",
    value: file,
  },
  ...debug,
  ...help,
} as const satisfies OptionSpecs;

/** Options of `vrft functions`. */
export const FUNCTIONS_OPTIONS = {
  ...DISCOVERY_OPTIONS,
  skipped: { group: OUTPUT, description: "list the functions that are not traced, and why" },
  ...json,
  ...debug,
  ...help,
} as const satisfies OptionSpecs;

/** Options of `vrft interfaces`. */
export const INTERFACES_OPTIONS = { ...json, ...debug, ...help } as const satisfies OptionSpecs;

/** Options of `vrft check`. */
export const CHECK_OPTIONS = {
  ...noVrouter,
  ...backend,
  ...btf,
  json: { group: OUTPUT, description: "print a JSON object instead of lines" },
  ...color,
  ...debug,
  ...help,
} as const satisfies OptionSpecs;

/** The unnamed command. */
export const TRACE: CommandSpec = {
  name: "",
  summary: "trace packets",
  description: "Trace packets through the Tungsten Fabric vRouter and the kernel around it, " +
    "function by function. The trace goes to stdout, everything else to stderr. Needs root.",
  options: TRACE_OPTIONS,
  operand: { ...expression, optional: true, words: true },
  notes: TRACE_NOTES,
};

/** The named commands, in the order of the help. */
export const SUBCOMMANDS: readonly CommandSpec[] = [
  {
    name: "drops",
    summary: "show dropped packets, and why",
    description: "Show each packet that vRouter or the kernel drops: the reason in dropstats' " +
      "words, the vif, the packet, its flow and route. A table on a terminal, lines elsewhere. " +
      "Needs root.",
    options: DROPS_OPTIONS,
    operand: { ...expression, optional: true, words: true },
    notes: DROPS_NOTES,
  },
  {
    name: "packets",
    summary: "show the way of each packet, and how long it took",
    description: "Show what happened to each packet in vRouter: where it came in, what was " +
      "decided about it, what became of it, and how long each stage took. Needs root.",
    options: PACKETS_OPTIONS,
    operand: { ...expression, optional: true, words: true },
    notes: PACKETS_NOTES,
  },
  {
    name: "diff",
    summary: "compare the ways of two groups of packets",
    description: "Trace the packets that match either of two filters, and show where the ways of " +
      "the two groups part: the first decision that differs. Needs root.",
    options: DIFF_OPTIONS,
    operand: { ...expression, optional: false, count: 2 },
    notes: DIFF_NOTES,
  },
  {
    name: "record",
    summary: "record a trace to look at later",
    description: "Record all that a trace, drops and packets can show into a file: on any " +
      "Linux machine, without root, vrft makes each of them of it later. Needs root.",
    options: RECORD_OPTIONS,
    operand: { ...expression, optional: true, words: true },
    notes: RECORD_NOTES,
  },
  {
    name: "info",
    summary: "describe a recording",
    description: "Describe a recording: where and when it was made, what of, and whether it is " +
      "whole.",
    options: INFO_OPTIONS,
    operand: { ...file, optional: false },
    notes: INFO_NOTES,
  },
  {
    name: "export",
    summary: "write a recording in the format of another program",
    description: "Write a recording in the format of another program: Wireshark, Perfetto, " +
      "speedscope, trace-cmd, flame graphs, OpenTelemetry.",
    options: EXPORT_OPTIONS,
    operand: { ...file, optional: false, then: "EXPR" },
    notes: EXPORT_NOTES,
  },
  {
    name: "functions",
    summary: "list the functions that would be traced",
    description:
      "List the functions that would be traced: function, module, packet struct, argument " +
      "position and address.",
    options: FUNCTIONS_OPTIONS,
    notes: FUNCTIONS_NOTES,
  },
  {
    name: "interfaces",
    summary: "list the vifs of the vrouter module",
    description:
      "List the vifs of the vrouter module: index, name, OS device, type, VRF and packet " +
      "counters.",
    options: INTERFACES_OPTIONS,
    notes: INTERFACES_NOTES,
  },
  {
    name: "check",
    summary: "check whether this host can be traced",
    description: "Check whether tracing will work on this host: print what each check found, " +
      "and how to fix what is missing. Needs root.",
    options: CHECK_OPTIONS,
    notes: CHECK_NOTES,
  },
  {
    name: "completions",
    summary: "print a completion script for a shell",
    description: "Print a completion script for a shell, to source or to install.",
    options: help,
    operand: {
      name: SHELLS.join("|"),
      completion: SHELLS,
      parse: parseChoice(SHELLS),
      optional: false,
    },
    notes: COMPLETIONS_NOTES,
  },
  {
    name: "help",
    summary: "print the help of a command",
    description: "Print the help of vrft, or of one of its commands.",
    options: help,
    operand: {
      name: "command",
      completion: [
        "drops",
        "packets",
        "diff",
        "record",
        "info",
        "export",
        "functions",
        "interfaces",
        "check",
        "completions",
      ],
      parse: parseText,
      optional: true,
    },
    notes: HELP_NOTES,
  },
];

/** Every command, the unnamed one first. */
export const COMMANDS: readonly CommandSpec[] = [TRACE, ...SUBCOMMANDS];

/** How an option is written: `["-n", "--limit"]`. */
export function flagsOf(long: string, { short }: OptionSpec): readonly string[] {
  return short === undefined ? [`--${long}`] : [`-${short}`, `--${long}`];
}
