/**
 * Parsed values to an {@linkcode Invocation}: defaults, and options that conflict. Knows
 * no command framework.
 *
 * @module
 */

import {
  CHECK_OPTIONS,
  DIFF_OPTIONS,
  DISCOVERY_OPTIONS,
  DROPS_OPTIONS,
  EXPORT_OPTIONS,
  FUNCTIONS_OPTIONS,
  INFO_OPTIONS,
  INTERFACES_OPTIONS,
  type OptionValues,
  PACKETS_OPTIONS,
  RECORD_OPTIONS,
  TRACE_OPTIONS,
} from "./grammar.ts";
import { CONDITIONS, MAX_VALUES } from "../packet/conditions.ts";
import { EXPORT_FORMATS, SIGHTINGS } from "./invocation.ts";
import type {
  CaptureOptions,
  CheckOptions,
  DiffOptions,
  DiscoveryOptions,
  DropFormat,
  DropsOptions,
  ExportOptions,
  FlightChoice,
  Invocation,
  PacketsOptions,
  RecordOptions,
  Shell,
  ShowItem,
  SightingOptions,
  TraceOptions,
} from "./invocation.ts";

const DEFAULT_BUFFER_BYTES = 64 * 2 ** 20;

/** Values of options by long name, as parsed: {@linkcode OptionValues} of some command. */
export type GivenOptions = Readonly<Record<string, unknown>>;

/** A mistake of the user's; the message is a sentence without period. */
export class Misuse extends Error {
  override readonly name = "Misuse";
}

/**
 * The invocation for a command line.
 *
 * @param command name of the command in the grammar, empty for the trace
 * @param given its options
 * @param operand its parsed operand, `undefined` where there is none
 * @throws {Misuse} if options conflict
 */
export function interpret(command: string, given: GivenOptions, operand: unknown): Invocation {
  switch (command) {
    case "drops":
      return { command: "drops", options: dropsOptions(given, operand as string | undefined) };
    case "packets":
      return { command: "packets", options: packetsOptions(given, operand as string | undefined) };
    case "diff":
      return { command: "diff", options: diffOptions(given, operand as [string, string]) };
    case "record":
      return { command: "record", options: recordOptions(given, operand as string | undefined) };
    case "info": {
      const values = given as OptionValues<typeof INFO_OPTIONS>;
      return {
        command: "info",
        options: { file: operand as string, json: values.json ?? false },
      };
    }
    case "export":
      return {
        command: "export",
        options: exportOptions(given, operand as [string, string | undefined]),
      };
    case "functions": {
      const values = given as OptionValues<typeof FUNCTIONS_OPTIONS>;
      return {
        command: "functions",
        options: {
          ...discoveryOptions(values),
          json: values.json ?? false,
          skipped: values.skipped ?? false,
          debug: values.debug ?? false,
        },
      };
    }
    case "interfaces": {
      const values = given as OptionValues<typeof INTERFACES_OPTIONS>;
      return {
        command: "interfaces",
        options: { json: values.json ?? false, debug: values.debug ?? false },
      };
    }
    case "check":
      return { command: "check", options: checkOptions(given) };
    case "completions":
      return { command: "completions", shell: operand as Shell };
    default:
      return { command: "trace", options: traceOptions(given, operand as string | undefined) };
  }
}

/** The options that say what vrouter and the kernel are known by. */
type SourceValues = Pick<
  OptionValues<typeof DISCOVERY_OPTIONS>,
  "no-vrouter" | "vrouter-btf" | "kernel-btf"
>;

function sourceOptions(
  values: SourceValues,
): Pick<DiscoveryOptions, "kernelBtf" | "vrouterBtf" | "vrouter"> {
  if (values["no-vrouter"] && values["vrouter-btf"] !== undefined) {
    throw new Misuse("Options '--no-vrouter' and '--vrouter-btf' cannot be used together");
  }
  return {
    kernelBtf: values["kernel-btf"] ?? null,
    vrouterBtf: values["vrouter-btf"] ?? null,
    vrouter: !values["no-vrouter"],
  };
}

function discoveryOptions(values: OptionValues<typeof DISCOVERY_OPTIONS>): DiscoveryOptions {
  return {
    ...sourceOptions(values),
    functions: values.function ?? [],
    excludes: values.exclude ?? [],
  };
}

function checkOptions(values: OptionValues<typeof CHECK_OPTIONS>): CheckOptions {
  return {
    ...sourceOptions(values),
    backend: values.backend ?? "auto",
    json: values.json ?? false,
    color: values.color ?? "auto",
    debug: values.debug ?? false,
  };
}

