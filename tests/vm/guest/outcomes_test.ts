import assert from "node:assert/strict";
import { monotonicClock } from "../../../src/sys/clock.ts";
import { addressesHex, Arrivals, framesOf } from "./arrivals.ts";
import { portBytes } from "./frames.ts";
import {
  type Device,
  DEVICES,
  FAR_ENDS,
  HOST_VIF,
  type Told,
  UNFINISHED,
  type Way,
  WAYS,
} from "./outcomes.ts";
import { MAC, realNetwork } from "./real_network.ts";
import { ask, numberOf } from "./requests.ts";
import { must, Trace } from "./support.ts";
import { statistic } from "./traffic.ts";
import { until } from "./until.ts";
import { dropCounters, dropsSince, type Flow, flows, reasonOf } from "./vrouter.ts";

// Each way of packets is as the devices, the module's counters and the far ends see it, and `vrft packets`
// says the same: one trace for all of them.

interface Vif {
  readonly index: number;
  readonly device: string | null;
}

interface Nexthop {
  readonly id: number;
  readonly type: string;
  readonly flags: readonly string[];
  readonly vif: Vif | null;
  readonly source: string | null;
  readonly destination: string | null;
}

/** A decision of any type. */
interface Decision {
  readonly type: string;
  readonly vrf: number;
  readonly key: string;
  readonly prefix: string | null;
  readonly nexthop: Nexthop | null;
  readonly expected: Nexthop;
  readonly label: number | null;
  readonly number: number;
  readonly index: number;
  readonly reverse: number | null;
  readonly action: string;
  readonly result: string | null;
  readonly before: string;
  readonly after: string;
  readonly member: number;
  readonly from: number;
  readonly to: number;
  readonly mtu: number;
  readonly reason: string;
}

/** A line of `vrft packets --json`. */
interface Line {
  readonly type: string;
  readonly id: string;
  readonly parent: string | null;
  readonly number: number;
  readonly monotonic: string;
  readonly duration: number;
  readonly stages: readonly { readonly name: string; readonly duration: number }[];
  readonly vif: Vif | null;
  readonly vrf: number | null;
  readonly bytes: string;
  readonly decisions: readonly Decision[];
  readonly outcome: {
    readonly type: string;
    readonly to?: string;
    readonly vif?: Vif | null;
    readonly device?: string | null;
    readonly reason?: string | { readonly name: string };
    readonly answer?: string | null;
    readonly copies?: number;
    readonly evicted?: boolean;
    readonly source?: string;
  };
  readonly isIncomplete: boolean;
}

/** A way that packets have taken. */
interface Taken {
  readonly way: Way;
  /** CLOCK_MONOTONIC before they were sent, and after the last one arrived. */
  readonly from: bigint;
  readonly to: bigint;
  /** Those of the module, afterwards. */
  readonly flows: readonly Flow[];
}

const GET = 1;
/** vifr_opackets */
const PACKETS_OUT = 15;

/** What the module has given to a vif. */
function givenTo(vif: number): number {
  const [record] = ask("vr_interface_req", [
    { id: 1, value: { type: "i32", value: GET } },
    { id: 6, value: { type: "i32", value: vif } },
  ]);
  return numberOf(record!, PACKETS_OUT);
}

function transmitted(): Record<Device, number> {
  // The host's device receives what vrouter gives to it.
  const counts = DEVICES.map((device) => [
    device,
    device === "vhost0" ? givenTo(HOST_VIF) : statistic(device, "tx_packets"),
  ]);
  return Object.fromEntries(counts);
}

/** What devices have transmitted since, without those that have not. */
function sentSince(before: Readonly<Record<Device, number>>): Partial<Record<Device, number>> {
  const after = transmitted();
  return Object.fromEntries(
    DEVICES.map((device) => [device, after[device] - before[device]] as const)
      .filter(([, count]) => count !== 0),
  );
}

