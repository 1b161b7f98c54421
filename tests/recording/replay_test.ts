import assert from "node:assert/strict";
import { TextView } from "../../src/output/text.ts";
import { EXPORTS } from "../../src/output/views.ts";
import type { RecordingSink } from "../../src/recording/reader.ts";
import { CallTree } from "../../src/trace/tree.ts";
import { writtenBy } from "../support/exports.ts";
import { Random } from "../support/random.ts";
import { readAll, recorded } from "../support/recordings.ts";
import { written } from "../support/text_sink.ts";
import { bytesAt, vrouterStream } from "../support/vrouter_stream.ts";

const STREAM = vrouterStream(new Random(8), { records: 20_000, packets: true, drops: true });

/** What the ring gives of the stream when it loses every 100th record, and is told every 1,000 of them. */
function feedWithLoss(sink: RecordingSink): void {
  const { words } = STREAM;
  for (let at = 0, record = 0; at < words.length; at += bytesAt(words, at) / 4, record++) {
    if (record % 100 !== 7) sink.record(words, at, bytesAt(words, at));
    if (record % 1000 === 999) sink.lost(3, record / 100);
  }
}

/** The rows of a trace whose source is `feed`. */
function textOf(feed: (sink: RecordingSink) => void): Promise<string> {
  return written((writer) => {
    const tree = new CallTree(new TextView(writer, STREAM.functions), STREAM.functions.length);
    feed(tree);
    tree.finish();
  });
}

Deno.test("a view prints the same of a recording as of the ring, losses included", async () => {
  const live = await textOf(feedWithLoss);
  const recording = await recorded(feedWithLoss);
  const replayed = await textOf((sink) => {
    assert.equal(readAll(recording, sink).ending?.kind, "complete");
  });
  assert.ok(live.includes("return lost"));
  assert.equal(replayed, live);
});

/** Passes on what a tree wants to know. */
function sinkOf(tree: CallTree): RecordingSink {
  return {
    record: (words, at, bytes) => tree.record(words, at, bytes),
    lost: (ahead) => tree.lost(ahead),
  };
}

for (const [name, format] of Object.entries(EXPORTS)) {
  Deno.test(`a recording exported as ${name} is the same as the trace written live`, async () => {
    const { functions } = STREAM;
    const recording = await recorded(feedWithLoss);
    const replayed = await writtenBy(format, { functions }, (tree) => {
      readAll(recording, sinkOf(tree));
    });
    const live = await writtenBy(
      format,
      { functions },
      (tree) => feedWithLoss(sinkOf(tree)),
    );
    assert.deepEqual(replayed, live);
  });
}
