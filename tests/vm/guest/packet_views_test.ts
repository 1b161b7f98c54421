import assert from "node:assert/strict";
import { Arrivals, framesOf } from "./arrivals.ts";
import { ethernet, packet, PROTOCOL, send, type Tuple } from "./frames.ts";
import { MAC } from "./real_network.ts";
import { deleteNexthop, setMac, setNexthop, TYPE } from "./requests.ts";
import { FPROBE, hasModuleBtf, must, settle, Trace } from "./support.ts";
import { statistic } from "./traffic.ts";
import { until } from "./until.ts";
import { dropCounters, dropsSince, reasonOf } from "./vrouter.ts";

// What the views make of packets whose fate is known: their route is set and removed here, netem holds them
// up, the far end has what is delivered, and the module counts what is not.

/** The nexthop of vm2's MAC address here. */
const NEXTHOP = 91;
const NO_ROUTE = reasonOf("L2_NO_ROUTE");
/** netem's delay, far above what else a packet waits for in an emulated guest. */
const DELAY_MS = 300;

interface Bridge {
  readonly type: string;
  readonly key: string;
  readonly nexthop: { readonly id: number; readonly vif: { readonly index: number } | null } | null;
}

interface Way {
  readonly decisions: readonly Bridge[];
  readonly outcome: {
    readonly type: string;
    readonly vif?: { readonly index: number };
    readonly reason?: { readonly name: string };
  };
}

interface Packet extends Way {
  readonly type: string;
  readonly number: number;
  readonly packet: string;
  readonly duration: number;
  readonly stages: readonly { readonly name: string; readonly duration: number }[];
  readonly calls: readonly {
    readonly function: string;
    readonly depth: number;
    readonly duration: number | null;
    readonly end: string;
    readonly vif: number | null;
    readonly nexthop: number | null;
    readonly return: string | null;
  }[];
}

interface Comparison {
  readonly groups: readonly { readonly filter: string; readonly packets: number }[];
  readonly partings: readonly {
    readonly branches: readonly { readonly decision: Bridge; readonly packets: number[] }[];
  }[];
  readonly paths: readonly (Way & { readonly packets: readonly number[] })[];
}

/** To an address that nobody has, so that nobody answers. */
function udp(destinationPort: number): Tuple {
  return {
    source: "10.1.1.1",
    destination: "10.1.1.50",
    protocol: PROTOCOL.UDP,
    sourcePort: 7000,
    destinationPort,
  };
}

async function times(count: number, port: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await send("vm1", "eth0", ethernet(MAC.vm2, MAC.vm1, packet(udp(port))));
  }
}

const route = (nexthop: number | undefined): void => setMac(0, MAC.vm2, nexthop);

/** Sends packets that are delivered, then others to the same address, which has no route then. */
async function partingWays(
  delivered: readonly [count: number, port: number],
  dropped: typeof delivered,
): Promise<void> {
  const arrivals = await Arrivals.at(["vm2", "eth0"]);
  await times(...delivered);
  route(undefined);
  const before = dropCounters();
  await times(...dropped);
  await until("they are dropped", () => dropsSince(before).get(NO_ROUTE) === dropped[0]);
  route(NEXTHOP);
  const frames = await arrivals.end();
  assert.equal(framesOf(frames, udp(delivered[1])).length, delivered[0]);
  assert.equal(framesOf(frames, udp(dropped[1])).length, 0);
}

