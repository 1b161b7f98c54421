import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { resultWords } from "../../src/kernel/result_type.ts";
import { EVENT_BYTES } from "../../src/probe/record.ts";
import { RecordDecoder } from "../../src/recording/decoder.ts";
import { RecordEncoder } from "../../src/recording/encoder.ts";
import { HEAD_BYTES, MAX_RECORDS } from "../../src/recording/format.ts";
import { RecordingReader, type RecordingSink } from "../../src/recording/reader.ts";
import { recordedResults, resultsOf } from "../../src/recording/results.ts";
import { readSections, type Section, sectionBytes } from "../../src/recording/sections.ts";
import { memorySource } from "../../src/recording/source.ts";
import { survey } from "../../src/recording/survey.ts";
import { ChosenPackets } from "../../src/trace/chosen_packets.ts";
import { MarkedPackets } from "../../src/trace/marked_packets.ts";
import { Failure } from "../../src/sys/failure.ts";
import { viewOf } from "../../src/sys/view.ts";
import { attack } from "../support/hostile.ts";
import { Random } from "../support/random.ts";
import { HEADER, recorded } from "../support/recordings.ts";
import { bytesAt, feedStream, vrouterStream } from "../support/vrouter_stream.ts";

/** Checks that records lie in their memory, and counts them. */
class Inside implements RecordingSink {
  records = 0;

  record(words: Uint32Array, at: number, bytes: number): void {
    assert.ok(
      bytes >= EVENT_BYTES && bytes % EVENT_BYTES === 0 && 4 * at + bytes <= words.byteLength,
    );
    assert.equal(bytesAt(words, at), bytes);
    this.records++;
  }

  lost(ahead: number, total: number): void {
    assert.ok(ahead >= 0 && total >= 0);
  }
}

const streams = [{}, { packets: true }, { long: true }].map((options) =>
  vrouterStream(new Random(9), { records: 60, cpus: 2, ...options })
);

class Damaged extends Error {}

const isDamage = (error: unknown): boolean => error instanceof Damaged;

Deno.test("a damaged file is rejected, or what is whole of it is read", async () => {
  const originals = await Promise.all(streams.map((stream) =>
    recorded((writer) => {
      feedStream(stream, writer);
      writer.add({ name: "clocks", value: [{ monotonic: 1n, realtime: 2n }] });
      feedStream(stream, writer);
    }, { sections: [{ name: "functions", value: [{ name: "f", module: "m", returns: true }] }] })
  ));
  attack({
    title: "recording",
    seed: 0x5eed_0200,
    originals,
    // Each input takes several decompressors, whose memory node:zlib frees late.
    runs: 1_000,
    use: (bytes, index, random) => {
      // Half of the heads are made right again, as whoever means harm would.
      if (random.int(2) === 0) {
        for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
          const head = bytes.subarray(at, at + HEAD_BYTES);
          viewOf(head).setUint32(52, crc32(head.subarray(8, 52)), true);
          at += HEAD_BYTES + viewOf(head).getUint32(44, true);
        }
      }
      const sink = new Inside();
      let reader: RecordingReader;
      try {
        reader = new RecordingReader(memorySource(bytes), "it");
      } catch (error) {
        assert.ok(error instanceof Failure && error.kind === "recording");
        throw new Damaged();
      }
      let blocks = 0;
      while (reader.next(sink)) blocks++;
      assert.ok(blocks <= bytes.length / HEAD_BYTES && reader.bytes <= bytes.length);
      assert.ok(sink.records === reader.records && sink.records <= 2 * streams[index]!.records);
      assert.notEqual(reader.ending, null);
      // Hopping believes the heads alone, so it gets at least as far.
      const hopped = survey(new RecordingReader(memorySource(bytes), "it"));
      assert.ok(hopped.blocks >= reader.blocks);
      if (reader.ending?.kind === "damaged") throw new Damaged();
    },
    rejects: isDamage,
  });
});

