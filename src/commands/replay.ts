/**
 * Feeds a recording to what prints a trace.
 *
 * @module
 */

import type { CaptureOptions, ShowItem } from "../cli/invocation.ts";
import type { ResultType } from "../kernel/result_type.ts";
import { localDateTime } from "../output/drops/wall_clock.ts";
import type { Log } from "../output/log.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { MATCH, NO_MATCH, UNDECIDED } from "../packet/ebpf.ts";
import { packetMatches } from "../packet/packet_match.ts";
import { TIMESTAMP_HIGH, TIMESTAMP_LOW } from "../probe/record.ts";
import { resultsOf } from "../recording/results.ts";
import type { RecordingReader } from "../recording/reader.ts";
import type {
  KnownSections,
  RecordedDropStats,
  RecordedFunction,
  RecordedWords,
  Section,
  Selection,
} from "../recording/sections.ts";
import { type Survey, survey } from "../recording/survey.ts";
import { kallsymsOf, RecordedEnums } from "../recording/words.ts";
import type { MemberPlace } from "../kernel/btf.ts";
import { Failure } from "../sys/failure.ts";
import { counted } from "../sys/amount.ts";
import { dropWords } from "../trace/drop_words.ts";
import type { DropSources } from "../trace/drops.ts";
import type { EventSink } from "../trace/events.ts";
import { PacketTable } from "../trace/packets.ts";
import { PacketSample } from "../trace/packet_sample.ts";
import { type PacketDecision, RecordFilter } from "../trace/record_filter.ts";
import type { SlowOutput, TraceCounts } from "../trace/tracer.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import type { Nexthop } from "../vrouter/nexthops.ts";
import type { OtlpExport } from "./otlp_export.ts";
import { openTwice, readerOf, requireOther, type TwiceRecording } from "./recordings.ts";
import { ReplayChoice } from "./replay_choice.ts";
import type { TracePrinter } from "./running_trace.ts";
import type { TraceSignals } from "./session.ts";

const TWO_32 = 2 ** 32;
/** Nanoseconds for open calls to return after the row limit is reached, as in a trace. */
const LIMIT_GRACE_NS = 1e9;
/** Nanoseconds between two looks at what has waited for too long, as in a trace. */
const DRY_NS = 1e8;
const NS_PER_MS = 1e6;
const NO_WORDS: RecordedWords = { kernel: [], vrouter: [] };
/** What is shown of calls that not every recording has. */
const WHAT: { readonly [item in ShowItem]?: string } = {
  return: "what calls return",
  vif: "the vifs of calls",
  nh: "the nexthops of calls",
};

const NO_VIFS: readonly Vif[] = [];
const NO_NEXTHOPS: readonly Nexthop[] = [];

/** What prints a replay: see `Printer`. */
export type ReplayPrinter = TracePrinter & SlowOutput;

/** Options of commands that say what is shown of a recording. */
export interface ReplayOptions
  extends Pick<CaptureOptions, "interfaces" | "conditions" | "durationMs" | "output"> {
  /** One packet in so many; 1, the default, for all. */
  readonly sample?: number;
}

/** Those of commands without such options. */
export const ALL_PACKETS: Omit<ReplayOptions, "output"> = {
  interfaces: [],
  conditions: { vif: [], vrf: [], nh: [], label: [], vni: [] },
  durationMs: null,
};

/** A recording that is read twice: what it refers to, and its records. */
export class Replay implements Disposable {
  readonly survey: Survey;
  /** How the user ends what is shown of it. */
  readonly signals: TraceSignals;
  /** All that the recording says, as it is at its end. */
  readonly sections: KnownSections;
  readonly functions: readonly RecordedFunction[];
  /** Which packets are shown. */
  readonly choice: ReplayChoice;
  readonly #limits: ReplayOptions;
  #isCut = false;
  /** What the wall clock is ahead of the clock of records, in nanoseconds. */
  readonly wallOffset: bigint;
  readonly #reader: RecordingReader;
  readonly #resources: DisposableStack;
  /** Time of the latest record. */
  #now = 0;
  /** Told of sections in their places among the records, and when {@linkcode now} changes, before the record. */
  watch: { section(section: Section): void; time(): void } | null = null;
  /** With a filter, all packets of the recording, by whose numbers those are called that match. */
  readonly numbers: PacketTable = new PacketTable();
  #filter: RecordFilter | null = null;
  #sample: PacketSample | null = null;
  #listed: readonly Nexthop[] = NO_NEXTHOPS;
  #nexthops: ReadonlyMap<number, Nexthop> = new Map();

