import assert from "node:assert/strict";
import type { RecordingFile } from "../../src/recording/block_queue.ts";
import { RecordingReader } from "../../src/recording/reader.ts";
import { Rotation } from "../../src/recording/rotation.ts";
import { fileSource } from "../../src/recording/source.ts";
import { survey } from "../../src/recording/survey.ts";
import { FLUSH_MS } from "../../src/recording/record_blocks.ts";
import { Failure } from "../../src/sys/failure.ts";
import { endRecord, feedWords } from "../support/packet_records.ts";
import { Random } from "../support/random.ts";
import { Collected, MemoryFile, readAll, writerTo } from "../support/recordings.ts";
import { testUnless, whyNotRoot } from "../support/skip.ts";
import { feedStream, vrouterStream } from "../support/vrouter_stream.ts";

const STREAM = vrouterStream(new Random(6), { records: 40_000 });
const RECORD = endRecord({ slot: 1, generation: 1, time: 7 });

/** A file whose disk is full after so many bytes. */
class FullDisk extends MemoryFile {
  constructor(private readonly size: number) {
    super();
  }

  override write(bytes: Uint8Array): Promise<number> {
    const left = this.size - this.bytes.length;
    if (left === 0) return Promise.reject(new Error("No space left on device (os error 28)"));
    return super.write(bytes.subarray(0, left));
  }

  takeBack(bytes: number): void {
    this.bytes = this.bytes.slice(0, this.bytes.length - bytes);
  }
}

Deno.test("short writes make the same file", async () => {
  const files = [new MemoryFile(), new MemoryFile(1000)];
  for (const file of files) {
    const writer = writerTo({ file, name: "it" });
    feedStream(STREAM, writer);
    writer.end("interrupted");
    await writer.settle();
    assert.deepEqual([writer.written, writer.pending], [STREAM.records, false]);
    assert.ok(file.closed);
  }
  assert.deepEqual(files[0]!.bytes, files[1]!.bytes);
});

Deno.test("records wait for no more than half a second", async () => {
  const file = new MemoryFile();
  let now = 1000;
  const writer = writerTo({ file, name: "it" }, { now: () => now });
  feedWords(writer, RECORD);
  writer.dry();
  now += FLUSH_MS - 1;
  writer.dry();
  await writer.settle();
  assert.equal(readAll(file.bytes, new Collected()).records, 0);
  now++;
  writer.dry();
  await writer.settle();
  assert.equal(readAll(file.bytes, new Collected()).records, 1);
});

Deno.test("a full disk leaves the whole blocks, and the failure says how much they have", async () => {
  const file = new FullDisk(100_000);
  const writer = writerTo({ file, name: '"a.vrft"' });
  const failures: Failure[] = [];
  for (let turn = 0; turn < 3; turn++) {
    try {
      feedStream(STREAM, writer);
      await writer.settle();
    } catch (error) {
      assert.ok(error instanceof Failure);
      failures.push(error);
    }
  }
  assert.deepEqual(failures.map(({ kind, message }) => `${kind}: ${message}`), [
    'output: Cannot write to "a.vrft": No space left on device; 32,768 events are recorded',
  ]);
  const reader = readAll(file.bytes, new Collected());
  assert.deepEqual([reader.records, reader.bytes], [32_768, file.bytes.length]);
  assert.deepEqual(reader.ending, { kind: "cut" });
});

testUnless(whyNotRoot(), "a full tmpfs leaves the whole blocks", async () => {
  const folder = Deno.makeTempDirSync();
  const run = (program: string, ...args: string[]): void => {
    const { success, stderr } = new Deno.Command(program, { args }).outputSync();
    assert.ok(success, new TextDecoder().decode(stderr));
  };
  run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder);
  try {
    const path = `${folder}/a.vrft`;
    const file = Deno.openSync(path, { write: true, create: true });
    const writer = writerTo({ file, name: path });
    await assert.rejects(async () => {
      for (;;) {
        feedStream(STREAM, writer);
        await writer.settle();
      }
    }, /No space left on device; [\d,]+ events are recorded/);
    file.close();
    using again = Deno.openSync(path);
    const read = survey(new RecordingReader(fileSource(again), path));
    assert.equal(read.records, writer.written);
    assert.ok(read.records > 0);
    assert.deepEqual(read.ending, { kind: "cut" });
  } finally {
    run("umount", folder);
    Deno.removeSync(folder);
  }
});

