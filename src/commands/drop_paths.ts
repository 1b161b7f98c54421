/**
 * `vrft drops --path`: the calls that led to each drop, of vrouter or of the kernel.
 *
 * @module
 */

import {
  ALL_SIGHTINGS,
  type DropsOptions,
  type ShowItem,
  type TraceOptions,
} from "../cli/invocation.ts";
import { VROUTER } from "../kernel/functions.ts";
import { dropCountText } from "../output/drops/summary.ts";
import type { Log } from "../output/log.ts";
import type { Btf } from "../kernel/btf.ts";
import { summarize } from "../output/summary.ts";
import { TEXT } from "../output/text.ts";
import type { Shown } from "../output/view.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { ObjectReader } from "../probe/backend.ts";
import { SOURCE_KERNEL } from "../probe/packet_record.ts";
import type { DropReasons } from "../vrouter/drop_reasons.ts";
import { counted } from "../sys/amount.ts";
import { type Drop, type DropClass, type DropReason, isLoss } from "../trace/drop.ts";
import { dropWords, reasonFilter } from "../trace/drop_words.ts";
import type { DropCondition } from "../trace/held_view.ts";
import { isColoured } from "./colour.ts";
import { kernelBtfOf } from "./drop_sources.ts";
import { mayHaveMissed } from "./drops.ts";
import { record } from "./record.ts";
import { session, type TraceSignals } from "./session.ts";
import { prepareTrace } from "./trace.ts";
import { Printer } from "./trace_output.ts";
import { attach } from "./trace_setup.ts";

/** Events of packets tell when one ends, and so that it was not dropped. */
export const PATH_FORMAT = { ...TEXT, packets: true, drops: true, kernelDrops: true };
const NOTHING: ReadonlySet<ShowItem> = new Set();

/**
 * Traces all functions, and shows only packets that are dropped, until the user, a limit or a closed
 * output ends it.
 *
 * @param filter those of the options, compiled
 * @param readObject reads a BPF object of this program
 * @returns exit status
 * @throws {Failure} if tracing is impossible
 */
export async function runDropPaths(
  options: DropsOptions,
  filter: PacketFilter | null,
  log: Log,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  const all: TraceOptions = {
    ...options,
    functions: [],
    excludes: [],
    sample: 1,
    format: "text",
    sightings: ALL_SIGHTINGS,
    plain: false,
    show: [],
  };
  return await session(options, log, signals, async (around) => {
    const ready = await prepareTrace(all, PATH_FORMAT, filter, readObject, around);
    // Before attaching, which takes long.
    const { kernel, vrouter, reasons, conditions } = ready;
    const drops = new PathDrops(options, {
      kernel,
      vrouter,
      reasons,
      conditional: conditions !== null,
      moduleBtf: (module) => kernelBtfOf(module, kernel),
    });
    await attach(ready.tracer, ready.targets.length, around);
    return { ...ready, drops };
  }, async ({ tracer, output, targets, reasons, drops }, around) => {
    const printer = new Printer(output, PATH_FORMAT, targets, log, {
      limit: null,
      drops,
      reasons: (number) => reasons.reason(number).label,
      kernelReasons: (number) => drops.kernelReason(number).label,
      shown: pathColours(options, targets),
    });
    const status = await record({
      tracer,
      printer,
      options,
      signals,
      around,
      summary(overhead, failed): string {
        const rows = failed || printer.pending ? printer.rows : null;
        const counts = summarize(printer.shown, tracer.counts(), overhead, rows);
        return `${drops.summary}; ${counts}`;
      },
    });
    const isLossy = drops.hasLoss || mayHaveMissed(tracer.counts());
    return options.failOnDrop && isLossy ? 1 : status;
  });
}

/** By what drops are told, and whether packets have to meet conditions. */
export interface PathDropSources {
  readonly kernel: Pick<Btf, "enumNames">;
  readonly vrouter: Pick<Btf, "enumNames"> | null;
  readonly reasons: DropReasons;
  readonly conditional: boolean;
  /** The kernel's BTF of another module; `null` if there is none. */
  readonly moduleBtf: (module: string) => Pick<Btf, "enumNames"> | null;
}

/** Calls with nothing but their names, in colours if the user wants them. */
export function pathColours(
  { color, output }: DropsOptions,
  functions: readonly { readonly module: string }[],
): Shown {
  return {
    items: NOTHING,
    colour: isColoured(color, output),
    results: [],
    isVrouter: functions.map(({ module }) => module === VROUTER),
    vifs: () => [],
  };
}

/** Which drops are shown with their paths, and what they are called. */
export class PathDrops implements DropCondition {
  readonly conditional: boolean;
  readonly limit: number;
  readonly #words: ReturnType<typeof dropWords>;
  readonly #isWanted: (drop: Pick<Drop, "source" | "reason">) => boolean;
  readonly #shown = new Map<DropClass, number>();
  /** Drops of packets whose calls were no longer held. */
  #gone = 0;
  #hasLoss = false;

  /** @throws {Failure} `usage` for a reason that does not exist */
  constructor(
    { reasons: words, all, limit }: DropsOptions,
    { kernel, vrouter, reasons, conditional, moduleBtf }: PathDropSources,
  ) {
    this.conditional = conditional;
    this.limit = limit ?? Infinity;
    this.#words = dropWords(kernel, vrouter, moduleBtf);
    this.#isWanted = words.length > 0
      ? reasonFilter(words, kernel, reasons)
      : ({ reason }) => all || reason.class !== "housekeeping";
  }

  /** Whether a packet was lost, shown or not. */
  get hasLoss(): boolean {
    return this.#hasLoss;
  }

  /** The drops that were shown, and those that could not be. */
  get summary(): string {
    const shown = dropCountText(this.#shown);
    if (this.#gone === 0) return shown;
    return `${shown}; ${counted(this.#gone, "drop")} not shown (their calls were no longer held)`;
  }

  matches(number: number, source: number, isHeld: boolean): boolean {
    const byKernel = source === SOURCE_KERNEL;
    const reason = byKernel ? this.kernelReason(number) : this.#words.vrouterReason(number);
    if (!this.#isWanted({ source: byKernel ? "kernel" : "vrouter", reason })) return false;
    if (isLoss(reason.class)) this.#hasLoss = true;
    if (isHeld) this.#shown.set(reason.class, (this.#shown.get(reason.class) ?? 0) + 1);
    else this.#gone++;
    return true;
  }

  /** A reason of the kernel, as a record has its number. */
  kernelReason(number: number): DropReason {
    return this.#words.kernelReason(number | 0);
  }
}
