import assert from "node:assert/strict";
import { decodeTrailer, encodeTrailer, TRAILER_BYTES } from "../../scripts/launcher/trailer.ts";
import type { PartName, Trailer } from "../../scripts/launcher/trailer.ts";
import { Random } from "../support/random.ts";
import { Host, hostTest, ROOT_CACHE } from "./host.ts";
import { executable, replaceLast, small, whole } from "./launched_file.ts";

const DAMAGED = /^vrft: Cannot [^\n]*damaged[^\n]*\n$/;

const SEED = 0x7a11e5;
const RUNS = 100;

/** Starts what should not run, and looks that it says so and leaves nothing. */
async function refuse(host: Host, bytes: Uint8Array, what: string): Promise<void> {
  const { code, signal, stdout, stderr } = await host.run({ file: executable("damaged", bytes) });
  assert.deepEqual({ code, signal, stdout }, { code: 1, signal: null, stdout: "" }, what);
  assert.match(stderr, DAMAGED, what);
  if (host.list("/var/cache").length > 0) {
    assert.deepEqual(host.list(ROOT_CACHE), ["lock"], what);
  }
}

/** `bytes` with another trailer. */
function withTrailer(
  bytes: Uint8Array<ArrayBuffer>,
  change: (trailer: Trailer) => Trailer,
): Uint8Array {
  const result = bytes.slice();
  result.set(encodeTrailer(change(decodeTrailer(bytes))), bytes.length - TRAILER_BYTES);
  return result;
}

hostTest("a file that is cut off says so", async () => {
  await using host = await Host.create();
  const bytes = Deno.readFileSync(whole());
  const launcher = decodeTrailer(bytes).parts.runtime.offset;
  for (const length of [launcher, launcher + 1, bytes.length >> 1, bytes.length - 1]) {
    await refuse(host, bytes.subarray(0, length), `${length} of ${bytes.length} bytes`);
  }
});

hostTest("a file with something behind its end says so", async () => {
  await using host = await Host.create();
  await refuse(host, new Uint8Array([...small(), 0]), "a byte more");
});

hostTest("a file sent as text says so", async () => {
  await using host = await Host.create();
  await refuse(host, replaceLast(small(), "vrft\r\n", "vrft\n"), "a line end changed");
});

hostTest("a damaged part says so", async () => {
  await using host = await Host.create();
  const bytes = Deno.readFileSync(whole());
  for (const [name, { offset, packed }] of Object.entries(decodeTrailer(bytes).parts)) {
    for (const place of [offset, offset + (packed >> 1), offset + packed - 1]) {
      const damaged = bytes.slice();
      damaged[place]! ^= 0x10;
      await refuse(host, damaged, `${name}, byte ${place - offset} of ${packed}`);
    }
  }
});

hostTest("a trailer that does not fit its file says so", async () => {
  await using host = await Host.create();
  const bytes = small();
  const names: readonly PartName[] = ["runtime", "libgcc", "program"];
  for (const name of names) {
    const { offset, packed, size } = decodeTrailer(bytes).parts[name];
    const cases = {
      "it starts behind the end": { offset: bytes.length, packed, size },
      "it ends behind the end": { offset, packed: bytes.length, size },
      "its end is beyond 64 bits": { offset: 2 ** 64 - 2048, packed: 4096, size },
      "its frame is longer": { offset, packed: packed + 1, size },
      "its frame is shorter": { offset, packed: packed - 1, size },
      "it has nothing": { offset, packed: 0, size },
      "it unpacks to more": { offset, packed, size: size - 1 },
      "it unpacks to less": { offset, packed, size: size + 1 },
      "it unpacks to a disk full": { offset, packed, size: 2 ** 40 },
    };
    for (const [what, part] of Object.entries(cases)) {
      const damaged = withTrailer(bytes, ({ parts, runtimeDigest }) => ({
        parts: { ...parts, [name]: part },
        runtimeDigest,
      }));
      await refuse(host, damaged, `${name}: ${what}`);
    }
  }
});

hostTest(`${RUNS} files with damaged bytes (seed ${SEED}) run or say so`, async () => {
  await using host = await Host.create();
  const random = new Random(SEED);
  const bytes = small();
  const start = decodeTrailer(bytes).parts.runtime.offset;
  const trailer = bytes.length - TRAILER_BYTES;
  let ran = 0;
  for (let run = 0; run < RUNS; run++) {
    const damaged = bytes.slice();
    const first = random.int(2) === 0 ? start : trailer;
    for (let count = 1 + random.int(4); count > 0; count--) {
      damaged[first + random.int(bytes.length - first)] = random.int(256);
    }
    const { code, signal, stderr } = await host.run({ file: executable("damaged", damaged) });
    assert.equal(signal, null, `run ${run}`);
    if (code === 0) {
      assert.equal(stderr, "", `run ${run}`);
      ran++;
    } else {
      assert.equal(code, 1, `run ${run}`);
      assert.match(stderr, DAMAGED, `run ${run}`);
    }
  }
  assert.ok(ran < RUNS / 2, `${ran} of ${RUNS} ran`);
});
