import assert from "node:assert/strict";
import { DECIDED_PREFIX, ROUTE_REACH } from "../../src/probe/decision_record.ts";
import {
  BLOCK_RECORDS,
  BLOCK_SECTIONS,
  HEAD_BYTES,
  writeHead,
} from "../../src/recording/format.ts";
import { RecordingReader } from "../../src/recording/reader.ts";
import { fileSource, memorySource } from "../../src/recording/source.ts";
import { survey } from "../../src/recording/survey.ts";
import { kallsymsOf, RecordedEnums } from "../../src/recording/words.ts";
import { OccurringSymbols } from "../../src/recording/symbols.ts";
import { compress } from "../../src/recording/zstd.ts";
import { TextSymbols } from "../../src/kernel/text_symbols.ts";
import { Failure } from "../../src/sys/failure.ts";
import { viewOf } from "../../src/sys/view.ts";
import { decisionRecord, dropRecord, feedWords } from "../support/packet_records.ts";
import { Random } from "../support/random.ts";
import { Collected, HEADER, readAll, recorded } from "../support/recordings.ts";
import { feedStream, vrouterStream } from "../support/vrouter_stream.ts";

const STREAM = vrouterStream(new Random(5), { records: 40_000 });
const RECORDING = await recorded((writer) => feedStream(STREAM, writer));

/** Offsets of the blocks, and of the end. */
function boundaries(bytes: Uint8Array): number[] {
  const found = [0];
  for (let at = 0; at < bytes.length;) {
    at += HEAD_BYTES + viewOf(bytes).getUint32(at + 44, true);
    found.push(at);
  }
  return found;
}

/** The first block again, changed. */
function headChanged(change: (head: DataView) => void): Uint8Array {
  const bytes = RECORDING.slice();
  change(viewOf(bytes));
  return bytes;
}

function failureOf(bytes: Uint8Array): Failure {
  try {
    readAll(bytes, new Collected());
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.kind, "recording");
    return error;
  }
  throw new Error("It was accepted");
}

Deno.test("a recording that is cut anywhere has all records of its whole blocks", () => {
  const blocks = boundaries(RECORDING);
  const random = new Random(1);
  const cuts = blocks.flatMap((at) => [at, at + 1, at + 8, at + HEAD_BYTES - 1, at + HEAD_BYTES]);
  while (cuts.length < 200) cuts.push(blocks[1]! + random.int(RECORDING.length - blocks[1]!));
  for (const cut of cuts.filter((at) => at >= blocks[1]! && at < RECORDING.length)) {
    const read = new Collected();
    const reader = readAll(RECORDING.subarray(0, cut), read);
    const whole = blocks.findLastIndex((at) => at <= cut);
    assert.deepEqual(reader.ending, { kind: "cut" });
    assert.deepEqual([reader.blocks, reader.bytes], [whole, blocks[whole]]);
    assert.equal(read.records, Math.min(STREAM.records, 16_384 * (whole - 1)));
    const hopped = survey(new RecordingReader(memorySource(RECORDING.subarray(0, cut)), "it"));
    assert.deepEqual([hopped.blocks, hopped.records], [whole, read.records]);
  }
});

Deno.test("what is no recording is refused with a word", () => {
  const failures = [
    new Uint8Array(),
    new TextEncoder().encode("Timestamp   CPU   Function"),
    RECORDING.subarray(0, 20),
    headChanged((head) => head.setUint8(12, 2)),
    headChanged((head) => head.setUint8(20, 1)),
    compress(new Uint8Array(100)),
  ].map((bytes) => failureOf(bytes).message);
  assert.deepEqual(failures, [
    'Cannot read "a.vrft": it is empty',
    'Cannot read "a.vrft": it is no recording of vrft',
    'Cannot read "a.vrft": it ends before its first events',
    'Cannot read "a.vrft": it is written in version 2 of the format, and this vrft reads version 1: ' +
    "use a newer vrft",
    'Cannot read "a.vrft": a block\'s head is damaged',
    'Cannot read "a.vrft": it is no recording of vrft',
  ]);
});

Deno.test("records of another version are refused, as their fields may be elsewhere", async () => {
  const header = { ...HEADER, recordVersion: 99, vrft: "9.9.9" };
  const bytes = await recorded(() => {}, { sections: [{ name: "header", value: header }] });
  assert.match(failureOf(bytes).message, /records are of version 99, .* use vrft 9\.9\.9/);
});