function jsonOf<T>(stdout: string): T[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

const isDropped = ({ outcome }: Way): boolean =>
  outcome.type === "dropped" && outcome.reason?.name === "VP_DROP_L2_NO_ROUTE";
const isDelivered = ({ outcome }: Way): boolean =>
  outcome.type === "delivered" && outcome.vif?.index === 2;

Deno.test({
  name: "packets are compared, sorted and shown with their calls as they fared",
  ignore: !hasModuleBtf(),
  async fn(t): Promise<void> {
    await settle();
    setNexthop({ id: NEXTHOP, type: TYPE.ENCAP, l2: true, vif: 2 });
    route(NEXTHOP);
    try {
      await t.step("diff finds where a route was removed between two groups", async () => {
        const filters = ["udp dst port 7001", "udp dst port 7002"] as const;
        await using trace = await Trace.live("diff", ...filters, "--json");
        await partingWays([5, 7001], [3, 7002]);
        const { code, stdout, stderr } = await trace.stop();
        assert.equal(code, 1, stderr);
        const { groups, partings, paths } = jsonOf<Comparison>(stdout)[0]!;
        assert.deepEqual(groups.map(({ filter, packets }) => [filter, packets]), [
          [filters[0], 5],
          [filters[1], 3],
        ]);
        const branches = partings[0]!.branches.map(({ decision, packets }) => [
          decision.type,
          decision.key,
          decision.nexthop?.id,
          packets,
        ]);
        assert.deepEqual(branches, [
          ["bridge", MAC.vm2, NEXTHOP, [5, 0]],
          ["bridge", MAC.vm2, undefined, [0, 3]],
        ]);
        assert.deepEqual(paths.map(({ packets }) => packets), [[5, 0], [0, 3]]);
        assert.ok(isDelivered(paths[0]!) && isDropped(paths[1]!), stdout);
      });

      await t.step(
        "only packets that waited where netem held them up, the slowest first",
        async () => {
          const conditions = ["--vif", "vif0/2", "udp"];
          const least = `${DELAY_MS / 2}ms`;
          const wanted = ["--stage", `qdisc:${least}`, "--slower", least, "--sort", "latency"];
          await using trace = await Trace.live("packets", "--json", "-q", ...wanted, ...conditions);
          await times(2, 7005);
          const sent = statistic("tap2", "tx_packets");
          await must(
            "tc",
            "qdisc",
            "add",
            "dev",
            "tap2",
            "root",
            "netem",
            "delay",
            `${DELAY_MS}ms`,
          );
          try {
            await times(3, 7006);
            await until("they are delivered", () => statistic("tap2", "tx_packets") === sent + 3);
          } finally {
            await must("tc", "qdisc", "del", "dev", "tap2", "root");
          }
          route(undefined);
          // They do not reach the vif.
          await times(2, 7006);
          route(NEXTHOP);
          const { stdout, stderr } = await trace.stop();
          const packets = jsonOf<Packet>(stdout);
          assert.equal(packets.length, 3, stderr + stdout);
          assert.ok(
            packets.every((one) => one.packet.includes(" > 7006") && isDelivered(one)),
            stdout,
          );
          const durations = packets.map(({ duration }) => duration);
          assert.deepEqual(durations, durations.toSorted((a, b) => b - a));
          for (const { stages, duration } of packets) {
            const waited = stages.filter(({ name }) => name === "qdisc");
            const ns = waited.reduce((sum, stage) => sum + stage.duration, 0);
            assert.ok(ns >= DELAY_MS * 1e6 && ns <= duration, `${ns} of ${duration} ns`);
          }
        },
      );

      await t.step({
        name: "each packet has its calls and its decisions",
        ignore: !FPROBE,
        fn: async () => {
          const filter = "udp dst port 7007";
          const options = ["--calls", "--show", "return,vif,nh,duration", "-n", "1", filter];
          const file = await Deno.makeTempFile();
          // Both at once, as attaching takes long: the text goes to a file.
          await using text = await Trace.live("packets", "-q", ...options, "-o", file);
          await using trace = await Trace.live("packets", "-q", "--json", ...options);
          await times(1, 7007);
          const [{ stdout, stderr }, { code }] = await Promise.all([trace.ended(), text.ended()]);
          const [one] = jsonOf<Packet>(stdout);
          assert.ok(one !== undefined && isDelivered(one) && code === 0, stderr);
          assert.equal(one.decisions.find(({ type }) => type === "bridge")?.nexthop?.id, NEXTHOP);
          const call = (name: string): Packet["calls"][number] =>
            one.calls.find((each) => each.function === name) ?? assert.fail(`${name}: ${stdout}`);
          assert.equal(call("nh_output").nexthop, NEXTHOP);
          assert.equal(call("eth_tx").vif, 2);
          assert.equal(call("linux_rx_handler").return, "RX_HANDLER_CONSUMED");
          assert.ok(one.calls.every(({ end }) => end === "returned"), stdout);
          const rows = await Deno.readTextFile(file);
          assert.match(rows, /^#\d+ {2}10\.1\.1\.1 > 10\.1\.1\.50 udp 7000 > 7007/);
          assert.ok(rows.includes(`> nh ${NEXTHOP} Encap vif0/2 tap2`), rows);
          const tree = rows.split("\n").filter((line) => /^\d{6,}/.test(line));
          const starts = tree.filter((line) => line.includes("() {"));
          const names = starts.map((line) => /(\w+)\(\) \{/.exec(line)?.[1]);
          assert.deepEqual(names, one.calls.map((each) => each.function));
          assert.ok(tree.some((line) => /nh_output\(\) \{ {2}\/\*.* nh 91 \*\//.test(line)), rows);
        },
      });
    } finally {
      route(undefined);
      deleteNexthop(NEXTHOP);
      await settle();
    }
  },
});
