import assert from "node:assert/strict";
import { provoke, SCENARIOS } from "./drops.ts";
import { realNetwork } from "./real_network.ts";
import { Trace } from "./support.ts";

// What one label hides, by packets of which it is known what happened to them.

/** Causes in vrft's words, by the scenario that provokes them. */
const CAUSES: Readonly<Record<string, string>> = {
  "an address without a route": "discard nexthop",
  "a nexthop that is being changed": "nexthop being changed",
  "a composite without components": "composite without members",
  "a flow on hold without a queue": "flow being deleted",
  "more flows on hold than allowed": "hold limit reached",
  "a later fragment, which may not make a flow": "fragment without flow",
  "the head of a fragmented packet, and no memory for it": "flow lookup failed",
  "a later fragment, and the assembler is full": "fragment not queued",
  "a later fragment, whose head never comes": "first fragment missing",
  "the clone of a head, and the assembler is full: the head goes on": "copy of first fragment",
};
/** The only one that loses nothing. */
const HOUSEKEEPING = "copy of first fragment";

/** A line of --json. */
interface Line {
  readonly type: string;
  readonly source: string;
  readonly reason: { name: string; class: string };
  readonly cause: string | null;
}

Deno.test("each cause of Flow Unusable, Discards and Fragment errors is told", async (test) => {
  await using _network = await realNetwork();
  const trace = await Trace.live("drops", "--json", "--all");
  const provoked = SCENARIOS.filter(({ name }) => name in CAUSES);
  for (const one of provoked) await provoke(one);
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  const reasons = new Set(provoked.map(({ drop }) => `VP_DROP_${drop.reason}`));
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Line)
    .filter(({ type, source, reason }) =>
      type === "drop" && source === "vrouter" && reasons.has(reason.name)
    );
  for (const { name, drop: { reason } } of provoked) {
    await test.step(name, () => {
      const cause = CAUSES[name]!;
      const found = lines.filter((line) => line.cause === cause);
      const kind = cause === HOUSEKEEPING ? "housekeeping" : "lost";
      assert.ok(found.length > 0, `No drop with the cause "${cause}"`);
      for (const line of found) {
        assert.deepEqual([line.reason.name, line.reason.class], [`VP_DROP_${reason}`, kind]);
      }
    });
  }
  assert.equal(provoked.length, Object.keys(CAUSES).length);
  assert.deepEqual(lines.filter(({ cause }) => cause === null), []);
});
