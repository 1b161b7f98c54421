import assert from "node:assert/strict";
import { BlockSpool, FileSpool, Lane, MemorySpool, type Spool } from "../../src/output/spool.ts";
import { Random } from "../support/random.ts";

const SPOOLS: Readonly<Record<string, () => Spool & Partial<Disposable>>> = {
  memory: () => new MemorySpool(),
  "a file": () => new FileSpool(),
};

for (const [name, make] of Object.entries(SPOOLS)) {
  Deno.test(`bytes come back from ${name}, wherever they are read`, () => {
    const random = new Random(1);
    const spool = make();
    const all: number[] = [];
    // Beyond a piece of memory, and across its end.
    for (let part = 0; part < 30; part++) {
      const bytes = random.bytes(random.int(100_000));
      spool.append(bytes);
      for (const byte of bytes) all.push(byte);
    }
    assert.ok(all.length > 1 << 20);
    for (let run = 0; run < 50; run++) {
      const to = new Uint8Array(random.int(100_000));
      const position = run === 0 ? (1 << 20) - 1 : random.int(all.length - to.length);
      spool.read(position, to);
      assert.deepEqual(to, Uint8Array.from(all.slice(position, position + to.length)));
    }
    spool[Symbol.dispose]?.();
  });
}

Deno.test("a file of a spool has no name", () => {
  const directory = Deno.makeTempDirSync();
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", directory);
  try {
    using spool = new FileSpool();
    spool.append(Uint8Array.of(1));
    assert.deepEqual([...Deno.readDirSync(directory)], []);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    Deno.removeSync(directory);
  }
});

Deno.test("lanes of one spool keep their blocks apart, in their order", () => {
  const blocks = new BlockSpool(new MemorySpool(), 4);
  const lanes = [new Lane(blocks), new Lane(blocks)];
  for (let number = 0; number < 50; number++) {
    const lane = lanes[number % 3 === 0 ? 0 : 1]!;
    lane.view.setUint32(0, number, true);
    lane.used = 4;
    lane.turnOver();
    assert.equal(lane.used, 0);
  }
  const [first, second] = lanes.map((
    lane,
  ) => [...lane.replay().map(() => lane.view.getUint32(0, true))]);
  const numbers = Array.from({ length: 50 }, (_, number) => number);
  assert.deepEqual(first, numbers.filter((number) => number % 3 === 0));
  assert.deepEqual(second, numbers.filter((number) => number % 3 !== 0));
});
