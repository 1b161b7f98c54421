/**
 * Compares the drops that were seen with the module's own counters, at the end and now and then, and says
 * what differs.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import { amount } from "../sys/amount.ts";
import { Failure } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import { type Drop, type DropReason, isLoss, type Reconciled } from "../trace/drop.ts";
import { agrees, type DropCounters, type Readings, SeenDrops } from "../trace/reconcile.ts";

/** Vifs whose differences are reported; there may be thousands. */
const MAXIMUM_VIFS = 10;

/** Where the figures come from, and go to. */
export interface ReconciliationSources {
  /**
   * Reads the module's counters.
   *
   * @throws {Failure} if the module does not answer
   */
  readonly read: () => DropCounters;
  /** A reason by its name. */
  readonly reason: (name: string) => DropReason;
  /** Events lost until now. */
  readonly lost: () => number;
  /** Receives each comparison. Returns true if one before the last need not be logged. */
  readonly show: (counters: readonly Reconciled[]) => boolean;
  /** Whether a reason is one of those that the user wants to see. */
  readonly isWanted: (reason: DropReason) => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** Compares during one trace. */
export class Reconciliation {
  readonly #log: Log;
  readonly #sources: ReconciliationSources;
  readonly #intervalMs: number;
  #hasLoss = false;
  readonly #seen = new SeenDrops();
  #start: Readings | null = null;
  #beforeStart: DropCounters | null;
  /** The counters, if a comparison waits until all drops up to then have been seen. */
  #pending: DropCounters | null = null;
  #due = Infinity;

  /**
   * Reads the counters for the first time: nothing is recorded yet.
   *
   * @param intervalMs between comparisons; `null` to compare at the end
   */
  constructor(log: Log, sources: ReconciliationSources, intervalMs: number | null) {
    this.#log = log;
    this.#sources = sources;
    this.#intervalMs = intervalMs ?? Infinity;
    this.#beforeStart = this.#read();
  }

  /** Whether the module counts losses that were not seen, by reasons that are wanted. */
  get hasLoss(): boolean {
    return this.#hasLoss;
  }

  /** A packet was dropped, whether it is shown or not. */
  add(drop: Drop): void {
    this.#seen.add(drop);
  }

  /** Recording has started. */
  begin(): void {
    const before = this.#beforeStart;
    const after = before && this.#read();
    if (before !== null && after !== null) this.#start = { before, after };
    this.#due = this.#sources.now() + this.#intervalMs;
  }

  /** The next comparison is due after another interval. */
  postpone(): void {
    this.#due = this.#sources.now() + this.#intervalMs;
  }

  /** Whether a comparison is due. */
  get isDue(): boolean {
    return this.#start !== null && this.#sources.now() >= this.#due;
  }

  /** Reads the counters if a comparison is due, for {@linkcode dry}. */
  turn(): void {
    if (!this.isDue) return;
    this.#due += this.#intervalMs;
    this.#pending ??= this.#read();
  }

  /** All records up to now have been passed on. */
  dry(): void {
    if (this.#pending !== null) this.#compare(false);
  }

  /** Recording ends: the programs still run. */
  end(): void {
    if (this.#start !== null) this.#pending = this.#read();
  }

  /** Compares for the last time: everything has been seen. */
  finish(): void {
    if (this.#pending !== null) this.#compare(true);
  }

  #compare(isLast: boolean): void {
    const seen = this.#seen.snapshot();
    const before = this.#pending;
    this.#pending = null;
    const after = this.#read();
    if (this.#start === null || before === null || after === null) return;
    const { reason, show, lost, isWanted } = this.#sources;
    const compared = this.#seen.compare(seen, this.#start, { before, after }, reason);
    this.#hasLoss = compared.some((one) =>
      one.vif === null && one.module > one.seen && isLoss(one.reason.class) && isWanted(one.reason)
    );
    if (show(compared) && !isLast) return;
    for (const line of linesOf(compared, lost())) this.#log.info(line);
  }

  #read(): DropCounters | null {
    try {
      return this.#sources.read();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#log.info(`Drops are not compared with the module's counters: ${error.message}`);
      return null;
    }
  }
}

/** A line for each reason, and for each vif that differs. */
function linesOf(compared: readonly Reconciled[], lost: number): string[] {
  const total = compared.filter(({ vif }) => vif === null);
  const differing = compared.filter((one) => one.vif !== null && !agrees(one));
  // What differs for all does for some vif.
  const vifs = total.every(agrees) ? differing : differing.slice(0, MAXIMUM_VIFS);
  return [...total, ...vifs.slice(0, MAXIMUM_VIFS)].map((one) => lineOf(one, lost));
}

function lineOf({ reason, vif, module, seen, exception }: Reconciled, lost: number): string {
  const where = vif === null ? "" : ` of vif0/${vif.index}`;
  const counts = `${printable(reason.label)}${where}: module ${amount(module)}, seen ${
    amount(seen)
  }`;
  if (exception !== null) return `${counts} (${exception})`;
  if (module === seen) return counts;
  const events = lost > 0 ? `; ${amount(lost)} events were lost` : "";
  return module > seen
    ? `${counts}: ${drops(module - seen)} not seen${events}`
    : `${counts}: ${drops(seen - module)} not counted by the module`;
}

function drops(count: number): string {
  return count === 1 ? "1 drop was" : `${amount(count)} drops were`;
}
