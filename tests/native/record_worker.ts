/**
 * Another thread of the test's process, which writes records while the test reads them.
 *
 * @module
 */

import { KIND_ENTRY } from "../../src/probe/record.ts";
import { RecordProgram } from "../support/bpf.ts";

/** What is wanted of this thread. */
export interface Order {
  /** fd of the program. */
  readonly program: number;
  /** Records to write, each with its number as call word and frame. */
  readonly runs: number;
  /** CPU to write them on. */
  readonly cpu: number;
  /** The generation in the records. */
  readonly worker: number;
  /** Incremented at the end: the reader looks at it without turning its event loop. */
  readonly finished: Int32Array;
}

self.addEventListener("message", (event) => {
  const { program, runs, cpu, worker, finished } = (event as MessageEvent<Order>).data;
  const writer = new RecordProgram(program);
  for (let run = 0; run < runs; run++) {
    writer.run(BigInt(worker) << 32n | BigInt(run), KIND_ENTRY, BigInt(run), cpu);
  }
  Atomics.add(finished, 0, 1);
});
