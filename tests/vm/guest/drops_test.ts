import assert from "node:assert/strict";
import { monotonicClock } from "../../../src/sys/clock.ts";
import { addressesHex, Arrivals, framesOf } from "./arrivals.ts";
import { dropLog, type LoggedDrop, startDropLog, stopDropLog } from "./drop_log.ts";
import { type Dropped, provoke, type Scenario, SCENARIOS } from "./drops.ts";
import { realNetwork, VRF } from "./real_network.ts";
import { hasModuleBtf, Trace } from "./support.ts";
import {
  dropCounters,
  dropsSince,
  type Flow,
  flows,
  reasonOf,
  vifDropCounters,
} from "./vrouter.ts";

// Each scenario drops what it promises, by the module's own counters and log, and `vrft drops` says the
// same. The scenarios run once, for both.

/** A line of `vrft drops --json`. */
interface Line {
  readonly type: "drop";
  readonly monotonic: string;
  readonly source: "vrouter" | "kernel";
  readonly reason: { number: number; name: string; label: string; class: string };
  readonly cause: string | null;
  readonly vif: { index: number } | null;
  readonly vrf: number | null;
  readonly packet: string;
  readonly bytes: string;
  readonly flow: { index: number; action: string } | null;
  readonly route: Lookup | null;
  readonly nexthop: Nexthop | null;
  readonly stack: readonly string[];
}

interface Nexthop {
  readonly id: number;
  readonly type: string;
  readonly reach: string | null;
}

interface Lookup {
  readonly vrf: number;
  readonly key: string | null;
  readonly nexthop: Nexthop | null;
}

/** Another line of it. */
interface Counter {
  readonly type: "counter";
  readonly reason: { name: string; label: string };
  readonly vif: { index: number } | null;
  readonly module: number;
  readonly seen: number;
}

/** A scenario that has run. */
interface Provoked {
  readonly scenario: Scenario;
  /** CLOCK_MONOTONIC before its packets, and after their drops. */
  readonly from: bigint;
  readonly to: bigint;
  /** What the module has logged. */
  readonly log: readonly LoggedDrop[];
  readonly flows: readonly Flow[];
}

/** Vifs that are there all the time. */
const VIFS = [0, 1, 2];
/** Where the kernel has the BTF of modules, vrft knows of every packet's lookups. */
const LOOKUPS = hasModuleBtf();

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

/** Runs a scenario, and asks the module what happened. */
async function runOf(scenario: Scenario): Promise<Provoked> {
  const now = monotonicClock();
  const { name, drop: { reason, vif, count } } = scenario;
  let log: LoggedDrop[] = [];
  let ofVif = new Map<number, number>();
  let [from, to] = [0n, 0n];
  let known: Flow[] = [];
  const before = (): void => {
    log = dropLog();
    ofVif = vifDropCounters(vif);
    from = BigInt(now());
  };
  const after = (): void => {
    to = BigInt(now());
    known = flows();
    log = newEntries(log);
    const grown = dropsSince(ofVif, vifDropCounters(vif));
    if (reason === undefined) assert.deepEqual(grown, new Map(), name);
    else assert.equal(grown.get(reasonOf(reason)), count, `${name}: its vif`);
    assertLogged(scenario, log);
  };
  await provoke(scenario, { before, after });
  return { scenario, from, to, log, flows: known };
}

/** Linux 5.10 has no reasons of its own. */
function kernelReason(name: string): string {
  return hasModuleBtf() ? `SKB_DROP_REASON_${name}` : "-1";
}

function reasonName({ reason, cause }: Dropped): string {
  if (reason !== undefined) return `VP_DROP_${reason}`;
  return kernelReason(cause === undefined ? "QDISC_DROP" : "NOT_SPECIFIED");
}

function assertLine({ scenario: { drop }, log, flows }: Provoked, line: Line): void {
  const { reason, tuple } = drop;
  const { source, vif, bytes, packet, flow, route, nexthop, cause } = line;
  assert.deepEqual(
    {
      source,
      class: line.reason.class,
      cause,
      vif: vif !== null && vif.index === drop.vifBefore ? drop.vif : vif?.index,
    },
    {
      source: reason === undefined ? "kernel" : "vrouter",
      class: drop.class ?? "lost",
      cause: drop.cause ?? null,
      vif: drop.vif,
    },
  );
  if (reason !== undefined) assert.equal(line.reason.number, reasonOf(reason));
  else if (cause === null) assert.ok(line.stack.includes("__dev_queue_xmit"), line.stack.join());
  if (drop.vif === 1) assert.equal(line.vrf, VRF);
  if (tuple !== undefined) {
    assert.ok(bytes.includes(addressesHex(tuple)), bytes);
    assert.ok(packet.includes(`${tuple.source} > ${tuple.destination}`), packet);
    if (tuple.sourcePort !== 0 && tuple.protocol !== 1) {
      assert.match(packet, new RegExp(`\\b${tuple.sourcePort} > ${tuple.destinationPort}\\b`));
    }
  }
  const entry = flows.find(({ sourcePort }) => sourcePort === tuple?.sourcePort);
  if (flow !== null) {
    assert.deepEqual([flow.index, flow.action[0]], [entry?.index, entry?.action]);
  }
  if (drop.flow !== undefined) assert.equal(flow?.action, drop.flow);
  // 0 if there is none.
  const logged = log.find((one) => one.reason === line.reason.number)?.nexthop ?? 0;
  if (logged !== 0) assert.equal(nexthop?.id, logged);
  if (drop.route !== undefined && LOOKUPS) {
    const { key, nexthop: id, type } = drop.route;
    assert.deepEqual([route?.vrf, route?.key, route?.nexthop?.id, route?.nexthop?.type], [
      VRF,
      key,
      id ?? undefined,
      type,
    ]);
  }
}

