/**
 * Assertions about disposed resources.
 *
 * @module
 */

import assert from "node:assert/strict";

/** Asserts that each use throws the error of src/sys/disposed.ts. */
export function assertDisposed(...uses: (() => unknown)[]): void {
  for (const use of uses) {
    assert.throws(use, /^ReferenceError: .* has been disposed$/, `${use}`);
  }
}
