import assert from "node:assert/strict";
import type { Target } from "../../src/probe/target.ts";
import { MAX_FUNCTIONS, setCookies } from "../../src/probe/cookie_table.ts";
import * as layout from "../../src/probe/layout.ts";
import { isFailure } from "../support/failures.ts";
import { forRandomCases } from "../support/property.ts";
import { Random } from "../support/random.ts";
import { targetsAt, TEXT } from "../support/targets.ts";

/** The upper bits of a product of 32 bits. */
function top(low: bigint, factor: number, bits: number): number {
  return Number((low * BigInt(factor) & 0xffffffffn) >> BigInt(32 - bits));
}

/** As the program does it in bpf/cookie_table.h. */
function cookieAt(control: ArrayBuffer, address: bigint): bigint {
  const view = new DataView(control);
  const low = address & 0xffffffffn;
  const bucket = top(low, layout.BUCKET_FACTOR, layout.BUCKET_BITS);
  const factor = view.getUint32(layout.CONTROL_SLOT_FACTORS + 4 * bucket, true);
  const slot = top(low, factor, layout.SLOT_BITS);
  return view.getBigUint64(layout.CONTROL_COOKIES + 8 * slot, true);
}

function assertFound(functions: readonly Target[]): void {
  const control = new ArrayBuffer(layout.CONTROL_BYTES);
  setCookies(control, functions);
  functions.forEach((fn, index) => {
    assert.equal(cookieAt(control, fn.address), layout.cookieOf(fn, index), `${index}`);
  });
  // Nothing else in the block has been written to.
  assert.ok(new Uint8Array(control, 0, layout.CONTROL_SLOT_FACTORS).every((byte) => byte === 0));
}

Deno.test("setCookies() lets the program find the cookie of every function", () => {
  forRandomCases(20261122, (random) => {
    const addresses = new Set<bigint>();
    const count = 1 + random.int(4000);
    // Functions are aligned to 16 bytes; those of modules lie behind the kernel's.
    while (addresses.size < count) addresses.add(TEXT + 16n * BigInt(random.int(1 << 26)));
    assertFound(targetsAt([...addresses]));
  }, 20);
});

Deno.test("setCookies() takes as many functions as it says, one behind the other", () => {
  const addresses = Array.from({ length: MAX_FUNCTIONS }, (_, index) => TEXT + 16n * BigInt(index));
  assertFound(targetsAt(addresses));
  assert.throws(
    () => setCookies(new ArrayBuffer(layout.CONTROL_BYTES), targetsAt([...addresses, TEXT - 16n])),
    isFailure("attach", /16384 functions has no room for 16385/),
  );
});

Deno.test("setCookies() keeps functions apart that share both hashes by some factor", () => {
  // By the factor that most buckets have, so that it is one of the first that are tried.
  const control = new ArrayBuffer(layout.CONTROL_BYTES);
  setCookies(control, targetsAt([TEXT]));
  const bucket = top(TEXT & 0xffffffffn, layout.BUCKET_FACTOR, layout.BUCKET_BITS);
  const factor = new DataView(control).getUint32(layout.CONTROL_SLOT_FACTORS + 4 * bucket, true);
  const random = new Random(20261125);
  const byHashes = Map.groupBy(
    new Set(Array.from({ length: 1 << 17 }, () => TEXT + 16n * BigInt(random.int(1 << 26)))),
    (address) => {
      const low = address & 0xffffffffn;
      return top(low, layout.BUCKET_FACTOR, layout.BUCKET_BITS) << layout.SLOT_BITS |
        top(low, factor, layout.SLOT_BITS);
    },
  );
  const pairs = [...byHashes.values()].filter(({ length }) => length > 1);
  assert.ok(pairs.length > 10, `${pairs.length}`);
  for (const pair of pairs.slice(0, 10)) assertFound(targetsAt(pair));
  assertFound(targetsAt(pairs.flat().slice(0, MAX_FUNCTIONS)));
});

Deno.test("setCookies() rejects two functions at one address", () => {
  const control = new ArrayBuffer(layout.CONTROL_BYTES);
  assert.throws(
    () => setCookies(control, targetsAt([TEXT, TEXT])),
    isFailure("attach", /^f0\(\) and f1\(\) have the same address$/),
  );
});