/** Values of what all commands that trace have in common. */
type CaptureValues =
  & SourceValues
  & Pick<OptionValues<typeof DROPS_OPTIONS>, "backend">
  & OptionValues<Omit<typeof DIFF_OPTIONS, "json" | "help">>;

/** Options about how packets are recorded, which a recording has settled. */
const SETTLED = [
  "no-vrouter",
  "netns",
  "backend",
  "max-overhead",
  "buffer",
  "kernel-btf",
  "vrouter-btf",
  "ready-file",
] as const;

/** @throws {Misuse} if there is an option that makes no sense for a recording */
function requireReplayable(values: GivenOptions): void {
  const option = SETTLED.find((name) => values[name] !== undefined);
  if (option === undefined) return;
  throw new Misuse(
    `Option '--${option}' cannot be used with '--from': it is about how a trace is recorded`,
  );
}

function captureOptions(
  values: CaptureValues,
  expression: string | undefined,
): CaptureOptions {
  if (values.from !== undefined) requireReplayable(values);
  const interfaces = values.interface ?? [];
  // A slash makes it a vif: no network device has one in its name (dev_valid_name() in
  // net/core/dev.c).
  const vif = interfaces.find((name) => name.includes("/"));
  if (values["no-vrouter"] && vif !== undefined) {
    throw new Misuse(
      `Option '--no-vrouter' cannot be used with a vif such as ${JSON.stringify(vif)}`,
    );
  }
  if (values["no-vrouter"] && values.netns !== undefined) throw excluding("no-vrouter", "netns");
  for (const name of CONDITIONS) {
    const given = values[name];
    if (given === undefined) continue;
    if (values["no-vrouter"]) throw excluding("no-vrouter", name);
    if (given.length > MAX_VALUES) {
      throw new Misuse(
        `Option '--${name}' can be given at most ${MAX_VALUES} times, not ${given.length}`,
      );
    }
  }
  return {
    ...sourceOptions(values),
    from: values.from ?? null,
    interfaces,
    filters: {
      any: expression ?? null,
      outer: values.outer ?? null,
      inner: values.inner ?? null,
    },
    conditions: {
      vif: values.vif ?? [],
      vrf: values.vrf ?? [],
      nh: values.nh ?? [],
      label: values.label ?? [],
      vni: values.vni ?? [],
    },
    netns: values.netns ?? null,
    backend: values.backend ?? "auto",
    limit: values.limit ?? null,
    durationMs: values.duration ?? null,
    maxOverhead: values["max-overhead"] ?? null,
    bufferBytes: values.buffer ?? DEFAULT_BUFFER_BYTES,
    output: values.output === undefined || values.output === "-" ? null : values.output,
    readyFile: values["ready-file"] ?? null,
    debug: values.debug ?? false,
  };
}

function traceOptions(
  values: OptionValues<typeof TRACE_OPTIONS>,
  expression: string | undefined,
): TraceOptions {
  const show = showItems(values);
  if (values.plain && show.length > 0) throw excluding("plain", "show");
  if (values.limit === 1) {
    throw new Misuse(
      "Option '--limit' needs 2 rows at least: a call has one where it returns, too",
    );
  }
  const { format = "text" } = values;
  if (values.plain && format !== "text") {
    throw new Misuse("Option '--plain' needs '--format text': it is about rows");
  }
  if (show.length > 0 && format !== "text" && format !== "events") {
    throw new Misuse("Option '--show' needs '--format text' or 'events': it is about rows");
  }
  return {
    ...captureOptions(values, expression),
    ...discoveryOptions(values),
    sample: values.sample ?? 1,
    format,
    sightings: sightingOptions(values),
    plain: values.plain ?? false,
    show,
    color: values.color ?? "auto",
  };
}

/** What is shown of calls, or recorded of them, each item once. */
function showItems(
  values: { readonly show?: readonly ShowItem[][]; readonly "no-vrouter"?: boolean },
): ShowItem[] {
  const items = [...new Set(values.show?.flat())];
  const item = items.find((each) => each === "vif" || each === "nh");
  if (values["no-vrouter"] && item !== undefined) {
    throw new Misuse(`Option '--no-vrouter' cannot be used with '--show ${item}'`);
  }
  return items;
}

