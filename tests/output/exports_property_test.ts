import assert from "node:assert/strict";
import { EXPORTS } from "../../src/output/views.ts";
import { viewOf } from "../../src/sys/view.ts";
import type { CallTree } from "../../src/trace/tree.ts";
import { writtenBy } from "../support/exports.ts";
import { faultsOf } from "../support/json_schema.ts";
import { checkPage, readPage } from "../support/html_page.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";
import { bytesAt, type Stream, vrouterStream } from "../support/vrouter_stream.ts";

const SEED = 14;
const PAGE_BYTES = 4096;
const STREAMS = [1, 2, 3].map((seed) =>
  vrouterStream(new Random(seed), { records: 400, packets: true, drops: true })
);

/** Passes on the records of a stream, of which some are damaged, and some are lost. */
function feedDamaged({ words }: Stream, random: Random, tree: CallTree): void {
  for (let at = 0; at < words.length;) {
    const bytes = bytesAt(words, at);
    const record = words.slice(at, at + bytes / 4);
    at += bytes / 4;
    const luck = random.int(32);
    if (luck === 0) continue;
    if (luck === 1) tree.lost(random.int(8));
    if (luck < 5) {
      const word = random.int(record.length);
      record[word] = random.pick([0, 0xffffffff, record[word]! ^ 1 << random.int(32)]);
    }
    tree.record(record, 0, bytes);
  }
}

const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../docs/schema/calls.schema.json", import.meta.url)),
);

/** Checks that a file is a message whose only field is 1, of messages. */
function onlyMessages(bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    assert.equal(bytes[at++], 0x0a);
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      length |= (bytes[at]! & 127) << shift;
      more = bytes[at++]! >= 128;
    }
    at += length;
  }
  assert.equal(at, bytes.length);
}

/** What can be checked of a file without its reader: that all lengths in it fit. */
const CHECKS: Readonly<Record<keyof typeof EXPORTS, (bytes: Uint8Array) => void | Promise<void>>> =
  {
    text(bytes): void {
      const text = new TextDecoder().decode(bytes);
      assert.equal(text.match(/\(\) \{/g)?.length, text.match(/^\d+ +\d+ +\}/gm)?.length);
    },
    json(bytes): void {
      const lines = new TextDecoder().decode(bytes).split("\n").slice(0, -1).map((line) =>
        JSON.parse(line)
      );
      assert.ok(lines.length > 1);
      for (const line of lines) assert.deepEqual(faultsOf(line, SCHEMA), []);
    },
    pcapng(bytes): void {
      const view = viewOf(bytes);
      let at = 0;
      while (at < bytes.length) {
        const block = at;
        const length = view.getUint32(block + 4, true);
        at += length;
        assert.ok(length % 4 === 0 && length >= 12 && at <= bytes.length);
        assert.equal(view.getUint32(at - 4, true), length);
        if (view.getUint32(block, true) !== 6) continue;
        const captured = view.getUint32(block + 20, true);
        assert.ok(captured <= view.getUint32(block + 24, true));
        let option = block + 28 + (captured + 3 & ~3);
        while (view.getUint16(option, true) !== 0) {
          option += 4 + (view.getUint16(option + 2, true) + 3 & ~3);
        }
        assert.equal(option + 8, at);
      }
    },
    perfetto: onlyMessages,
    otlp: onlyMessages,
    speedscope(bytes): void {
      const { profiles } = JSON.parse(new TextDecoder().decode(bytes));
      for (const { events, startValue, endValue } of profiles) {
        const open: number[] = [];
        let before = startValue;
        for (const { type, frame, at } of events) {
          assert.ok(at >= before && at <= endValue, `${startValue} ${before} ${at} ${endValue}`);
          before = at;
          if (type === "O") open.push(frame);
          else assert.equal(open.pop(), frame);
        }
        assert.equal(open.length, 0);
      }
    },
    "trace.dat"(bytes): void {
      const magic = new TextEncoder().encode("flyrecord\0");
      const view = viewOf(bytes);
      const head = new TextDecoder("latin1").decode(bytes).indexOf("flyrecord\0") + magic.length;
      const first = Number(view.getBigUint64(head, true));
      for (let page = first; page < bytes.length; page += PAGE_BYTES) {
        const used = view.getUint32(page + 8, true);
        let at = page + 16;
        while (at < page + 16 + used) {
          const type = view.getUint32(at, true) & 31;
          assert.ok([5, 10, 23, 30].includes(type));
          at += type === 30 ? 8 : 4 + 4 * type;
        }
        assert.equal(at, page + 16 + used);
        assert.ok(at <= page + PAGE_BYTES);
      }
      assert.equal(bytes.length % PAGE_BYTES, 0);
    },
    collapsed(bytes): void {
      const text = new TextDecoder().decode(bytes);
      for (const line of text.split("\n").slice(0, -1)) assert.match(line, /^[\w;]+ \d+$/);
    },
    async html(bytes): Promise<void> {
      const { data, calls } = await readPage(bytes);
      checkPage(data, calls);
    },
  };

for (const [name, format] of Object.entries(EXPORTS)) {
  const runs = propertyRuns(40);
  Deno.test(`whatever the records are, a file of the format ${name} is whole`, async () => {
    const random = new Random(SEED);
    const at = ["all", "last", "functions"] as const;
    for (let run = 0; run < runs; run++) {
      const stream = random.pick(STREAMS);
      const { functions } = stream;
      const sightings = { at: random.pick(at), functions, cooked: run % 2 === 0 };
      const bytes = await writtenBy(
        format,
        { functions, sightings },
        (tree) => feedDamaged(stream, random, tree),
      );
      await CHECKS[name as keyof typeof EXPORTS](bytes);
    }
    console.log(`${runs} cases from seed ${SEED}`);
  });
}
