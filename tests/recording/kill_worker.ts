/**
 * Writes a recording to the file that is its argument until it is killed, and says so after each block.
 *
 * @module
 */

import { Random } from "../support/random.ts";
import { writerTo } from "../support/recordings.ts";
import { feedStream, vrouterStream } from "../support/vrouter_stream.ts";

const path = Deno.args[0]!;
using file = Deno.openSync(path, { write: true, create: true });
const writer = writerTo({ file, name: path });
const stream = vrouterStream(new Random(6), { records: 20_000 });
for (;;) {
  feedStream(stream, writer);
  await writer.progress();
  console.log(writer.written);
}
