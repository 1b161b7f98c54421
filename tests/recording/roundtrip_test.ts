import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DECIDED_FLOW } from "../../src/probe/decision_record.ts";
import { NO_FUNCTION } from "../../src/probe/packet_record.ts";
import {
  CALL,
  EVENT_BYTES,
  FUNCTION_MASK,
  KIND_LONG,
  KIND_LONG_ENTRY,
  KIND_LONG_RETURN,
  KIND_RETURN,
  RESULT_HIGH,
} from "../../src/probe/record.ts";
import { COLUMNS, FIRST_COLUMNS } from "../../src/recording/columns.ts";
import { RecordDecoder } from "../../src/recording/decoder.ts";
import { RecordEncoder } from "../../src/recording/encoder.ts";
import { OccurringFunctions } from "../../src/recording/occurring_functions.ts";
import type { Section } from "../../src/recording/sections.ts";
import type { RecordingWriter } from "../../src/recording/writer.ts";
import { feed } from "../support/call_records.ts";
import { Machine } from "../support/machine.ts";
import {
  copyRecord,
  decisionRecord,
  dropRecord,
  endRecord,
  feedWords,
  matchRecord,
  packetRecord,
} from "../support/packet_records.ts";
import { forRandomCases } from "../support/property.ts";
import { Random } from "../support/random.ts";
import { Collected, readAll, recorded } from "../support/recordings.ts";
import { testUnless, whyNoProgram } from "../support/skip.ts";
import { bytesAt, feedStream, vrouterStream } from "../support/vrouter_stream.ts";

const READ = new URL("read.py", import.meta.url).pathname;
const decoder = new TextDecoder();

