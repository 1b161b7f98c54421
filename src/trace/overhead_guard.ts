/**
 * Decides when tracing costs too much.
 *
 * @module
 */

/** Milliseconds that the share may be above the limit. */
const PATIENCE_MS = 1000;

/** What was measured from one moment to another. */
export interface OverheadWindow {
  /** Milliseconds of a monotonic clock. */
  readonly start: number;
  /** Milliseconds of a monotonic clock; later than `start`. */
  readonly end: number;
  /** Milliseconds of CPU that the BPF programs took; `null` where the kernel does not tell. */
  readonly programsMs: number | null;
  /** Milliseconds of CPU that this process took. */
  readonly ownMs: number;
}

/**
 * The share of a window in per cent of one CPU. Programs whose time is not known count nothing: then it
 * is the least that the share can be.
 */
export function shareOf({ start, end, programsMs, ownMs }: OverheadWindow): number {
  return ((programsMs ?? 0) + ownMs) / (end - start) * 100;
}

/** Watches over a limit: one window above it is no reason to end, a second of them is. */
export class OverheadGuard {
  readonly #limit: number;
  /** The windows above the limit, as one. */
  #above: OverheadWindow | null = null;

  /** @param limit per cent of one CPU */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the last window was above the limit: then the next one should follow at once. */
  get isAbove(): boolean {
    return this.#above !== null;
  }

  /**
   * Takes the next window.
   *
   * @returns the share in per cent of one CPU, over all the time that it has been above the limit in each
   * window without a gap, once that is a second; before, `null`
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
