import assert from "node:assert/strict";
import { dropLog, type LoggedDrop, startDropLog, stopDropLog } from "./drop_log.ts";
import { provoke, type Scenario, SCENARIOS } from "./drops.ts";
import { realNetwork } from "./real_network.ts";
import { dropCounters, dropsSince, reasonOf, vifDropCounters } from "./vrouter.ts";

// Each scenario drops what it promises, by the stand-in's own counters and log, without vrft: others rely
// on it.

/** The log has no order across CPUs, and entries of one second may be alike. */
function newEntries(before: readonly LoggedDrop[]): LoggedDrop[] {
  const known = before.map((entry) => JSON.stringify(entry));
  return dropLog().filter((entry) => {
    const index = known.indexOf(JSON.stringify(entry));
    if (index >= 0) known.splice(index, 1);
    return index < 0;
  });
}

function assertLogged({ name, drop, logged }: Scenario, entries: readonly LoggedDrop[]): void {
  if (drop.reason === undefined) return;
  const found = entries.filter(({ reason }) => reason === reasonOf(drop.reason!));
  assert.equal(found.length, logged ?? drop.count, `${name}: records in the log`);
  for (const { vif, source, destination } of found) {
    // A label is logged without its packet.
    if (drop.reason === "INVALID_LABEL") continue;
    assert.equal(vif, drop.vif, `${name}: its vif`);
    if (drop.tuple === undefined) continue;
    const addresses = [drop.tuple.source, drop.tuple.destination];
    assert.deepEqual([source, destination], addresses, `${name}: its addresses`);
  }
}

Deno.test("Each scenario drops its packets for the reason, and at the vif, that it promises", async (test) => {
  await using _network = await realNetwork();
  startDropLog();
  try {
    for (const scenario of SCENARIOS) {
      await test.step(scenario.name, async () => {
        const { reason, vif, count } = scenario.drop;
        let log: LoggedDrop[] = [];
        let ofVif = new Map<number, number>();
        const before = (): void => {
          log = dropLog();
          ofVif = vifDropCounters(vif);
        };
        const after = (): void => {
          const grown = dropsSince(ofVif, vifDropCounters(vif));
          if (reason === undefined) assert.deepEqual(grown, new Map(), scenario.name);
          else assert.equal(grown.get(reasonOf(reason)), count, `${scenario.name}: its vif`);
          assertLogged(scenario, newEntries(log));
        };
        await provoke(scenario, { before, after });
      });
    }
  } finally {
    stopDropLog();
  }
  const reasons = new Set(SCENARIOS.map(({ drop }) => drop.reason));
  assert.ok(reasons.size > 15, "too few reasons");
  assert.ok(dropsSince(new Map(), dropCounters()).size > 0);
});
