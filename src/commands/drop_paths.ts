/**
 * `vrft drops --path`: the calls that led to each drop of vrouter.
 *
 * @module
 */

import type { DropsOptions, TraceOptions } from "../cli/invocation.ts";
import type { Log } from "../output/log.ts";
import { summarize } from "../output/summary.ts";
import { TEXT } from "../output/text.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { ObjectReader } from "../probe/backend.ts";
import { amount } from "../sys/amount.ts";
import { isLoss } from "../trace/drop.ts";
import type { DropReasons } from "../vrouter/drop_reasons.ts";
import { mayHaveMissed } from "./drops.ts";
import { record } from "./record.ts";
import { session, type TraceSignals } from "./session.ts";
import { startTrace } from "./trace.ts";
import { Printer } from "./trace_output.ts";

/** Events of packets tell when one ends, and so that it was not dropped. */
const FORMAT = { ...TEXT, packets: true, drops: true };

/**
 * Traces all functions, and shows only packets that vrouter drops, until the user, a limit or a closed
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
    plain: false,
    show: [],
  };
  return await session(options, log, signals, async (around) => {
    const started = await startTrace(all, FORMAT, filter, readObject, around);
    return { ...started, wanted: wantedReasons(options, started.reasons) };
  }, async ({ tracer, output, targets, conditions, reasons, wanted }, around) => {
    let shown = 0;
    let losses = 0;
    const printer = new Printer(output, FORMAT, targets, log, {
      limit: null,
      drops: {
        conditional: conditions !== null,
        limit: options.limit ?? Infinity,
        matches(number): boolean {
          if (!wanted(number)) return false;
          shown++;
          if (isLoss(reasons.reason(number).class)) losses++;
          return true;
        },
      },
      reasons: (number) => reasons.reason(number).label,
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
        return `${amount(shown)} ${shown === 1 ? "drop" : "drops"}; ${counts}`;
      },
    });
    const isLossy = losses > 0 || mayHaveMissed(tracer.counts());
    return options.failOnDrop && isLossy ? 1 : status;
  });
}

/**
 * Whether a reason is one to show, by its number.
 *
 * @throws {Failure} `usage` if the module does not have one that the user wants
 */
function wantedReasons(
  { reasons: words, all }: DropsOptions,
  reasons: DropReasons,
): (number: number) => boolean {
  if (words.length > 0) {
    const wanted = new Set(reasons.parse(words));
    return (number) => wanted.has(number);
  }
  return (number) => all || reasons.reason(number).class !== "housekeeping";
}
