/**
 * What a check of this host comes to.
 *
 * @module
 */

/**
 * How a check went: `ok`, what tracing needs is there; `failed`, tracing will not work before somebody
 * does what the advice says; `note`, not needed, not known, or good to know, and no harm.
 */
export type Status = "ok" | "failed" | "note";

/** What a check found. Neither text has a period at its end. */
export interface Outcome {
  readonly status: Status;
  readonly found: string;
  /** What to do; always there when the check has failed. */
  readonly advice: string | null;
}

/** A check that was made. */
export interface CheckResult extends Outcome {
  /** Name for scripts, which stays: `kernel_release`. */
  readonly check: string;
  /** Name for a person. */
  readonly title: string;
}

/** What tracing needs is there. */
export function ok(found: string, advice: string | null = null): Outcome {
  return { status: "ok", found, advice };
}

/** Tracing will not work like this. */
export function failed(found: string, advice: string): Outcome {
  return { status: "failed", found, advice };
}

/** Neither good nor bad. */
export function note(found: string, advice: string | null = null): Outcome {
  return { status: "note", found, advice };
}
