/**
 * Decides when the overhead is too high.
 *
 * @module
 */

/** Milliseconds the share may be above the limit. */
const PATIENCE_MS = 1000;

/** Measurements over a period. */
export interface OverheadWindow {
  /** Milliseconds of a monotonic clock. */
  readonly start: number;
  /** Milliseconds of a monotonic clock; later than `start`. */
  readonly end: number;
  /** CPU time of the BPF programs in milliseconds; `null` if unknown. */
  readonly programsMs: number | null;
  /** CPU time of this process in milliseconds. */
  readonly ownMs: number;
}

/**
 * The share of a window in per cent of one CPU. If the programs' time is unknown, it counts as zero, and
 * the result is a lower bound.
 */
export function shareOf({ start, end, programsMs, ownMs }: OverheadWindow): number {
  return ((programsMs ?? 0) + ownMs) / (end - start) * 100;
}

/** Enforces a limit: one window above it is not enough to end the trace, a second of them is. */
export class OverheadGuard {
  readonly #limit: number;
  /** The current windows above the limit, merged. */
  #above: OverheadWindow | null = null;

  /** @param limit per cent of one CPU */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the last window was above the limit, so that the next one should follow at once. */
  get isAbove(): boolean {
    return this.#above !== null;
  }

  /**
   * Adds the next window.
   *
   * @returns the share in per cent of one CPU over the consecutive windows above the limit, once they add
   * up to a second; `null` before
   */
  add(window: OverheadWindow): number | null {
    if (!(shareOf(window) > this.#limit)) {
      this.#above = null;
      return null;
    }
    const above = this.#above;
    this.#above = above === null || above.end !== window.start ? window : {
      start: above.start,
      end: window.end,
      programsMs: (above.programsMs ?? 0) + (window.programsMs ?? 0),
      ownMs: above.ownMs + window.ownMs,
    };
    const long = this.#above.end - this.#above.start >= PATIENCE_MS;
    return long ? shareOf(this.#above) : null;
  }
}
