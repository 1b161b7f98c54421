/**
 * What is expected of a resource that has been disposed.
 *
 * @module
 */

import assert from "node:assert/strict";

/** Each use has to throw the error of src/sys/disposed.ts. */
export function assertDisposed(...uses: (() => unknown)[]): void {
  for (const use of uses) {
    assert.throws(use, /^ReferenceError: .* has been disposed$/, `${use}`);
  }
}
