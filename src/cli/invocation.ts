/**
 * What the command line asks for, as plain data: the seam between the command framework
 * (`program.ts`) and the commands. Knows neither.
 *
 * @module
 */

import type { Conditions } from "../packet/conditions.ts";
import type { Expressions } from "../packet/expression.ts";
import type { ListenAddress, RotateValue, StageTime } from "./values.ts";

/** How probes are attached; `auto` takes the best one that works on this kernel. */
export const BACKENDS = ["auto", "trampoline", "session", "multi", "kprobe"] as const;

/** One of {@linkcode BACKENDS}. */
export type BackendChoice = typeof BACKENDS[number];

/** Formats of the trace, all of which are written as it goes on: see `src/output/views.ts`. */
export const FORMATS = ["text", "json", "pcapng", "perfetto", "events"] as const;

/** One of {@linkcode FORMATS}. */
export type FormatName = typeof FORMATS[number];

/** Formats that a recording can be exported to. */
export const EXPORT_FORMATS = [
  "text",
  "json",
  "pcapng",
  "perfetto",
  "speedscope",
  "trace.dat",
  "collapsed",
  "html",
  "otlp",
] as const;

/** One of {@linkcode EXPORT_FORMATS}. */
export type ExportFormat = typeof EXPORT_FORMATS[number];

/** Where packets are seen that pcapng has; anything else is the name of a function. */
export const SIGHTINGS = ["all", "first", "last", "drop"] as const;

/** Link-layer headers of pcapng: the packets' own, or a made-up one for all. */
export const LINKS = ["own", "cooked"] as const;

/** Which sightings of packets pcapng has. */
export interface SightingOptions {
  readonly at: typeof SIGHTINGS[number] | "functions";
  /** Their names. */
  readonly functions: readonly string[];
  /** Whether all have the same made-up header. */
  readonly cooked: boolean;
}

/** What is not asked for otherwise. */
export const ALL_SIGHTINGS: SightingOptions = { at: "all", functions: [], cooked: false };

/** What can be shown of calls besides their names. */
export const SHOW_ITEMS = ["duration", "return", "packet", "vif", "nh"] as const;

/** One of {@linkcode SHOW_ITEMS}. */
export type ShowItem = typeof SHOW_ITEMS[number];

/** Those that a recording only has if it was asked for: they make records longer. */
export const RECORDED_ITEMS = ["return", "vif", "nh"] as const satisfies readonly ShowItem[];

/** When output is coloured; `auto` is on a terminal, unless NO_COLOR is set or TERM is dumb. */
export const COLOR_CHOICES = ["auto", "always", "never"] as const;

/** One of {@linkcode COLOR_CHOICES}. */
export type ColorChoice = typeof COLOR_CHOICES[number];

/** Shells that completions can be written for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of {@linkcode SHELLS}. */
export type Shell = typeof SHELLS[number];

/** Options about what vrouter and the kernel are known by. */
export interface SourceChoice {
  /** BTF of the kernel; `null` for /sys/kernel/btf/vmlinux. */
  readonly kernelBtf: string | null;
  /** BTF of the vrouter module; `null` for the default paths. */
  readonly vrouterBtf: string | null;
  /** False with `--no-vrouter`: the module is neither needed nor looked for. */
  readonly vrouter: boolean;
}

/** Options about which functions count, shared by `vrft` and `vrft functions`. */
export interface DiscoveryOptions extends SourceChoice {
  /** Globs of function names to keep; none keeps all. */
  readonly functions: readonly string[];
  /** Globs of function names to leave out; they win over {@linkcode functions}. */
  readonly excludes: readonly string[];
}