  /**
   * Opens a recording, and reads all that it says.
   *
   * @param path `-` for stdin
   * @param options which packets are chosen, and the file that will be written
   * @throws {Failure} `recording` if it is none, or one that this version cannot read; `interfaces` if it has
   *   no such vif or device
   */
  static async open(
    path: string,
    options: ReplayOptions,
    log: Log,
    signals: TraceSignals,
  ): Promise<Replay> {
    requireOther(path, options.output);
    return new Replay(await openTwice(path, log, signals), options);
  }

  /** @throws as {@linkcode Replay.open}, with the recording closed */
  private constructor(open: TwiceRecording, options: ReplayOptions) {
    using resources = new DisposableStack();
    resources.use(open);
    this.signals = open.signals;
    const first = readerOf(open);
    this.survey = survey(first);
    this.sections = first.sections;
    this.functions = this.sections.get("functions") ?? [];
    const clock = this.sections.get("clocks")?.[0];
    this.wallOffset = clock === undefined
      ? 0n
      : BigInt.asIntN(62, clock.realtime - clock.monotonic);
    open.source.rewind!();
    this.#reader = readerOf(open);
    this.#limits = options;
    this.choice = new ReplayChoice(options, {
      sections: this.sections,
      allVifs: this.survey.allVifs,
      vifs: this.vifs,
      hasVrouter: this.hasVrouter,
      conditional: this.isConditional,
      callsHavePlaces: this.#recorded.has("vif"),
      functionCount: this.functions.length,
    });
    this.#resources = resources.move();
  }

  /** Nanoseconds of the clock of records: the time of the latest. */
  get now(): () => number {
    return () => this.#now;
  }

  /** When it was begun, in nanoseconds of the same clock. */
  get start(): number {
    return Number(this.sections.get("clocks")?.[0]?.monotonic ?? this.survey.times?.first ?? 0n);
  }

  /** What was recorded. */
  get selection(): Selection {
    return this.sections.get("selection") ?? {};
  }

  /** Whether a record says which packets count: those that meet conditions, the recording's or the user's. */
  get conditional(): boolean {
    return this.choice.conditional;
  }

  /** Whether it was ended before its end, by the time that the user gave. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Whether the recording has packets that do not meet its conditions, and says which do. */
  get isConditional(): boolean {
    return ["vif", "vrf", "nh", "label", "vni"].some((name) => {
      const values = this.selection[name];
      return Array.isArray(values) && values.length > 0;
    });
  }

  /**
   * What functions return, in their order, if that is to be shown; else empty.
   *
   * @param items to show
   * @throws {Failure} `recording` if one of them is not recorded
   */
  resultsFor(items: readonly ShowItem[]): (ResultType | null)[] {
    const recorded = this.#recorded;
    const missing = items.find((item) => item in WHAT && !recorded.has(item));
    if (missing !== undefined) {
      throw new Failure(
        "recording",
        `Cannot show ${WHAT[missing]}: this recording does not have that; ` +
          `record again with vrft record --show ${missing}`,
      );
    }
    const results = items.includes("return") ? this.sections.get("results") : undefined;
    return results === undefined ? [] : resultsOf(results);
  }

