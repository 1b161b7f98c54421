/**
 * In the guest: where the time goes that vrft takes to start and to end.
 *
 * @module
 */

import { report } from "../samples.ts";
import { Broken, must, Running } from "./programs.ts";
import { commandLine, vrft, WORK } from "./tracers.ts";

const EMPTY = `${WORK}/empty.js`;

/** Programs that do nothing but start: all that vrft's own work comes on top of. */
const NOTHING: Readonly<Record<string, readonly string[]>> = {
  "phase/deno-that-does-nothing": ["deno", "run", "--no-config", "--no-code-cache", EMPTY],
  "phase/vrft-version": ["vrft", "--version"],
};

/** Times what starts, and reads off vrft's log what the kernel takes to attach and to let go. */
export async function phases(): Promise<void> {
  Deno.writeTextFileSync(EMPTY, "");
  for (const [key, [program, ...args]] of Object.entries(NOTHING)) {
    const start = performance.now();
    await must(program!, ...args);
    report({ key, command: [program, ...args].join(" ") });
    report({ key, value: (performance.now() - start) / 1000 });
  }
  const tracer = vrft("vrft", "--debug");
  await using running = await Running.start(tracer);
  const { stderr } = await running.stop();
  for (const what of ["Attached", "Detached"]) {
    const ms = new RegExp(`${what} in (\\d+) ms`).exec(stderr)?.[1];
    if (ms === undefined) throw new Broken(`vrft does not say when it has ${what.toLowerCase()}`);
    const key = `phase/vrft-${what.toLowerCase()}`;
    report({ key, command: commandLine(tracer) });
    report({ key, value: Number(ms) / 1000 });
  }
}
