/**
 * Shows made-up drops as a table on its terminal until a key or a signal ends it.
 *
 * @module
 */

import { DropTable } from "../../../src/output/drops/table.ts";
import { HeldMessages } from "../../../src/output/held_messages.ts";
import { LineWriter } from "../../../src/output/line_writer.ts";
import { standardError } from "../../../src/output/messages.ts";
import { TerminalScreen } from "../../../src/output/screen.ts";
import { STANDARD_OUTPUT } from "../../../src/output/sinks.ts";
import { monotonicClock } from "../../../src/sys/clock.ts";
import { libc } from "../../../src/sys/libc.ts";
import { Poller } from "../../../src/sys/poller.ts";
import { endingSignals } from "../../../src/sys/signals.ts";
import { drop, WORDS } from "../../support/drops.ts";

const clock = monotonicClock();
const now = (): bigint => BigInt(Math.round(clock()));
const end = new AbortController();
const stop = (): void => end.abort();
for (const signal of endingSignals(undefined).keys()) Deno.addSignalListener(signal, stop);

const writer = new LineWriter(STANDARD_OUTPUT, "standard output");
const messages = new HeldMessages(standardError);
using poller = new Poller(libc().eventfd(0, 0));
using screen = new TerminalScreen(writer);
const table = new DropTable({ screen, words: WORDS, colour: true, now, quit: stop });
messages.hold((text) => table.message(text));
screen.enter(table);
table.begin();
poller.watch(0, () => table.typed());
messages.write("A message\n");
for (let index = 0; !end.signal.aborted; index++) {
  if (Deno.args[0] === "--fail" && index === 20) throw new Error("made up");
  table.drop(drop({ time: now(), vif: { index: index % 3, device: `tap\x1b[5m${index % 3}` } }));
  table.turn();
  await poller.wait(20);
}
table.finish();
screen.leave();
await writer.finish();
messages.release();
await standardError.finish(1000);
console.log("Ended");
Deno.exit(3);