/** Sends a way's packets, and has devices and counters judge where they go. */
async function take(way: Way): Promise<Taken> {
  const now = monotonicClock();
  await way.prepare?.();
  const sent = transmitted();
  const drops = dropCounters();
  const from = BigInt(now());
  await way.send();
  const promised = {
    sent: way.sent ?? {},
    drops: new Map(
      Object.entries(way.drops ?? {}).map(([name, count]) => [reasonOf(name), count]),
    ),
  };
  const total = (sent: object, drops: ReadonlyMap<number, number>): number =>
    [...Object.values(sent), ...drops.values()].reduce((sum, count) => sum + count, 0);
  const expected = total(promised.sent, promised.drops);
  await until(
    `the packets of ${way.name}`,
    () => total(sentSince(sent), dropsSince(drops)) >= expected || undefined,
  );
  await way.done?.();
  const to = BigInt(now());
  if (way.sent || !way.isUncounted) assert.deepEqual(sentSince(sent), promised.sent, way.name);
  assert.deepEqual(dropsSince(drops), promised.drops, way.name);
  return { way, from, to, flows: flows() };
}

function vifWord(vif: Vif | null): string {
  return vif === null ? "" : ` vif${vif.index}`;
}

function nexthopWords(nexthop: Nexthop | null): string {
  if (nexthop === null) return "none";
  const { id, type, flags, vif, source, destination } = nexthop;
  const ends = source === null ? "" : ` ${source}>${destination}`;
  return [`${id}`, type, ...flags].join(" ") + vifWord(vif) + ends;
}

function labelWord(label: number | null): string {
  return label === null ? "" : ` label ${label}`;
}

/** A decision as tables of ways have it. */
function decisionWords(decision: Decision, { way: { tuple }, flows }: Taken): string {
  const { type, nexthop, label, vrf } = decision;
  const flowWord = (index: number): string =>
    flows.find(({ sourcePort }) => sourcePort === tuple.sourcePort)?.index === index
      ? "own"
      : flows.some((one) => one.index === index)
      ? "reverse"
      : `${index}`;
  switch (type) {
    case "bridge":
      return `bridge ${vrf}/${decision.key} > ${nexthopWords(nexthop)}${labelWord(label)}`;
    case "route":
      return `route ${vrf}/${decision.key} ${decision.prefix} > ` +
        `${nexthopWords(nexthop)}${labelWord(label)}`;
    case "label":
    case "vni":
      return `${type} ${decision.number} > ${nexthopWords(nexthop)}`;
    case "nexthop":
      return `nh ${nexthopWords(nexthop)}${labelWord(label)}`;
    case "flow": {
      const { index, reverse, action, result } = decision;
      const both = reverse === null ? "" : `<=>${flowWord(reverse)}`;
      return `flow ${flowWord(index)}${both} ${action}${result === null ? "" : ` ${result}`}`;
    }
    case "nat":
      return `nat ${decision.before} => ${decision.after}`;
    case "rpf":
      return `rpf ${decision.result} ${nexthopWords(decision.expected)}`;
    case "ecmp":
      return `ecmp ${nexthopWords(nexthop)} member ${decision.member}`;
    case "vrf":
      return `vrf ${decision.from} > ${decision.to}`;
    case "mtu":
      return `mtu ${decision.mtu} too big`;
    case "trap":
      return `trap ${decision.reason} ${vrf}`;
    default:
      return type;
  }
}

function outcomeWords(
  { type, to, vif, device, reason, answer, copies, evicted, source }: Line["outcome"],
): string {
  switch (type) {
    case "left":
      return `left${vifWord(vif!)} ${device}`;
    case "delivered":
      return `delivered ${to}${vifWord(vif!)} ${device}`;
    case "dropped":
      return source === "kernel"
        ? "dropped by the kernel"
        : `dropped ${(reason as { name: string }).name}`;
    case "trapped":
      return `trapped ${reason}${answer ? ` (${answer.split(" ")[0]})` : ""}`;
    case "held":
      return evicted ? "held, evicted" : "held";
    case "replicated":
      return `replicated ${copies}`;
    default:
      return type;
  }
}

