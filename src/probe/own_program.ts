/**
 * Programs that belong to one function each: bpf/own_cookie.h. They are loaded from the instructions of a
 * program of an object, with the function's cookie in them.
 *
 * @module
 */

import { INSTRUCTION_BYTES } from "../packet/ebpf.ts";
import { Failure } from "../sys/failure.ts";

/** What bpf/vrft.h has in place of the cookie. */
export const COOKIE_UNKNOWN = 0x1000000500007ffen;

/** The instruction that loads 64 bits, in two: the second one has the upper half. */
const LOAD_64_BITS = 0x18;
const IMMEDIATE = 4;

/**
 * Puts a cookie into instructions.
 *
 * @param instructions as the kernel got them; not changed
 * @throws {Failure} if there is no place for it, as the object is another one
 */
export function withCookie(
  instructions: Uint8Array<ArrayBuffer>,
  cookie: bigint,
): Uint8Array<ArrayBuffer> {
  const bytes = instructions.slice();
  const view = new DataView(bytes.buffer);
  let places = 0;
  for (let at = 0; at < bytes.length; at += INSTRUCTION_BYTES) {
    // The registers, in the second byte: of a pseudo instruction the source is not zero.
    if (bytes[at] !== LOAD_64_BITS || bytes[at + 1]! >> 4 !== 0) continue;
    const next = at + INSTRUCTION_BYTES;
    const value = BigInt(view.getUint32(at + IMMEDIATE, true)) |
      BigInt(view.getUint32(next + IMMEDIATE, true)) << 32n;
    at = next;
    if (value !== COOKIE_UNKNOWN) continue;
    view.setUint32(next - INSTRUCTION_BYTES + IMMEDIATE, Number(cookie & 0xffffffffn), true);
    view.setUint32(next + IMMEDIATE, Number(cookie >> 32n), true);
    places++;
  }
  if (places === 0) throw new Failure("object", "A program of the BPF object has no cookie");
  return bytes;
}
