import assert from "node:assert/strict";
import { COOKIE_UNKNOWN, withCookie } from "../../src/probe/own_program.ts";

/** Instructions that load 64 bits, of these registers, and one that ends the program. */
function program(
  loads: readonly (readonly [registers: number, value: bigint])[],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16 * loads.length + 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [registers, value]] of loads.entries()) {
    bytes.set([0x18, registers], 16 * index);
    view.setUint32(16 * index + 4, Number(value & 0xffffffffn), true);
    view.setUint32(16 * index + 12, Number(value >> 32n), true);
  }
  bytes[16 * loads.length] = 0x95;
  return bytes;
}

/** Loads the file descriptor of a map. */
const MAP = 0x11;

Deno.test("withCookie() replaces every place of the cookie, and nothing else", () => {
  const before = program([[1, 5n], [2, COOKIE_UNKNOWN], [MAP, COOKIE_UNKNOWN], [
    3,
    COOKIE_UNKNOWN,
  ]]);
  const copy = before.slice();
  const cookie = 0x0fedcba987654321n;
  assert.deepEqual(
    withCookie(before, cookie),
    program([[1, 5n], [2, cookie], [MAP, COOKIE_UNKNOWN], [3, cookie]]),
  );
  assert.deepEqual(before, copy);
});

Deno.test("withCookie() does not take the second half of a load for an instruction", () => {
  // Its first byte is zero in a program; here the first half looks like the place of a cookie.
  const bytes = program([[1, 1n], [2, COOKIE_UNKNOWN]]);
  bytes.set([0x18], 8);
  assert.equal(withCookie(bytes, 7n)[8], 0x18);
  assert.equal(new DataView(withCookie(bytes, 7n).buffer).getUint32(20, true), 7);
});

Deno.test("withCookie() rejects a program without a place for it", () => {
  assert.throws(() => withCookie(program([[1, 5n]]), 1n), /has no cookie/);
});