function toldOf(line: Line, lines: readonly Line[], taken: Taken): Told {
  const copyOf = lines.findIndex(({ id }) => id === line.parent);
  return {
    vif: line.vif?.index ?? null,
    vrf: line.vrf,
    ...(line.parent === null ? {} : { copyOf }),
    decisions: line.decisions.map((decision) => decisionWords(decision, taken)),
    outcome: outcomeWords(line.outcome),
  };
}

/** Where the packets arrive, as far as the way says it; returns how many do. */
function assertArrival(way: Way, frames: readonly string[][]): number {
  const { name, arrivesAs: tuple = way.tuple, sent = {}, headers = "", isUncounted } = way;
  let arrived = 0;
  const whole = addressesHex(tuple) + Uint8Array.from(portBytes(tuple)).toHex();
  for (const [place, device] of DEVICES.entries()) {
    const found = framesOf(frames[place]!, tuple);
    arrived += found.length;
    if (!isUncounted) {
      assert.equal(found.length, sent[device] ?? 0, `${name}: at the far end of ${device}`);
    }
    if (device === "pkt0") continue;
    for (const frame of found) assert.ok(frame.includes(whole) && frame.includes(headers), frame);
  }
  return arrived;
}

/** A packet that comes in again has the same number. */
function byTime(a: Line, b: Line): number {
  return Number(BigInt(a.monotonic) - BigInt(b.monotonic)) || a.number - b.number;
}

function byOutcome(a: Told, b: Told): number {
  return a.outcome < b.outcome ? -1 : a.outcome > b.outcome ? 1 : 0;
}

/** Adds the host's vif, whose device has no address. */
async function addHost(): Promise<AsyncDisposable> {
  await must("ip", "link", "add", "vhost0", "address", MAC.fabric, "type", "dummy");
  await must("ip", "link", "set", "vhost0", "up");
  await must("vif-add", "vhost0", `${HOST_VIF}`, "0", "0");
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await must("ip", "link", "delete", "vhost0");
    },
  };
}

Deno.test("A packet's outcome, decisions and waits are those that devices, counters, tables and far ends show", async (test) => {
  await using _network = await realNetwork();
  await using _host = await addHost();
  const arrivals = await Arrivals.at(...FAR_ENDS);
  await using trace = await Trace.live("packets", "--json");
  const all: Taken[] = [];
  for (const way of WAYS) {
    await test.step(way.name, async () => {
      try {
        all.push(await take(way));
      } finally {
        await way.restore?.();
      }
    });
  }
  for (const way of UNFINISHED) {
    await test.step(way.name, async () => {
      all.push(await take(way));
    });
  }
  const { code, stdout, stderr } = await trace.stop();
  for (const way of UNFINISHED) await way.restore?.();
  const frames = await arrivals.endEach();
  assert.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Line)
    .filter(({ type }) => type === "packet").sort(byTime);
  for (const taken of all) {
    const { way, from, to } = taken;
    await test.step(`${way.name}: as vrft tells it`, () => {
      const arrived = assertArrival(way, frames);
      const { packets } = way;
      const told = typeof packets === "function" ? packets(arrived) : packets;
      const own = lines.filter(({ monotonic }) =>
        BigInt(monotonic) >= from && BigInt(monotonic) <= to
      );
      const seen = own.map((line) => toldOf(line, own, taken));
      // Which of some segments are merged is not known beforehand.
      if (typeof packets === "function") seen.sort(byOutcome);
      assert.deepEqual(seen, told);
      for (const line of own) {
        const sum = line.stages.reduce((total, { duration }) => total + duration, 0);
        assert.equal(sum, line.duration);
        assert.ok(!line.isIncomplete);
      }
      way.timed?.(own);
    });
  }
});