function dropsOptions(
  values: OptionValues<typeof DROPS_OPTIONS>,
  expression: string | undefined,
): DropsOptions {
  if (values.lines && values.json) throw excluding("lines", "json");
  const others = [
    "lines",
    "json",
    "hints",
    "interval",
    "no-lookups",
    "otlp",
    "listen",
    "textfile",
  ] as const;
  for (const name of others) {
    if (values.path && values[name]) throw excluding("path", name);
  }
  for (const name of ["listen", "textfile"] as const) {
    if (values.from === undefined || values[name] === undefined) continue;
    throw new Misuse(
      `Option '--${name}' cannot be used with '--from': metrics are of a trace that runs`,
    );
  }
  const format = dropFormat(values);
  if (values.hints && format === "none") {
    throw new Misuse("Option '--hints' needs '--lines', '--json' or '-o': no drops are printed");
  }
  if (values.interval !== undefined && values["no-vrouter"] && values.textfile === undefined) {
    throw new Misuse(
      "Option '--interval' cannot be used with '--no-vrouter', but for '--textfile'",
    );
  }
  if (values.backend !== undefined && !values.path) {
    throw new Misuse("Option '--backend' needs '--path': drops alone are seen in one way");
  }
  return {
    ...captureOptions(values, expression),
    reasons: values.reason ?? [],
    all: values.all ?? false,
    path: values.path ?? false,
    otlp: values.otlp ?? null,
    agent: agentOf(values),
    intervalMs: values.interval ?? null,
    lookups: !values["no-lookups"],
    failOnDrop: values["fail-on-drop"] ?? false,
    listen: values.listen ?? null,
    textfile: values.textfile ?? null,
    format,
    hints: values.hints ?? false,
    color: values.color ?? "auto",
  };
}

/** With metrics, drops are shown only where that is asked for. */
function dropFormat(values: OptionValues<typeof DROPS_OPTIONS>): DropFormat {
  if (values.json) return "json";
  if (values.lines) return "lines";
  const hasMetrics = values.listen !== undefined || values.textfile !== undefined;
  return hasMetrics && values.output === undefined ? "none" : "auto";
}

function packetsOptions(
  values: OptionValues<typeof PACKETS_OPTIONS>,
  expression: string | undefined,
): PacketsOptions {
  if (values.by && values.sort) throw excluding("by", "sort");
  if (values.rare && !values.by) {
    throw new Misuse("Option '--rare' needs '--by path': it is an order of paths");
  }
  for (const name of ["by", "sort"] as const) {
    if (values.calls && values[name]) throw excluding("calls", name);
  }
  if (values.show && !values.calls) {
    throw new Misuse("Option '--show' needs '--calls': it says what to show of calls");
  }
  if (values.backend !== undefined && !values.calls) {
    throw new Misuse(
      "Option '--backend' needs '--calls': without them, packets are seen in one way",
    );
  }
  if (values.hints && values.by) throw excluding("hints", "by");
  if (values["otlp-sample"] !== undefined && values.otlp === undefined) {
    throw new Misuse("Option '--otlp-sample' needs '--otlp URL': it says which packets to send");
  }
  return {
    ...captureOptions(values, expression),
    calls: values.calls ?? false,
    show: showItems(values),
    slower: values.slower ?? null,
    stages: values.stage ?? [],
    otlp: values.otlp ?? null,
    agent: agentOf(values),
    otlpSample: values["otlp-sample"] ?? null,
    order: values.sort ?? "end",
    by: values.by ?? null,
    rare: values.rare ?? false,
    json: values.json ?? false,
    hints: values.hints ?? false,
    quiet: values.quiet ?? false,
    color: values.color ?? "auto",
  };
}

function diffOptions(
  values: OptionValues<typeof DIFF_OPTIONS>,
  expressions: readonly [one: string, other: string],
): DiffOptions {
  return { ...captureOptions(values, undefined), expressions, json: values.json ?? false };
}

function recordOptions(
  values: OptionValues<typeof RECORD_OPTIONS>,
  expression: string | undefined,
): RecordOptions {
  const options = {
    ...captureOptions(values, expression),
    ...discoveryOptions(values),
    sample: values.sample ?? 1,
    show: showItems(values),
    rotate: values.rotate ?? null,
    keep: values.keep ?? null,
    flight: flightChoice(values),
  };
  if (options.keep !== null && options.rotate === null && options.flight === null) {
    throw new Misuse("Option '--keep' needs '--rotate' or '--ring': otherwise there is one file");
  }
  if (options.rotate !== null && options.output === null) {
    throw new Misuse("Option '--rotate' needs '--output FILE': stdout is one file");
  }
  return options;
}

/** Options that say nothing without `--ring`. */
const OF_FLIGHTS = ["trigger", "before", "after", "every", "max-disk", "otlp", "agent"] as const;

