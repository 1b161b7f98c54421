/**
 * Failures that a user can meet.
 *
 * @module
 */

/**
 * An expected failure: its message is all that the user needs to read, without a stack trace.
 *
 * The message says what was being done, to what, and what to do about it: a sentence without a
 * period (`Cannot list the vifs: …`). The low-level error travels as `cause`.
 */
export class Failure extends Error {
  override readonly name: string = "Failure";
}
