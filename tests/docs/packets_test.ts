import assert from "node:assert/strict";
import { AFTER_HOLD, BOUNDARIES } from "../../src/trace/stages.ts";
import { STAGES, WAITS } from "../../src/vrouter/stages.ts";
import { DECISIONS, OUTCOMES } from "../support/journeys.ts";
import { documentAt, tableRows } from "./markdown.ts";

const { text } = documentAt("docs/packets.md");

/** Code spans in some text. */
function codes(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, code]) => code!);
}

Deno.test("docs/packets.md has the stages with the functions that begin them", () => {
  const rows = tableRows(text, "Stage").map(([stage, functions]) =>
    [codes(stage!)[0]!, functions!] as const
  );
  assert.deepEqual(rows.map(([stage]) => stage), STAGES);
  for (const [stage, functions] of rows) {
    const beginning = Object.keys(BOUNDARIES).filter((fn) => BOUNDARIES[fn]!.stage === stage);
    const named = new Set(codes(functions).filter((code) => Object.hasOwn(BOUNDARIES, code)));
    for (const fn of beginning) assert.ok(named.delete(fn), `${fn} of ${stage}`);
    // What is left ends the stage, or begins it with its return.
    const others = stage === "hold"
      ? [...AFTER_HOLD]
      : stage === "nexthop"
      ? Object.keys(BOUNDARIES).filter((fn) => BOUNDARIES[fn]!.returns)
      : stage === "rps-queue"
      ? ["linux_rx_handler"]
      : [];
    assert.deepEqual([...named], others, stage);
  }
  const [, waits] = /In\n?((?:[^.]|\n)*?)the packet waits/.exec(text)!;
  assert.deepEqual(codes(waits!), [...WAITS]);
});

Deno.test("docs/packets.md names the calls after which somebody else has the packet", () => {
  const [, hands] = /^- when ([^:]*): the driver/m.exec(text)!;
  const handing = Object.keys(BOUNDARIES).filter((fn) => BOUNDARIES[fn]!.hands);
  assert.deepEqual(codes(hands!).sort(), handing.sort());
});

Deno.test("docs/packets.md explains every outcome and every decision, and no other", () => {
  const first = (heading: string): string[] =>
    tableRows(text, heading).map(([cell]) => codes(cell!)[0]!);
  const types = (all: readonly { readonly type: string }[]): string[] =>
    [...new Set(all.map(({ type }) => type))].sort();
  assert.deepEqual(first("Outcome").sort(), types(OUTCOMES));
  assert.deepEqual(first("Decision").sort(), types(DECISIONS));
});
