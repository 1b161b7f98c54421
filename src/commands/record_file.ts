/**
 * `vrft record`: takes a trace into a file, from which every view can be made later.
 *
 * @module
 */

import { ALL_SIGHTINGS, type RecordOptions, type TraceOptions } from "../cli/invocation.ts";
import type { Btf } from "../kernel/btf.ts";
import type { Log } from "../output/log.ts";
import { summarizeRecording } from "../output/recording_summary.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { ObjectReader } from "../probe/backend.ts";
import { zlib } from "../recording/node_zlib.ts";
import type { OccurringDevices } from "../recording/device_names.ts";
import type { OccurringFunctions } from "../recording/occurring_functions.ts";
import type { Section } from "../recording/sections.ts";
import { monotonicClock } from "../sys/clock.ts";
import { Failure } from "../sys/failure.ts";
import { DROP_STATS_MESSAGE, dropCounterFields } from "../vrouter/drop_stats.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { NexthopCache, nexthopSource } from "../vrouter/nexthop_cache.ts";
import type { Nexthop } from "../vrouter/nexthops.ts";
import { readDropCounters } from "./drop_counters.ts";
import { record } from "./record.ts";
import { RecordingPrinter, type RecordingPrinterOptions, rotationTo } from "./record_output.ts";
import {
  clockPair,
  firstSections,
  nexthopSection,
  occurringDevices,
  occurringFunctions,
  type RecordedTrace,
  vifSections,
} from "./record_sections.ts";
import { DropStatsReader } from "./recorded_drop_stats.ts";
import { session, type Surroundings, type TraceSignals } from "./session.ts";
import { type PreparedTrace, prepareTrace } from "./trace.ts";
import type { Output } from "./trace_output.ts";
import { attach } from "./trace_setup.ts";

/** All that there is to record. */
const ALL = { packets: true, drops: true, kernelDrops: true, decisions: true };

/**
 * Records until the user, a limit or a closed output ends it.
 *
 * @param filter those of the options, compiled
 * @param version of vrft
 * @param readObject reads a BPF object of this program; called once it is clear that tracing can start
 * @returns exit status
 * @throws {Failure} if tracing is impossible
 */
export async function runRecord(
  options: RecordOptions,
  filter: PacketFilter | null,
  version: string,
  log: Log,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  if (options.output === null && Deno.stdout.isTerminal()) {
    throw new Failure(
      "usage",
      "Cannot write a recording to a terminal: name a file (-o FILE.vrft), or write to a pipe",
    );
  }
  return await session(options, log, signals, async (around) => {
    // A folder that is not there is found before attaching, and node:zlib is loaded.
    const rotation = options.rotate === null
      ? null
      : rotationTo(options.output!, { ...options.rotate, keep: options.keep });
    zlib();
    const target = rotation === null ? options : { ...options, output: null };
    const ready = await prepareRecording(target, filter, readObject, around);
    const dropStats = isWhole(options) && filter === null
      ? dropStatsReader(ready.vrouter, around)
      : null;
    dropStats?.take();
    await attach(ready.tracer, ready.targets.length, around);
    return { ...ready, rotation, dropStats };
  }, async (ready, around) => {
    const { tracer, output, rotation, dropStats } = ready;
    const printer = new RecordingPrinter({
      to: rotation === null ? output : nowhere(options.output!),
      rotation,
      ...sectionSources({ ...ready, options, version }, around, nexthopsOf(around)),
      readings: dropStats,
      last(): readonly Section[] {
        dropStats?.take();
        const value = dropStats?.stats ?? null;
        return value === null ? [] : [{ name: "dropstats", value }];
      },
      counts: () => tracer.counts(),
      limit: options.limit,
      log,
    });
    return await record({
      tracer,
      printer,
      options,
      signals,
      around,
      companion: {
        begin: () => dropStats?.take(),
        turn: () => printer.turn(),
        end: () => dropStats?.take(),
        quit: new AbortController().signal,
        watched: [],
      },
      summary: (overhead) => summarizeRecording(printer.written, tracer.counts(), overhead),
    });
  });
}

