/**
 * Assertions about failures.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Failure, type FailureKind } from "../../src/sys/failure.ts";

/** For assert.throws(): matches a failure of that kind and, if given, with a matching message. */
export function isFailure(kind: FailureKind, message?: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.kind, kind, error.message);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  };
}
