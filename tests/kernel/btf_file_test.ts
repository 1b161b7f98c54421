import assert from "node:assert/strict";
import { otherKind, unpacked } from "../../src/kernel/btf_file.ts";
import { isFailure } from "../support/failures.ts";

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return await new Response(
    new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip")),
  ).bytes();
}

Deno.test("unpacked() gives what gzip has packed, and other bytes as they are", async () => {
  const bytes = new TextEncoder().encode("BTF".repeat(1000));
  assert.deepEqual(await unpacked(await gzip(bytes)), bytes);
  assert.equal(await unpacked(bytes), bytes);
});

Deno.test("unpacked() gives up where zeros without end would come out", async () => {
  const bomb = await gzip(new Uint8Array(2 ** 22));
  assert.ok(bomb.length < 2 ** 13);
  await assert.rejects(unpacked(bomb, 2 ** 20), isFailure("btf", /larger than 1048576 bytes/));
});

Deno.test("unpacked() rejects what is damaged", async () => {
  const packed = await gzip(new TextEncoder().encode("BTF".repeat(1000)));
  for (const length of [2, 10, packed.length - 1]) {
    await assert.rejects(unpacked(packed.subarray(0, length)), isFailure("btf", /damaged/));
  }
});

Deno.test("otherKind() knows nothing of short and of unknown files", () => {
  for (const bytes of [new Uint8Array(), Uint8Array.of(0xfd), new Uint8Array(0x300)]) {
    assert.equal(otherKind(bytes), null);
  }
});
