/**
 * Times writing and reading a recording, on the calls of a real vrouter's packets (tests/data), with
 * times and packets that cannot be foreseen.
 *
 * Argument: RECORDS. Prints `{ records, bytes, writeMs, readMs }`: CPU time of all threads, that of
 * the second run, as the first time V8 still compiles.
 *
 * @module
 */

import process from "node:process";
import type { BlockSink } from "../../../src/recording/decoder.ts";
import { RecordingReader } from "../../../src/recording/reader.ts";
import { fileSource } from "../../../src/recording/source.ts";
import { Random } from "../../support/random.ts";
import { writerTo } from "../../support/recordings.ts";
import { feedStream, vrouterStream } from "../../support/vrouter_stream.ts";

/** Milliseconds of CPU time of this process. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

class Counter implements BlockSink {
  records = 0;

  record(): void {
    this.records++;
  }

  lost(): void {}
}

const stream = vrouterStream(new Random(1), { records: Number(Deno.args[0]) });
const path = Deno.makeTempFileSync({ suffix: ".vrft" });
let [writeMs, readMs, bytes] = [0, 0, 0];
try {
  for (let run = 0; run < 2; run++) {
    const start = cpuMs();
    {
      using file = Deno.openSync(path, { write: true, truncate: true });
      const writer = writerTo({ file: { write: (block) => file.write(block) }, name: path });
      feedStream(stream, writer);
      writer.end("limit");
      await writer.settle();
      bytes = writer.writtenBytes;
    }
    const written = cpuMs();
    using file = Deno.openSync(path);
    const reader = new RecordingReader(fileSource(file), path);
    const counter = new Counter();
    while (reader.next(counter));
    if (counter.records !== stream.records || reader.ending?.kind !== "complete") {
      throw new Error(`${counter.records} of ${stream.records} records read`);
    }
    [writeMs, readMs] = [written - start, cpuMs() - written];
  }
} finally {
  Deno.removeSync(path);
}
console.log(JSON.stringify({ records: stream.records, bytes, writeMs, readMs }));
