/**
 * Failures that a user can meet.
 *
 * @module
 */

/** What a {@linkcode Failure} can carry besides its message. */
export interface FailureOptions extends ErrorOptions {
  /** What others said about it, such as libbpf and the verifier: lines to print before the message. */
  readonly details?: string;
}

/**
 * An expected failure: its message is all that the user needs to read, without a stack trace.
 *
 * The message says what was being done, to what, and what to do about it: a sentence without a
 * period (`Cannot list the vifs: …`). The low-level error travels as `cause`.
 */
export class Failure extends Error {
  override readonly name: string = "Failure";
  /** Lines for the user to read before the message; empty where there are none. */
  readonly details: string;

  constructor(message: string, options: FailureOptions = {}) {
    super(message, options);
    this.details = options.details ?? "";
  }
}
