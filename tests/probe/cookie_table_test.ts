import assert from "node:assert/strict";
import type { Target } from "../../src/probe/target.ts";
import { MAX_FUNCTIONS, setCookies } from "../../src/probe/cookie_table.ts";
import * as layout from "../../src/probe/layout.ts";
import { forRandomCases } from "../support/property.ts";

/** First address of the kernel's text. */
const TEXT = 0xffffffff81000000n;

function targets(addresses: readonly bigint[]): Target[] {
  return addresses.map((address, index) => ({
    name: `f${index}`,
    module: "vmlinux",
    struct: "sk_buff",
    position: 1,
    register: 1 + index % 6,
    indirection: 1,
    address,
  }));
}

/** As the program does it in bpf/session.bpf.c, cookie_at(). */
function cookieAt(control: ArrayBuffer, address: bigint): bigint {
  const view = new DataView(control);
  const low = address & 0xffffffffn;
  const top = (factor: number, bits: number): number =>
    Number((low * BigInt(factor) & 0xffffffffn) >> BigInt(32 - bits));
  const bucket = top(layout.BUCKET_FACTOR, layout.BUCKET_BITS);
  const displacement = view.getUint16(layout.CONTROL_DISPLACEMENTS + 2 * bucket, true);
  const slot = (top(layout.SLOT_FACTOR, layout.SLOT_BITS) + displacement) % (1 << layout.SLOT_BITS);
  return view.getBigUint64(layout.CONTROL_COOKIES + 8 * slot, true);
}

function assertFound(functions: readonly Target[]): void {
  const control = new ArrayBuffer(layout.CONTROL_BYTES);
  setCookies(control, functions);
  functions.forEach((fn, index) => {
    assert.equal(cookieAt(control, fn.address), layout.cookieOf(fn, index), `${index}`);
  });
  // Nothing else in the block has been written to.
  assert.ok(new Uint8Array(control, 0, layout.CONTROL_DISPLACEMENTS).every((byte) => byte === 0));
}

Deno.test("setCookies() lets the program find the cookie of every function", () => {
  forRandomCases(20261122, (random) => {
    const addresses = new Set<bigint>();
    const count = 1 + random.int(4000);
    // Functions are aligned to 16 bytes; those of modules lie behind the kernel's.
    while (addresses.size < count) addresses.add(TEXT + 16n * BigInt(random.int(1 << 26)));
    assertFound(targets([...addresses]));
  }, 20);
});

Deno.test("setCookies() takes as many functions as it says, one behind the other", () => {
  const addresses = Array.from({ length: MAX_FUNCTIONS }, (_, index) => TEXT + 16n * BigInt(index));
  assertFound(targets(addresses));
  assert.throws(
    () => setCookies(new ArrayBuffer(layout.CONTROL_BYTES), targets([...addresses, TEXT - 16n])),
    RangeError,
  );
});

Deno.test("setCookies() rejects two functions at one address", () => {
  const control = new ArrayBuffer(layout.CONTROL_BYTES);
  assert.throws(() => setCookies(control, targets([TEXT, TEXT])), /same address/);
});
