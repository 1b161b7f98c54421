/**
 * Another thread of the test's process, which writes records while the test reads them.
 *
 * @module
 */

import { KIND_ENTRY } from "../../src/probe/record.ts";
import { RecordProgram } from "../support/bpf.ts";

// Both ends of the channel have the same methods; the types for this one are those of a window.
const test = globalThis as unknown as Worker;

test.onmessage = ({ data }: MessageEvent<{ program: number; runs: number }>): void => {
  const program = new RecordProgram(data.program);
  for (let run = 0; run < data.runs; run++) program.run(BigInt(run), KIND_ENTRY, BigInt(run));
  test.postMessage(null);
};