const DEFAULT_BEFORE_MS = 10_000;
const DEFAULT_AFTER_MS = 5000;
const DEFAULT_EVERY_MS = 60_000;
const DEFAULT_DISK_BYTES = 2 ** 30;
const NS_PER_MS = 1e6;

function flightChoice(values: OptionValues<typeof RECORD_OPTIONS>): FlightChoice | null {
  const { ring, trigger: triggers = [], before, after } = values;
  if (ring === undefined) {
    const option = OF_FLIGHTS.find((name) => values[name] !== undefined);
    if (option === undefined) return null;
    throw new Misuse(`Option '--${option}' needs '--ring': without it, all is written`);
  }
  for (const name of ["rotate", "limit"] as const) {
    if (values[name] !== undefined) throw excluding("ring", name);
  }
  if (values.output === undefined || values.output === "-") {
    throw new Misuse("Option '--ring' needs '--output DIR': each recording is a file of its own");
  }
  const longest = ring.ms ?? Infinity;
  if (before !== undefined && before > longest) {
    throw new Misuse("Option '--before' asks for more than '--ring' keeps");
  }
  const drops = triggers.filter((one) => one.on === "drop");
  const slower = triggers.filter((one) => one.on === "slower").map(({ ns }) => ns);
  if (values.otlp !== undefined && drops.length + slower.length === 0) {
    throw new Misuse(
      "Option '--otlp' needs '--trigger drop' or 'slower TIME': it sends what is such a trigger",
    );
  }
  if (slower.some((ns) => ns > longest * NS_PER_MS)) {
    throw new Misuse("A packet that takes longer than '--ring' keeps cannot be recorded");
  }
  return {
    ring,
    drops: drops.length === 0 ? null : {
      all: drops.some(({ reason }) => reason === null),
      reasons: drops.flatMap(({ reason }) => reason ?? []),
    },
    slowerNs: slower.length === 0 ? null : Math.min(...slower),
    loss: triggers.some(({ on }) => on === "loss"),
    beforeMs: before ?? Math.min(DEFAULT_BEFORE_MS, longest),
    afterMs: after ?? DEFAULT_AFTER_MS,
    everyMs: values.every ?? DEFAULT_EVERY_MS,
    keep: values.keep ?? null,
    maxDiskBytes: values["max-disk"] ?? DEFAULT_DISK_BYTES,
    otlp: values.otlp ?? null,
    agent: agentOf(values),
  };
}

/** Names are those of now, and in spans alone. */
function agentOf(
  values: { readonly agent?: string; readonly otlp?: string; readonly from?: string },
): string | null {
  if (values.agent === undefined) return null;
  if (values.otlp === undefined) {
    throw new Misuse("Option '--agent' needs '--otlp URL': names are in what is sent");
  }
  if (values.from !== undefined) {
    throw new Misuse("Option '--agent' cannot be used with '--from': vifs are others now");
  }
  return values.agent;
}

function exportOptions(
  values: OptionValues<typeof EXPORT_OPTIONS>,
  [from, expression]: readonly [file: string, expression: string | undefined],
): ExportOptions {
  if (values.format === undefined) {
    throw new Misuse(`Option '--format' is missing: give one of ${EXPORT_FORMATS.join(", ")}`);
  }
  if (values.calls && values.format !== "otlp") {
    throw new Misuse("Option '--calls' needs '--format otlp': other formats have the calls anyway");
  }
  return {
    from,
    format: values.format,
    sightings: sightingOptions(values),
    calls: values.calls ?? false,
    filters: { any: expression ?? null, outer: values.outer ?? null, inner: values.inner ?? null },
    functions: values.function ?? [],
    excludes: values.exclude ?? [],
    output: values.output === undefined || values.output === "-" ? null : values.output,
    debug: values.debug ?? false,
  };
}

function sightingOptions(
  values: Pick<OptionValues<typeof EXPORT_OPTIONS>, "at" | "link"> & { readonly format?: string },
): SightingOptions {
  for (const name of ["at", "link"] as const) {
    if (values[name] !== undefined && values.format !== "pcapng") {
      throw new Misuse(`Option '--${name}' needs '--format pcapng': it is about packets`);
    }
  }
  const cooked = values.link === "cooked";
  const places = values.at ?? ["all"];
  const word = SIGHTINGS.find((each) => places.includes(each));
  if (word === undefined) return { at: "functions", functions: places, cooked };
  if (places.length > 1) {
    throw new Misuse(`Option '--at ${word}' cannot be used with another '--at'`);
  }
  return { at: word, functions: [], cooked };
}

function excluding(one: string, other: string): Misuse {
  return new Misuse(`Options '--${one}' and '--${other}' exclude each other: drop one`);
}
