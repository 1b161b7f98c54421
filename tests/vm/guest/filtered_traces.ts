/**
 * For tests inside a guest: several traces at once, each with a filter, and the packets that each must show.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parse, Trace } from "./support.ts";
import { statistic } from "./traffic.ts";

/** A packet that comes from a VM enters each of these once. */
const ONCE = ["linux_rx_handler", "vm_rx"];
const FUNCTIONS = ONCE.flatMap((name) => ["-f", name]);

/** Arguments of a trace, with the number of packets that it must show. */
export type Expected = readonly [args: readonly string[], packets: number];

/** Traces by all of them at once while `action` runs, which saves time. */
export async function traceAll(
  expected: readonly Expected[],
  action: () => Promise<void>,
): Promise<void> {
  await using traces = new AsyncDisposableStack();
  const live = [];
  for (const [args] of expected) {
    live.push(traces.use(await Trace.live(...args, ...FUNCTIONS)));
  }
  await action();
  for (const [index, [args, packets]] of expected.entries()) {
    const { code, stdout, stderr } = await live[index]!.stop();
    assert.equal(code, 0, stderr);
    const { calls } = parse(stdout);
    for (const name of ONCE) {
      const count = calls.filter((call) => call.name === name).length;
      assert.equal(count, packets, `${args.join(" ")}: ${name}\n${stdout}${stderr}`);
    }
  }
}

/** Packets that vrouter has received from the VMs. */
export function received(): number {
  return statistic("tap1", "rx_packets") + statistic("tap2", "rx_packets");
}