/** Options of every command that traces packets. */
export interface CaptureOptions extends SourceChoice {
  /** A recording to read instead of the kernel, `-` for stdin; `null` for the kernel. */
  readonly from: string | null;
  /** Names of vifs or network devices, or `vif0/N`; empty for all vifs. */
  readonly interfaces: readonly string[];
  /** Packet filters, not yet compiled. */
  readonly filters: Expressions;
  /** Conditions on packets, with names, numbers or addresses of vifs. */
  readonly conditions: Conditions<string>;
  /** File of the network namespace of the vifs' devices; `null` to detect it. */
  readonly netns: string | null;
  readonly backend: BackendChoice;
  /** Rows, drops or packets to print before ending; `null` for no limit. */
  readonly limit: number | null;
  /** Milliseconds of tracing before ending; `null` for no limit. */
  readonly durationMs: number | null;
  /** Per cent of one CPU that tracing may take; `null` for no limit. */
  readonly maxOverhead: number | null;
  /** Bytes of the ring buffers of all CPUs together: a power of two, at least a page. */
  readonly bufferBytes: number;
  /** File that the trace goes to instead of stdout. */
  readonly output: string | null;
  /** File created once every probe is live. */
  readonly readyFile: string | null;
  /** Also log how decisions were made, and libbpf's own messages. */
  readonly debug: boolean;
}

/** Options of the trace, the command without a name. */
export interface TraceOptions extends CaptureOptions, DiscoveryOptions {
  /** One packet in so many is traced; 1 for all. */
  readonly sample: number;
  readonly format: FormatName;
  readonly sightings: SightingOptions;
  /** Text without what vrftrace2 does not show. */
  readonly plain: boolean;
  /** What is shown of calls besides their names, each once. */
  readonly show: readonly ShowItem[];
  readonly color: ColorChoice;
}

/** Options of `vrft record`. */
export interface RecordOptions extends CaptureOptions, DiscoveryOptions {
  /** One packet in so many is recorded; 1 for all. */
  readonly sample: number;
  /** What of calls is recorded besides, each once: some of {@linkcode RECORDED_ITEMS}. */
  readonly show: readonly ShowItem[];
  /** When the next file begins; `null` for one file. */
  readonly rotate: RotateValue | null;
  /** Number of files to keep; `null` for all. */
  readonly keep: number | null;
  /** What to keep in memory, and when to write it; `null` to write all. */
  readonly flight: FlightChoice | null;
}

/** Options of a flight recorder. */
export interface FlightChoice {
  /** What to keep; the other is `null`. */
  readonly ring: RotateValue;
  /** Drops that are a trigger; `null` for none. */
  readonly drops: { readonly all: boolean; readonly reasons: readonly string[] } | null;
  /** Nanoseconds from which on a packet is one; `null` for none. */
  readonly slowerNs: number | null;
  /** Whether lost events are. */
  readonly loss: boolean;
  /** What a recording has before and after its trigger. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Least time between recordings. */
  readonly everyMs: number;
  /** Number of files, and bytes of all of them. */
  readonly keep: number | null;
  readonly maxDiskBytes: number;
  /** Address of a receiver of OpenTelemetry for the drops and slow packets that are a trigger; `null` for none. */
  readonly otlp: string | null;
  /** Address of the agent's introspect, for names in what is sent; `null` for none. */
  readonly agent: string | null;
}

/** Options of `vrft info`. */
export interface InfoOptions {
  /** The recording. */
  readonly file: string;
  readonly json: boolean;
}

/** Options of `vrft export`. */
export interface ExportOptions {
  /** The recording; `-` for stdin. */
  readonly from: string;
  readonly format: ExportFormat;
  readonly sightings: SightingOptions;
  /** Whether packets have their calls. */
  readonly calls: boolean;
  /** Packet filters, not yet compiled. */
  readonly filters: Expressions;
  /** Globs of function names to keep, and to leave out. */
  readonly functions: readonly string[];
  readonly excludes: readonly string[];
  /** File that the export goes to; `null` for stdout. */
  readonly output: string | null;
  readonly debug: boolean;
}

/** How drops are shown; `auto` is a table on a terminal, and lines elsewhere; `none` only counts them. */
export type DropFormat = "auto" | "lines" | "json" | "none";