Deno.test("blocks of unknown types and sections of unknown types are skipped", async () => {
  const bytes = await recorded(() => {});
  const [first] = boundaries(bytes).slice(1);
  const block = (type: number, plain: Uint8Array, sequence: number): Uint8Array => {
    const frame = compress(plain);
    const all = new Uint8Array(HEAD_BYTES + frame.length);
    const about = { records: 0, first: 0n, last: 0n, lost: 0 };
    writeHead(all, {
      type,
      sequence,
      frameBytes: frame.length,
      plainBytes: plain.length,
      ...about,
    });
    all.set(frame, HEAD_BYTES);
    return all;
  };
  const unknownSection = new Uint8Array([99, 0, 0, 0, 2, 0, 0, 0, 1, 2]);
  const file = new Blob([
    bytes.subarray(0, first),
    block(77, new Uint8Array(10), 1) as Uint8Array<ArrayBuffer>,
    block(BLOCK_SECTIONS, unknownSection, 2) as Uint8Array<ArrayBuffer>,
  ]);
  const reader = readAll(new Uint8Array(await file.arrayBuffer()), new Collected());
  assert.deepEqual([reader.blocks, reader.ending], [3, { kind: "cut" }]);
});

Deno.test("a damaged block ends the reading behind the whole ones", () => {
  const blocks = boundaries(RECORDING);
  const bytes = RECORDING.slice();
  bytes[blocks[2]! + 1000]! ^= 1;
  const read = new Collected();
  assert.deepEqual(readAll(bytes, read).ending, { kind: "damaged", what: "a block is damaged" });
  assert.equal(read.records, 16_384);
  // What a file system may leave after a power loss.
  const zeros = RECORDING.slice();
  zeros.fill(0, blocks[2]!);
  assert.equal(readAll(zeros, new Collected()).ending?.kind, "damaged");
  // A block is missing.
  const gap = new Uint8Array([
    ...RECORDING.subarray(0, blocks[1]!),
    ...RECORDING.subarray(blocks[2]!),
  ]);
  assert.deepEqual(readAll(gap, new Collected()).ending, {
    kind: "damaged",
    what: "block 2 is in the place of 1",
  });
});

Deno.test("seek() hops to the block with a time, in a file as in a pipe", () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, RECORDING);
    const heads = new RecordingReader(memorySource(RECORDING), "it");
    heads.skip();
    const second = heads.skip()!;
    assert.equal(second.type, BLOCK_RECORDS);
    for (const isPipe of [false, true]) {
      using file = Deno.openSync(path);
      const source = fileSource(isPipe ? { readSync: (to) => file.readSync(to) } : file);
      const reader = new RecordingReader(source, "it");
      reader.seek(second.first + 1n);
      const read = new Collected();
      while (reader.next(read));
      assert.equal(read.records, STREAM.records - 16_384);
      assert.equal(reader.ending?.kind, "complete");
    }
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("symbols that occur in drops are recorded before them, and name the same addresses", async () => {
  const text = "ffffffff81000000 T first\nffffffff81000100 t second\nffffffff81000200 t third\n";
  const kallsyms = new TextEncoder().encode(text);
  const symbols = new OccurringSymbols(() => kallsyms);
  const stack = [0xffffffff81000110n, 0xffffffff81000100n, 0x1234n];
  const bytes = await recorded(
    (writer) => feedWords(writer, dropRecord({ slot: 1, generation: 1 }, { stack })),
    { symbols },
  );
  const read = new Collected();
  const known = readAll(bytes, read).sections.get("symbols")!;
  assert.equal(read.sections[0]?.name, "symbols");
  assert.deepEqual(known.map(([, name]) => name).sort(), ["first", "second"]);
  const replayed = new TextSymbols(kallsymsOf(known));
  const live = new TextSymbols(kallsyms);
  for (const low of [0x81000110, 0x8100010f, 0x81000100, 0x810000ff]) {
    assert.equal(replayed.containing(low)?.name, live.containing(low)?.name);
  }
});

Deno.test("the symbol that a lookup has led to is recorded once a drop may be explained by it", async () => {
  const text =
    "ffffffffc0001000 t nh_discard\t[vrouter]\nffffffffc0002000 t nh_output\t[vrouter]\n";
  let read = 0;
  const symbolsOf = async (...records: Uint32Array[]): Promise<string[]> => {
    const symbols = new OccurringSymbols(() => {
      read++;
      return new TextEncoder().encode(text);
    });
    const bytes = await recorded((writer) => records.forEach((one) => feedWords(writer, one)), {
      symbols,
    });
    return (readAll(bytes, new Collected()).sections.get("symbols") ?? []).map(([, name]) => name);
  };
  const place = { slot: 1, generation: 1 };
  const lookup = decisionRecord(place, DECIDED_PREFIX, { [ROUTE_REACH]: 0xc0001000 });
  const drop = dropRecord(place, {});
  assert.deepEqual(await symbolsOf(lookup), []);
  // All of kallsyms takes long to read.
  assert.equal(read, 0);
  assert.deepEqual(await symbolsOf(lookup, drop), ["nh_discard"]);
  const stacked = dropRecord(place, { stack: [0xffffffffc0002010n] });
  assert.deepEqual(await symbolsOf(stacked, lookup), ["nh_output", "nh_discard"]);
});

Deno.test("the words of enums are found by a member, as in BTF", () => {
  const enums = new RecordedEnums([[[0, "A"], [1, "B"]], [[5, "C"]]]);
  assert.deepEqual(enums.enumNames("C"), new Map([[5, "C"]]));
  assert.equal(enums.enumNames("D"), undefined);
});
