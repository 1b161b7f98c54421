import assert from "node:assert/strict";
import { MAX_PLAIN_BYTES } from "../../src/recording/format.ts";
import { compress, decompress, FAST, SMALL } from "../../src/recording/zstd.ts";

Deno.test("contents of any length come back from each level, beyond its window, too", () => {
  const lengths = [
    1,
    255,
    256,
    1023,
    1024,
    65_791,
    65_792,
    1 << 19,
    (1 << 19) + 1,
    MAX_PLAIN_BYTES,
  ];
  for (const level of [FAST, SMALL]) {
    for (const length of lengths) {
      const plain = new Uint8Array(length);
      for (let at = 0; at < length; at++) plain[at] = Math.imul(at, 2654435761) >>> 27;
      const back = decompress(compress(plain, level), length);
      assert.ok(back !== null, `level ${level}, ${length} bytes`);
      assert.ok(sameBytes(back, plain), `level ${level}, ${length} bytes`);
    }
  }
});

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, at) => byte === other[at]) && one.length === other.length;
}
