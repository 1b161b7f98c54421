/**
 * For tests inside a guest: waits for what nothing announces.
 *
 * @module
 */

import assert from "node:assert/strict";

/**
 * Asks `value` again and again until it returns something, which is neither `undefined` nor `false`.
 *
 * @param what for the error
 * @param seconds to wait at most
 */
export async function until<T>(
  what: string,
  value: () => T | undefined | Promise<T | undefined>,
  seconds = 20,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await value();
    if (found !== undefined && found !== false) return found;
    assert.ok(performance.now() < deadline, `Not in ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
