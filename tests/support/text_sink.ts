/**
 * A sink that stores what is written.
 *
 * @module
 */

import { type ByteSink, LineWriter } from "../../src/output/line_writer.ts";

/** Collects text. */
export class TextSink implements ByteSink {
  text = "";

  write(bytes: Uint8Array): Promise<number> {
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }
}

/** What `use` writes. */
export async function written(use: (writer: LineWriter) => void): Promise<string> {
  const sink = new TextSink();
  const writer = new LineWriter(sink, "test");
  use(writer);
  await writer.finish();
  return sink.text;
}