Deno.test("a writer that is killed leaves all blocks that it has written", async () => {
  const path = Deno.makeTempFileSync({ suffix: ".vrft" });
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("kill_worker.ts", import.meta.url).pathname, path],
      stdout: "piped",
    }).spawn();
    let said = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (said.split("\n").length > 8) break;
    }
    child.kill("SIGKILL");
    await child.status;
    const written = Number(said.trim().split("\n").at(-2));
    const read = new Collected();
    const reader = readAll(Deno.readFileSync(path), read);
    assert.ok(written > 0 && reader.records >= written, `${written}, ${reader.records}`);
    assert.equal(read.records, reader.records);
    assert.deepEqual(reader.ending, { kind: "cut" });
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("rotation makes files that stand alone, whose names sort, and keeps the last ones", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const open = (path: string): RecordingFile & Disposable =>
      Deno.openSync(path, { write: true, createNew: true });
    const options = { path: `${folder}/a.vrft`, bytes: 60_000, ms: null, keep: null, open };
    const rotation = new Rotation(options);
    const writer = writerTo(rotation.next(), { rotation });
    feedStream(STREAM, writer);
    feedStream(STREAM, writer);
    writer.end("interrupted");
    await writer.settle();
    const names = (): string[] => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(names(), [1, 2, 3].map((number) => `a.0000000${number}.vrft`));
    const all = new Collected();
    const ends = names().map((name) => {
      const { ending } = readAll(Deno.readFileSync(`${folder}/${name}`), all);
      return ending?.kind === "complete" ? ending.end.why : ending?.kind;
    });
    assert.deepEqual(ends, ["rotated", "rotated", "interrupted"]);
    assert.deepEqual(
      Uint32Array.from(all.words),
      new Uint32Array([...STREAM.words, ...STREAM.words]),
    );
    // By time, behind the files that are there, of which two are kept.
    let now = 0;
    const next = new Rotation({ ...options, bytes: null, ms: 1000, keep: 2, now: () => now });
    (next.next().file as RecordingFile & Disposable)[Symbol.dispose]();
    assert.deepEqual(names(), [3, 4].map((number) => `a.0000000${number}.vrft`));
    assert.equal(next.isDue(1e12), false);
    now = 1000;
    assert.equal(next.isDue(0), true);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("the files of a long trace begin with one pair of clocks and one name for each device", async () => {
  const files: MemoryFile[] = [];
  const next = (): { file: MemoryFile; name: string } => {
    const file = new MemoryFile();
    files.push(file);
    return { file, name: "it" };
  };
  let isDue = false;
  const writer = writerTo(next(), { rotation: { isDue: () => isDue, next } });
  // Ten thousand pairs are those of 14 hours.
  for (let turn = 0n; turn < 7n; turn++) {
    const value = Array.from({ length: 10_000 }, (_, index) => {
      const monotonic = 86_400_000_000_000n * turn + BigInt(index);
      return { monotonic, realtime: 1_764_166_669_000_000_000n + monotonic };
    });
    writer.add({ name: "clocks", value }, { name: "devices", value: [[1, 2, `tap${turn}`]] });
  }
  feedWords(writer, RECORD);
  isDue = true;
  writer.flush();
  isDue = false;
  writer.end("interrupted");
  await writer.settle();
  assert.equal(files.length, 2);
  const { sections } = readAll(files[1]!.bytes, new Collected());
  assert.deepEqual(sections.get("clocks")!.map(({ monotonic }) => monotonic), [
    6n * 86_400_000_000_000n + 9_999n,
  ]);
  assert.deepEqual(sections.get("devices"), [[1, 2, "tap6"]]);
});