  /** What of calls was recorded besides. */
  get #recorded(): ReadonlySet<unknown> {
    const { show } = this.selection;
    const items = new Set<unknown>(Array.isArray(show) ? show : []);
    // A record has both.
    if (items.has("vif") || items.has("nh")) items.add("vif").add("nh");
    return items;
  }

  get hasVrouter(): boolean {
    return this.selection["vrouter"] !== false;
  }

  /** The vifs as they were at the present record. */
  readonly vifs = (): readonly Vif[] => {
    return this.#reader.sections.get("vifs")?.all ?? NO_VIFS;
  };

  /** A nexthop as it was at the present record; `undefined` if it was not listed. */
  readonly nexthop = (id: number): Nexthop | undefined => {
    const all = this.#reader.sections.get("nexthops")?.all ?? NO_NEXTHOPS;
    if (all !== this.#listed) {
      this.#listed = all;
      this.#nexthops = new Map(all.map((one) => [one.id, one]));
    }
    return this.#nexthops.get(id);
  };

  /** Enums of the kernel and of vrouter. */
  get enums(): { readonly kernel: RecordedEnums; readonly vrouter: RecordedEnums } {
    const { kernel, vrouter } = this.sections.get("words") ?? NO_WORDS;
    return { kernel: new RecordedEnums(kernel), vrouter: new RecordedEnums(vrouter) };
  }

  /** Name of a device; `null` if unknown. */
  get device(): (netns: number, ifindex: number) => string | null {
    const names = new Map(
      (this.sections.get("devices") ?? []).map(([netns, ifindex, name]) =>
        [`${netns} ${ifindex}`, name] as const
      ),
    );
    const { vrouterNetns } = this.#reader.header;
    return (netns, ifindex) => {
      const vif = netns === vrouterNetns
        ? this.vifs().find((one) => one.ifindex === ifindex)
        : undefined;
      return vif?.device || (names.get(`${netns} ${ifindex}`) ?? null);
    };
  }

  /** What drops are told by. */
  get dropSources(): DropSources {
    const { kernel, vrouter } = this.enums;
    const places: Readonly<Record<string, MemberPlace>> = this.sections.get("places")?.["drop"] ??
      {};
    return {
      words: dropWords(kernel, vrouter, () => null),
      offsets: places,
      vifs: this.vifs,
      vrouterNetns: this.#reader.header.vrouterNetns,
      device: this.device,
      kallsyms: () => kallsymsOf(this.sections.get("symbols") ?? []),
    };
  }

  /** Counts of the whole trace, or if it was cut, of what is there. */
  get counts(): TraceCounts {
    const counters = this.sections.get("counters");
    const values = counters?.of === "vrft" ? counters.values : {};
    const count = (name: string): number => values[name] ?? 0;
    const recorded: TraceCounts = {
      recorded: this.survey.records,
      lost: Math.max(this.survey.lost, count("lost")),
      untracked: count("untracked"),
      missed: count("missed"),
      removed: count("removed"),
      unread: count("unread"),
      packets: {
        seen: count("seen"),
        kept: count("kept"),
        copied: count("copied"),
        ended: count("ended"),
        evicted: count("evicted"),
        unfollowed: count("unfollowed"),
      },
      sample: values["sample"] ?? 1,
    };
    const sample = this.#sample;
    if (sample === null) return recorded;
    const { seen, kept } = sample;
    return {
      ...recorded,
      packets: { ...recorded.packets, seen, kept },
      sample: recorded.sample * sample.of,
    };
  }

  /** The module's drop counters around the trace; `null` if they are not of the same packets. */
  get dropStats(): RecordedDropStats | null {
    return this.sections.get("dropstats") ?? null;
  }

  /** Whether it has readings of those counters in between. */
  get hasReadings(): boolean {
    return this.sections.get("reading") !== undefined;
  }

  /** What of the trace is missing, in words. */
  get missing(): readonly string[] {
    const { lost, missed } = this.counts;
    return [
      ...lost > 0 ? [`${counted(lost, "event")} lost`] : [],
      ...missed > 0 ? [`${counted(missed, "probe hit")} missed`] : [],
      ...this.survey.ending.kind === "complete" ? [] : ["the end of the recording is missing"],
    ];
  }

  /**
   * Logs where the recording is from.
   *
   * @param byCalls whether packets are chosen by all that happens to them
   */
  describe(log: Log, byCalls = true): void {
    const { host, kernel, vrft } = this.#reader.header;
    const { times } = this.survey;
    const when = times === null
      ? ": no events"
      : `, from ${localDateTime(times.first, this.wallOffset)} on`;
    log.info(`Recorded on ${host}, Linux ${kernel}, by vrft ${vrft}${when}`);
    if (!byCalls || !this.choice.isVague) return;
    log.info(
      "Packets are selected by where they were first seen, and by what was decided about them: the " +
        "vifs and nexthops of calls are not recorded (vrft record --show vif)",
    );
  }

  /**
   * Passes on all records, and finishes the printer.
   *
   * @param first receives the records, and passes those to the printer that it shows
   * @param filter those of the options, compiled
   * @param byCalls whether packets are selected by all that happens to them; otherwise `first` does that
   * @returns exit status: 1 if something is wrong with the file
   */
  async run(
    first: EventSink,
    printer: ReplayPrinter,
    filter: PacketFilter | null,
    log: Log,
    byCalls = true,
  ): Promise<number> {
    const { signals } = this;
    const sink = byCalls ? this.#selected(first, filter) : first;
    let due = 0;
    let deadline = Infinity;
    const end = this.#end();
    const isDone = (): boolean => printer.done || this.#now > deadline || this.#isCut;
    const clocked = {
      record: (words: Uint32Array, at: number, bytes: number): void => {
        const time = words[at + TIMESTAMP_HIGH]! * TWO_32 + words[at + TIMESTAMP_LOW]!;
        if (time > end) this.#isCut = true;
        else if (time > this.#now) {
          this.#now = time;
          this.watch?.time();
          if (time >= due) {
            sink.dry();
            due = time + DRY_NS;
          }
        }
        if (isDone()) return;
        sink.record(words, at, bytes);
        if (printer.full && deadline === Infinity) deadline = this.#now + LIMIT_GRACE_NS;
      },
      lost: (ahead: number): void => sink.lost(ahead),
      section: (section: Section): void => this.watch?.section(section),
    };
    printer.begin();
    try {
      while (!isDone() && !signals.stop.aborted && this.#reader.next(clocked)) {
        while (printer.blocked && !signals.stop.aborted) await printer.progress();
        // Signals need a turn of the event loop.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    } finally {
      await printer.close(signals.cut);
    }
    if (printer.pending) log.info("Not all of it is written (interrupted twice)");
    return this.#tellEnd(log);
  }

  /** Puts in front of a sink what leaves out other packets. */
  #selected(first: EventSink, filter: PacketFilter | null): EventSink {
    let sink = this.choice.marked(first);
    const { sample = 1 } = this.#limits;
    if (filter !== null || sample > 1) {
      if (sample > 1) this.#sample = new PacketSample(sample);
      sink = this.#filter = new RecordFilter(
        sink,
        this.functions.length,
        packetDecision(filter, this.#sample),
        // Whoever comes first is told of all packets.
        this.choice.hasInterfaces ? new PacketTable() : this.numbers,
      );
    }
    return this.choice.chosen(sink, this.numbers);
  }

  /** Logs how many packets a filter has left out because too few of their bytes are recorded. */
  tellUndecided(undecided: number, log: Log): void {
    if (undecided === 0) return;
    log.info(
      `${
        counted(undecided, "packet")
      } not shown, of which too few bytes are recorded for the filter`,
    );
  }

  /** Nanoseconds of the last record to show. */
  #end(): number {
    const { durationMs } = this.#limits;
    const { times } = this.survey;
    if (durationMs === null || times === null) return Infinity;
    return Number(times.first) + durationMs * NS_PER_MS;
  }

  #tellEnd(log: Log): number {
    // The survey hops over records, and sees no damage there.
    const found = this.#reader.ending;
    const { ending, records } = found?.kind === "damaged"
      ? { ending: found, records: this.#reader.records }
      : this.survey;
    this.tellUndecided(this.#filter?.undecided ?? 0, log);
    if (ending.kind === "complete") return 0;
    const what = ending.kind === "cut" ? "was cut" : `is damaged: ${ending.what}`;
    log.info(`The recording ${what}; ${counted(records, "event")} in front of that could be read`);
    return ending.kind === "cut" ? 0 : 1;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** Of those that match a filter, a sample, as in bpf/identity.h. */
function packetDecision(filter: PacketFilter | null, sample: PacketSample | null): PacketDecision {
  return (bytes, length, cpu) => {
    const decision = filter === null
      ? MATCH
      : bytes.length === 0
      ? UNDECIDED
      : packetMatches(filter, bytes, length);
    if (decision !== MATCH || sample === null) return decision;
    return sample.keeps(cpu) ? MATCH : NO_MATCH;
  };
}

/**
 * Starts to send what a recording has to a receiver of OpenTelemetry.
 *
 * @param url of the receiver; `null` not to
 * @param what is sent, of which the ids differ
 * @throws {Failure} `usage` if the environment says what cannot be
 */
export async function exportOf(
  url: string | null,
  replay: Replay,
  what: "drops" | "packets",
  log: Log,
): Promise<OtlpExport | null> {
  if (url === null) return null;
  const { prepareExport } = await import("./otlp_export.ts");
  const { host, kernel, vrft } = replay.sections.get("header")!;
  return prepareExport(url)({
    origin: { host, kernel, program: `vrft ${vrft}` },
    // Those of packets are the same in an export.
    run: `${host} ${replay.wallOffset}${what === "packets" ? "" : ` ${what}`}`,
    wallOffset: () => replay.wallOffset,
    functions: replay.functions.map(({ name }) => name),
    log,
  });
}