/** One for each drop; what is only counted has none. */
function assertLines(provoked: Provoked, lines: readonly Line[]): void {
  const { scenario: { drop, besides = {}, kernel = {} } } = provoked;
  const names = [
    ...Object.entries(besides).map(([reason, count]) => [`VP_DROP_${reason}`, count]),
    ...Object.entries(kernel).map(([reason, count]) => [kernelReason(reason), count]),
  ];
  const seen = drop.class === "counted" ? 0 : drop.count;
  assert.deepEqual(
    lines.map(({ reason }) => reason.name).sort(),
    [[reasonName(drop), seen], ...names]
      .flatMap(([name, count]) => new Array(count as number).fill(name)).sort(),
  );
  const own = lines.filter(({ reason, cause }) =>
    reason.name === reasonName(drop) &&
    (drop.reason !== undefined || cause === (drop.cause ?? null))
  );
  assert.equal(own.length, seen, "causes");
  for (const line of own) assertLine(provoked, line);
}

/** By name of the reason, as the module has counted. */
function named(counts: ReadonlyMap<number, number>): [string, number][] {
  const names = new Map(
    SCENARIOS.flatMap(({ drop: { reason }, besides = {} }) =>
      [reason, ...Object.keys(besides)].flatMap((name) =>
        name === undefined ? [] : [[reasonOf(name), name] as const]
      )
    ),
  );
  return [...counts].map(([reason, count]): [string, number] => [
    `VP_DROP_${names.get(reason) ?? reason}`,
    count,
  ]).sort();
}

Deno.test("What vrouter drops, for each reason and cause, is a line each, as the module counts and logs it", async (test) => {
  await using _network = await realNetwork();
  startDropLog();
  const arrivals = await Arrivals.at(["vm1", "eth0"], ["vm2", "eth0"], ["fab", "wire0"]);
  await using trace = await Trace.live("drops", "--json", "--all", "--fail-on-drop");
  const before = [dropCounters(), ...VIFS.map(vifDropCounters)];
  const all: Provoked[] = [];
  try {
    for (const scenario of SCENARIOS) {
      await test.step(scenario.name, async () => {
        all.push(await runOf(scenario));
      });
    }
  } finally {
    stopDropLog();
  }
  const after = [dropCounters(), ...VIFS.map(vifDropCounters)];
  const { code, stdout, stderr } = await trace.stop();
  const frames = await arrivals.end();
  const objects = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Line | Counter);

  for (const provoked of all) {
    const { scenario: { name, drop }, from, to } = provoked;
    await test.step(`${name}: as vrft shows it`, () => {
      const lines = objects.filter((one): one is Line =>
        one.type === "drop" && BigInt(one.monotonic) >= from && BigInt(one.monotonic) <= to
      );
      assertLines(provoked, lines);
      if (drop.tuple === undefined) return;
      assert.equal(framesOf(frames, drop.tuple).length, drop.arrives ?? 0, "packets that arrive");
    });
  }

  await test.step("The counters at the end are the module's, and agree", () => {
    const counters = objects.filter((one): one is Counter => one.type === "counter");
    for (const [place, vif] of [null, ...VIFS].entries()) {
      const ofVif = counters.filter((one) => (one.vif?.index ?? null) === vif);
      const module = ofVif.map(({ reason: { name }, module }): [string, number] => [name, module]);
      assert.deepEqual(
        module.sort(),
        named(dropsSince(before[place]!, after[place]!)),
        `vif ${vif}`,
      );
      for (const { reason, module, seen } of ofVif) {
        const counted = ["VP_DROP_TRAP_ORIGINAL", "VP_DROP_CLONE_FAIL"].includes(reason.name);
        assert.equal(seen, counted ? 0 : module, reason.name);
        if (vif !== null) continue;
        const line = `${reason.label}: module ${module}, seen ${seen}`;
        assert.ok(
          stderr.includes(counted ? `${line} (counted without a free)` : `${line}\n`),
          line,
        );
      }
    }
    assert.ok(counters.length > SCENARIOS.length / 2);
    assert.doesNotMatch(stderr, /not seen|not counted/);
  });
  assert.equal(code, 1, "packets were lost");
  const reasons = new Set(SCENARIOS.map(({ drop }) => drop.reason));
  assert.ok(reasons.size > 15, "too few reasons");
});
