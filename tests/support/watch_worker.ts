/**
 * The thread of watch.ts that watches.
 *
 * @module
 */

import { BEAT, STOPPED, type Watched } from "./watch.ts";

self.addEventListener("message", (event) => watch((event as MessageEvent<Watched>).data));

function watch({ shared, title, patienceMs }: Watched): void {
  for (let last = -1;;) {
    const ended = Atomics.wait(shared, STOPPED, 0, patienceMs) !== "timed-out";
    if (ended) return;
    const run = Atomics.load(shared, BEAT);
    if (run === last) {
      const text = `${title}: input ${run} has taken ${patienceMs / 1000} s: killing the tests\n`;
      Deno.stderr.writeSync(new TextEncoder().encode(text));
      Deno.kill(Deno.pid, "SIGKILL");
    }
    last = run;
  }
}
