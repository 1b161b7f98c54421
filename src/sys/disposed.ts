/**
 * The error of whoever uses a resource that has been disposed. It is a mistake in the program, and so
 * no Failure, which is for users; `DisposableStack` throws the same kind.
 *
 * @module
 */

/** @param what was disposed, as the start of a sentence: `The BPF object` */
export function disposedError(what: string): ReferenceError {
  return new ReferenceError(`${what} has been disposed`);
}