/** Loads the programs that record everything. The output is that of the options. */
export function prepareRecording(
  options: RecordOptions,
  filter: PacketFilter | null,
  readObject: ObjectReader,
  around: Surroundings,
): Promise<PreparedTrace> {
  const trace: TraceOptions = {
    ...options,
    format: "text",
    sightings: ALL_SIGHTINGS,
    plain: false,
    color: "never",
  };
  return prepareTrace(trace, ALL, filter, readObject, around);
}

/**
 * What a recording starts with, what is added now and then (the clocks, and vifs that have changed), and what
 * names the functions in records.
 */
export function sectionSources(
  trace: RecordedTrace,
  { log, vifWatch }: Surroundings,
  nexthops: NexthopCache | null,
): Pick<RecordingPrinterOptions, "first" | "more"> & {
  readonly functions: OccurringFunctions;
  readonly devices: OccurringDevices;
} {
  const { vifs, namespaces } = trace.selection;
  const vifsBefore = new Changes(vifNames, vifs ?? []);
  let nexthopsBefore: Changes<Nexthop> | null = null;
  return {
    functions: occurringFunctions(trace),
    devices: occurringDevices(namespaces, () => vifWatch?.vifs ?? []),
    first: () => firstSections(trace, log),
    more(isRegular): readonly Section[] {
      const sections: Section[] = isRegular ? [{ name: "clocks", value: [clockPair()] }] : [];
      const present = vifWatch?.vifs ?? [];
      if (vifsBefore.hasChanged(present)) sections.push(...vifSections(present, namespaces));
      nexthops?.turn();
      const listed = nexthops?.all ?? [];
      if (listed.length === 0) return sections;
      // The first are those at the start.
      nexthopsBefore ??= new Changes((all) => JSON.stringify(all), listed);
      if (nexthopsBefore.hasChanged(listed)) sections.push(nexthopSection(listed));
      return sections;
    },
  };
}

/** Tells whether a list has changed, which costs something only if it is another array. */
class Changes<T> {
  readonly #words: (all: readonly T[]) => string;
  #list: readonly T[];
  #known: string;

  /** @param words what counts of the list */
  constructor(words: (all: readonly T[]) => string, list: readonly T[]) {
    this.#words = words;
    this.#list = list;
    this.#known = words(list);
  }

  /** Whether it is not what it was when that was asked last. */
  hasChanged(list: readonly T[]): boolean {
    if (list === this.#list) return false;
    this.#list = list;
    const before = this.#known;
    this.#known = this.#words(list);
    return this.#known !== before;
  }
}

/** Whether one file has all packets, apart from filters: else the counters would be of others, too. */
function isWhole(options: RecordOptions): boolean {
  const { vrouter, interfaces, conditions, functions, excludes, sample, limit, rotate } = options;
  const chosen = [interfaces, functions, excludes, ...Object.values(conditions)];
  return vrouter && chosen.every(({ length }) => length === 0) && sample === 1 && limit === null &&
    rotate === null;
}

/** Reads the counters of all packets, and of the vifs that there are. */
function dropStatsReader(vrouter: Btf | null, { vifWatch, log }: Surroundings): DropStatsReader {
  const fields = dropCounterFields(vrouter?.memberNames(DROP_STATS_MESSAGE) ?? []);
  const indexes = (): number[] => (vifWatch?.vifs ?? []).map(({ index }) => index);
  const clock = monotonicClock();
  return new DropStatsReader({
    read: (withVifs) => readDropCounters(withVifs ? indexes() : [], fields),
    time: () => BigInt(Math.round(clock())),
    now: () => performance.now(),
  }, log);
}

/** The nexthops of the traced module; `null` without one. */
function nexthopsOf({ vifWatch, vrouter }: Surroundings): NexthopCache | null {
  return vifWatch === null
    ? null
    : new NexthopCache(nexthopSource(() => vrouter?.isSame() ?? false));
}

/** What views show of vifs, without their counters. */
function vifNames(vifs: readonly Vif[]): string {
  return vifs.map(({ index, name, ifindex, vrf }) => `${index} ${name} ${ifindex} ${vrf}`)
    .join("\n");
}

/** In the place of an output where files are opened one after the other. */
function nowhere(name: string): Output {
  const nothing = (): void => {};
  return {
    sink: { write: (bytes) => Promise.resolve(bytes.length) },
    name: JSON.stringify(name),
    canTravel: false,
    connections: () => [],
    begin: nothing,
    [Symbol.dispose]: nothing,
  };
}
