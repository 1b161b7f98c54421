import assert from "node:assert/strict";
import { Decimal64, DECIMAL64_BYTES, THREE_DIGITS } from "../../src/output/decimal.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 20261122;
const RUNS = propertyRuns(20_000);

const MAX = 0xffff_ffff_ffff_ffffn;
const BILLION = 1_000_000_000n;

/** Writes numbers one after the other at odd offsets of one buffer, and checks every byte. */
class Checker {
  readonly #decimal = new Decimal64();
  readonly #bytes = new Uint8Array(DECIMAL64_BYTES + 16);
  readonly #view = new DataView(this.#bytes.buffer);
  #at = 0;

  check(number: bigint): void {
    this.#at = (this.#at + 1) % 16;
    const low = Number(number & 0xffff_ffffn);
    const high = Number(number >> 32n);
    // As signed halves, as in traces, and as unsigned ones.
    for (const sign of [0, 1]) {
      this.#bytes.fill(0x2a);
      const halves = sign === 0 ? [low | 0, high | 0] as const : [low, high] as const;
      const length = this.#decimal.write(this.#view, this.#at, ...halves);
      assert.equal(length, String(number).length);
      const expected = "*".repeat(this.#at) + String(number).padEnd(DECIMAL64_BYTES);
      assert.equal(new TextDecoder().decode(this.#bytes), expected.padEnd(this.#bytes.length, "*"));
    }
  }
}

Deno.test("Decimal64 writes the numbers at which the number of digits changes", () => {
  const checker = new Checker();
  for (let power = 1n; power <= MAX; power *= 10n) {
    for (const number of [power - 1n, power, power + 1n]) checker.check(number);
  }
  for (const number of [0n, 1n << 32n, (1n << 53n) + 1n, 1n << 63n, MAX - 1n, MAX]) {
    checker.check(number);
  }
});

Deno.test("Decimal64 writes any u64 exactly", () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  const checker = new Checker();
  for (let run = 0; run < RUNS; run++) {
    const bits = BigInt(1 + random.int(64));
    const number = BigInt(random.int(2 ** 32)) << 32n | BigInt(random.int(2 ** 32));
    checker.check(number & ((1n << bits) - 1n));
  }
});

Deno.test("Decimal64 writes numbers close to each other exactly, in any order", () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  const checker = new Checker();
  let number = 0n;
  for (let run = 0; run < RUNS; run++) {
    if (random.int(100) === 0) {
      const billions = BigInt(random.int(2 ** 32)) * BigInt(random.int(5));
      number = billions * BILLION - BigInt(random.int(3));
    } else {
      number += BigInt(random.int(2 ** random.int(32)) - random.int(2 ** random.int(28)));
    }
    number = BigInt.asUintN(64, number);
    checker.check(number);
  }
});

Deno.test("THREE_DIGITS has the bytes of every number below 1000", () => {
  const view = new DataView(new ArrayBuffer(4));
  THREE_DIGITS.forEach((word, number) => {
    view.setUint32(0, word, true);
    assert.equal(new TextDecoder().decode(view), `${String(number).padStart(3, "0")} `);
  });
  assert.equal(THREE_DIGITS.length, 1000);
});