function run(program: string, args: readonly string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args: [...args] }).outputSync();
  assert.ok(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** Records of any kind and with any numbers: only their lengths are what the ring guarantees. */
function anyRecord(random: Random): Uint32Array {
  const kind = random.int(3) === 0
    ? 3 + random.int(253)
    : 1 + random.int(2) | (random.int(4) === 0 ? KIND_LONG : 0);
  const isLong = kind === KIND_LONG_ENTRY || kind === KIND_LONG_RETURN;
  const units = kind <= KIND_RETURN ? 1 : isLong ? 2 : 1 + random.int(16);
  const small = random.int(2) === 0;
  const words = new Uint32Array(units * EVENT_BYTES / 4).map(() => random.int(small ? 8 : 2 ** 32));
  const cpu = random.int(small ? 3 : 2 ** 16);
  words[5] = cpu | kind << 16 | random.int(small ? 2 : 256) << 24;
  // The rest of the second unit is reserved.
  if (isLong) words.fill(0, RESULT_HIGH + 1);
  else if (kind > KIND_RETURN) words[3] = (words[3]! & ~0xff) | units;
  return words;
}

Deno.test("all records come back as they were, whatever they have", async () => {
  const random = new Random(0x5eed_0100);
  const lists: Uint32Array[][] = [];
  forRandomCases(0x5eed_0101, () => {
    lists.push(Array.from({ length: random.int(60) }, () => anyRecord(random)));
  }, 500);
  for (const list of lists) {
    const bytes = await recorded((writer) => list.forEach((words) => feedWords(writer, words)));
    const read = new Collected();
    assert.equal(readAll(bytes, read).ending?.kind, "complete");
    assert.deepEqual(read.words, list.flatMap((words) => [...words]));
  }
});

Deno.test("calls of tasks that migrate and are interrupted come back", async () => {
  const written = new Collected();
  const bytes = await recorded((writer) => {
    const machine = new Machine(new Random(7), 3, (record) => {
      feed(written, record);
      feed(writer, record);
    });
    for (let step = 0; step < 40_000; step++) machine.step();
    machine.unwind();
  });
  const read = new Collected();
  readAll(bytes, read);
  assert.deepEqual(read.words, written.words);
});

Deno.test("a block of version 1.0, without the columns of long calls, is read", () => {
  const stream = vrouterStream(new Random(8), { records: 500, packets: true });
  const encoder = new RecordEncoder();
  feedStream(stream, { record: (words, at, bytes) => encoder.add(words, at, bytes) });
  const { records } = encoder;
  const plain = encoder.take();
  const rest = plain.slice(4 + 4 * COLUMNS);
  const old = new Uint8Array(4 + 4 * FIRST_COLUMNS + rest.length);
  old.set(plain.subarray(0, 4 + 4 * FIRST_COLUMNS));
  old[0] = FIRST_COLUMNS;
  old.set(rest, 4 + 4 * FIRST_COLUMNS);
  const decoder = new RecordDecoder();
  // What one block had must not be taken for the next one's.
  const long = vrouterStream(new Random(8), { records: 500, long: true });
  feedStream(long, { record: (words, at, bytes) => encoder.add(words, at, bytes) });
  assert.ok(decoder.decode(encoder.take(), long.records));
  assert.ok(decoder.decode(old, records));
  const read = new Collected();
  decoder.feed(read);
  assert.deepEqual(Uint32Array.from(read.words), stream.words);
});

Deno.test("only the functions that occur are named, in front of their records", async () => {
  const stream = vrouterStream(new Random(6), { records: 40_000, packets: true, drops: true });
  const unused = stream.functions.map((name) => `unused_${name}`);
  const all = [...unused, ...stream.functions].map((name) => ({
    name,
    module: "vrouter",
    returns: true,
  }));
  const isOfFunction = (words: Uint32Array, at: number): boolean =>
    (words[at + CALL]! & FUNCTION_MASK) !== NO_FUNCTION;
  const words = stream.words.slice();
  for (let at = 0; at < words.length; at += bytesAt(words, at) / 4) {
    if (isOfFunction(words, at)) words[at + CALL]! += unused.length;
  }
  const traced = { ...stream, words };
  const functions = new OccurringFunctions(all, {
    types: all.map(({ name }) => ({
      kind: "enum",
      bits: 32,
      isSigned: false,
      names: [["0", name]],
    })),
    functions: all.map((_, number) => number),
  });
  const bytes = await recorded((writer) => feedStream(traced, writer), { functions });
  let known: readonly { readonly name: string }[] = all;
  const names: string[] = [];
  const note = (words: Uint32Array, at: number): void => {
    const fn = words[at + CALL]! & FUNCTION_MASK;
    names.push(isOfFunction(words, at) ? known[fn]!.name : "");
  };
  feedStream(traced, { record: note });
  const expected = names.splice(0).join(" ");
  known = [];
  const reader = readAll(bytes, {
    record: note,
    lost: () => {},
    section(section): void {
      if (section.name === "functions") known = section.value;
    },
  });
  assert.ok(names.join(" ") === expected);
  assert.ok(known.length > 10 && known.every(({ name }) => !name.startsWith("unused_")));
  const { types, functions: results } = reader.sections.get("results")!;
  assert.deepEqual(
    results.map((number) => types[number!]!.names[0]![1]),
    known.map(({ name }) => name),
  );
  assert.equal(types.length, known.length, "nor are the types that only others return");
});

Deno.test("losses and sections come back in their places", async () => {
  const place = { slot: 7, generation: 3, cpu: 1, time: 1000 };
  const words = [
    packetRecord(place, { length: 98, header: new Uint8Array(98).fill(5) }),
    copyRecord({ ...place, slot: 8 }, place),
    dropRecord(place, { reason: 9, stack: [0xffffffff81000010n] }),
    endRecord(place),
    matchRecord(place),
    decisionRecord(place, DECIDED_FLOW),
  ];
  let lost = 0;
  const clocks: Section = {
    name: "clocks",
    value: [{ monotonic: 2n ** 60n, realtime: 2n ** 62n }],
  };
  const bytes = await recorded((writer) => {
    feedWords(writer, words[0]!);
    lost = 2 ** 33 + 1;
    writer.lost(5);
    for (const record of words.slice(1)) feedWords(writer, record);
    writer.add(clocks);
    lost += 3;
    writer.lost(0);
  }, { lost: () => lost });
  const read = new Collected();
  const reader = readAll(bytes, read);
  assert.deepEqual(read.words, words.flatMap((one) => [...one]));
  assert.deepEqual(read.losses, [
    { ahead: 5, total: 2 ** 33 + 1, behind: 1 },
    { ahead: 0, total: 2 ** 33 + 4, behind: 6 },
  ]);
  assert.deepEqual(read.sections.map(({ name }) => name), ["clocks", "end"]);
  assert.deepEqual(read.sections[0], clocks);
  assert.deepEqual(reader.ending, {
    kind: "complete",
    end: { time: 1000n, why: "interrupted", records: 6, lost },
  });
});

Deno.test("a trace of calls takes 6 bytes an event at most", async () => {
  const stream = vrouterStream(new Random(3), { records: 100_000 });
  const bytes = await recorded((writer) => feedStream(stream, writer));
  assert.ok(bytes.length / stream.records < 6, `${bytes.length / stream.records}`);
});

Deno.test("vifs, nexthops and results of calls take 4 bytes an event at most", async () => {
  const [short, long] = await Promise.all([false, true].map(async (long) => {
    const stream = vrouterStream(new Random(3), { records: 50_000, long });
    const bytes = await recorded((writer) => feedStream(stream, writer));
    return bytes.length / stream.records;
  }));
  assert.ok(long! > short! && long! < short! + 4, `${long} and ${short}`);
});

const without = whyNoProgram("zstd") || whyNoProgram("python3");

testUnless(
  without,
  "zstd accepts it, and a reader made from docs/recording.md reads the same",
  async () => {
    const stream = vrouterStream(new Random(4), { records: 40_000, packets: true, long: true });
    let lost = 0;
    const fill = (writer: RecordingWriter): void => {
      feedStream(stream, writer);
      lost = 17;
      writer.lost(3);
    };
    const functions = stream.functions.map((name) => ({ name, module: "vrouter", returns: true }));
    const bytes = await recorded(fill, {
      lost: () => lost,
      sections: [{ name: "functions", value: functions }],
    });
    const file = Deno.makeTempFileSync({ suffix: ".vrft" });
    try {
      Deno.writeFileSync(file, bytes);
      run("zstd", ["-tq", file]);
      assert.match(run("zstd", ["-l", file]), /XXH64/);
      const said = run("python3", [READ, file]);
      const md5 = createHash("md5").update(new Uint8Array(stream.words.buffer)).digest("hex");
      assert.ok(said.endsWith(`total ${stream.records} ${md5}\n`), said.slice(-500));
      assert.match(said, /records \d+ lost 17 \[\(\d+, 3, 17\)\]/);
      assert.match(said, /^header .*"kernel": "6\.12/m);
      const read = new Collected();
      readAll(bytes, read);
      assert.deepEqual(Uint32Array.from(read.words), stream.words);
    } finally {
      Deno.removeSync(file);
    }
  },
);
