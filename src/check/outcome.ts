/**
 * The outcome of a check of this host.
 *
 * @module
 */

/**
 * `ok`: what tracing needs is there. `failed`: tracing will not work until the advice is followed.
 * `note`: optional, unknown or just good to know.
 */
export type Status = "ok" | "failed" | "note";

/** What a check found. Neither text has a period at its end. */
export interface Outcome {
  readonly status: Status;
  readonly found: string;
  /** What to do; never `null` if the check failed. */
  readonly advice: string | null;
}

/** A finished check. */
export interface CheckResult extends Outcome {
  /** Stable name for scripts: `kernel_release`. */
  readonly check: string;
  /** Name for people. */
  readonly title: string;
}

/** What tracing needs is there. */
export function ok(found: string, advice: string | null = null): Outcome {
  return { status: "ok", found, advice };
}

/** Tracing will not work. */
export function failed(found: string, advice: string): Outcome {
  return { status: "failed", found, advice };
}

/** Neither success nor failure. */
export function note(found: string, advice: string | null = null): Outcome {
  return { status: "note", found, advice };
}