/** Options of `vrft drops`. */
export interface DropsOptions extends CaptureOptions {
  /** Reasons to show, as the user calls them; none shows all. */
  readonly reasons: readonly string[];
  /** Also show what is freed in the course of things. */
  readonly all: boolean;
  /** Show the calls that led to a drop. */
  readonly path: boolean;
  /** Address of a receiver of OpenTelemetry that drops are sent to; `null` for none. */
  readonly otlp: string | null;
  /** Address of the agent's introspect, for names in what is sent; `null` for none. */
  readonly agent: string | null;
  /**
   * Milliseconds between comparisons with the module's counters; `null` to compare at the end. With
   * {@linkcode textfile}, between two times it is written; `null` for a default.
   */
  readonly intervalMs: number | null;
  /** Where metrics are served; `null` for nowhere. */
  readonly listen: ListenAddress | null;
  /** File that metrics are written to; `null` for none. */
  readonly textfile: string | null;
  /** Whether flows and routes of dropped packets are to be known. */
  readonly lookups: boolean;
  /** Fail if a packet was lost. */
  readonly failOnDrop: boolean;
  readonly format: DropFormat;
  /** Print the commands that tell more. */
  readonly hints: boolean;
  readonly color: ColorChoice;
}

/** Orders of packets: that of their ends, or the slowest first once the trace has ended. */
export const PACKET_ORDERS = ["end", "latency"] as const;

/** One of {@linkcode PACKET_ORDERS}. */
export type PacketOrder = typeof PACKET_ORDERS[number];

/** What packets can be grouped by. */
export const PACKET_GROUPINGS = ["path"] as const;

/** One of {@linkcode PACKET_GROUPINGS}. */
export type PacketGrouping = typeof PACKET_GROUPINGS[number];

/** Options of `vrft packets`. */
export interface PacketsOptions extends CaptureOptions {
  /** Attach to all functions, and show the calls of each packet. */
  readonly calls: boolean;
  /** What is shown of the calls besides their names, each once. */
  readonly show: readonly ShowItem[];
  /** Show only packets that take at least so many nanoseconds; `null` for all. */
  readonly slower: number | null;
  /** Show only packets of which one of these stages takes that long; none for all. */
  readonly stages: readonly StageTime[];
  /** Address of a receiver of OpenTelemetry that packets are sent to; `null` for none. */
  readonly otlp: string | null;
  /** Address of the agent's introspect, for names in what is sent; `null` for none. */
  readonly agent: string | null;
  /** One packet in so many is sent that is neither dropped nor slow; `null` for the default. */
  readonly otlpSample: number | null;
  readonly order: PacketOrder;
  /** Show groups of packets instead; `null` to show each. */
  readonly by: PacketGrouping | null;
  /** Groups: the smallest first. */
  readonly rare: boolean;
  readonly json: boolean;
  /** Print the commands that tell more of drops. */
  readonly hints: boolean;
  /** Leave out the statistics at the end. */
  readonly quiet: boolean;
  readonly color: ColorChoice;
}

/** Options of `vrft diff`. */
export interface DiffOptions extends CaptureOptions {
  /** Filters of the two groups of packets, not yet compiled. */
  readonly expressions: readonly [one: string, other: string];
  readonly json: boolean;
}

/** Options of `vrft functions`. */
export interface FunctionsOptions extends DiscoveryOptions {
  readonly json: boolean;
  /** List what is left out, with the reason, instead of what is traced. */
  readonly skipped: boolean;
  readonly debug: boolean;
}

/** Options of `vrft check`. */
export interface CheckOptions extends SourceChoice {
  readonly backend: BackendChoice;
  readonly json: boolean;
  readonly color: ColorChoice;
  readonly debug: boolean;
}

/** Options of `vrft interfaces`. */
export interface InterfacesOptions {
  readonly json: boolean;
  readonly debug: boolean;
}

/** One parsed command line. */
export type Invocation =
  | { readonly command: "trace"; readonly options: TraceOptions }
  | { readonly command: "drops"; readonly options: DropsOptions }
  | { readonly command: "packets"; readonly options: PacketsOptions }
  | { readonly command: "diff"; readonly options: DiffOptions }
  | { readonly command: "record"; readonly options: RecordOptions }
  | { readonly command: "info"; readonly options: InfoOptions }
  | { readonly command: "export"; readonly options: ExportOptions }
  | { readonly command: "functions"; readonly options: FunctionsOptions }
  | { readonly command: "interfaces"; readonly options: InterfacesOptions }
  | { readonly command: "check"; readonly options: CheckOptions }
  | { readonly command: "completions"; readonly shell: Shell }
  /** Text for stdout as it stands, and exit status 0: help and version. */
  | { readonly command: "show"; readonly text: string }
  /** Text for stderr as it stands, and exit status 2: a bad command line. */
  | { readonly command: "misuse"; readonly text: string };
