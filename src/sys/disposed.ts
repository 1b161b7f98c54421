/**
 * The error thrown on use of a disposed resource. It is a bug in the program, and so not a Failure,
 * which is for users; `DisposableStack` throws the same kind.
 *
 * @module
 */

/** @param what was disposed, as the start of a sentence: `The BPF object` */
export function disposedError(what: string): ReferenceError {
  return new ReferenceError(`${what} has been disposed`);
}