Deno.test("damaged columns are rejected, or are records", () => {
  const encoder = new RecordEncoder();
  const originals = streams.map(({ words }) => {
    for (let at = 0; at < words.length; at += bytesAt(words, at) / 4) {
      encoder.add(words, at, bytesAt(words, at));
      if (at % 5 === 0) encoder.addLoss(at, at);
    }
    return encoder.take().slice();
  });
  const decoder = new RecordDecoder();
  // What chooses packets takes any records, and makes some of its own.
  const inside = new Inside();
  const chosen = new ChosenPackets(
    {
      record: (words, at, bytes) => inside.record(words, at, bytes),
      lost: () => {},
      dry: () => {},
    },
    300,
    ({ ifindex, vif, vrf }) => ((ifindex + vif + vrf) & 1) === 0,
  );
  const choosing = new MarkedPackets(chosen, {
    functionCount: 300,
    kinds: 3,
    met: ({ ifindex, nexthop, label, vni }) => (ifindex + nexthop + label + vni) & 3,
    conditional: false,
  });
  attack({
    title: "columns",
    seed: 0x5eed_0201,
    originals,
    use: (bytes, index, random) => {
      const { records } = streams[index]!;
      const claimed = random.int(8) === 0 ? random.int(MAX_RECORDS + 10) : records;
      const isRight = claimed === records;
      if (!decoder.decode(bytes, claimed)) {
        const sink = new Inside();
        decoder.feed(sink);
        assert.equal(sink.records, 0);
        if (isRight || bytes.length > 0) throw new Damaged();
      }
      const sink = new Inside();
      decoder.feed(sink);
      assert.equal(sink.records, claimed);
      decoder.feed(choosing);
    },
    rejects: isDamage,
  });
  assert.ok(inside.records > 1000);
});

Deno.test("damaged sections are rejected, or have the form that they should have", () => {
  const sections: Section[] = [
    { name: "header", value: HEADER },
    { name: "functions", value: [{ name: "vr_input", module: "vrouter", returns: false }] },
    { name: "clocks", value: [{ monotonic: 5n, realtime: 2n ** 61n }] },
    {
      name: "nexthops",
      value: {
        time: 1n,
        all: [{
          id: 1,
          type: 3,
          flags: 1,
          family: 2,
          vrf: 0,
          oif: 4,
          tunnel: { source: Uint8Array.of(1, 2, 3, 4), destination: Uint8Array.of(5, 6, 7, 8) },
          members: [{ id: -1, label: 16 }],
        }],
      },
    },
    { name: "symbols", value: [[0xffffffff81000000n, "startup_64"]] },
    { name: "places", value: { drop: { nh_type: { offset: 4, bytes: 1, isSigned: true } } } },
    { name: "words", value: { kernel: [[[2, "SKB_DROP_REASON_NOT_SPECIFIED"]]], vrouter: [] } },
    {
      name: "results",
      value: recordedResults([
        null,
        { kind: "enum", bits: 32, isSigned: true, names: new Map([[-1n, "FLOW_DROP"]]) },
        { kind: "int", bits: 64, isSigned: false },
        { kind: "bool" },
      ]),
    },
    { name: "selection", value: { filter: null, sample: 3, interfaces: ["tap1"] } },
  ];
  const originals = sections.map(sectionBytes);
  assert.deepEqual(originals.flatMap((bytes) => readSections(bytes)), sections);
  attack({
    title: "sections",
    seed: 0x5eed_0202,
    originals,
    use: (bytes) => {
      const read = readSections(bytes);
      if (read === null) throw new Damaged();
      // What is accepted can be written again, and is the same then.
      for (const section of read) {
        assert.deepEqual(readSections(sectionBytes(section)), [section]);
        if (section.name !== "results") continue;
        for (const type of resultsOf(section.value)) if (type !== null) resultWords(type, -1, 7);
      }
    },
    rejects: isDamage,
  });
});
