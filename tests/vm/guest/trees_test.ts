import assert from "node:assert/strict";
import { type Call, FPROBE, keep, must, parse, run, shape, Trace } from "./support.ts";
import { setFlow } from "./requests.ts";
import { realNetwork, setTap1 } from "./real_network.ts";
import { until } from "./until.ts";
import { flows } from "./vrouter.ts";

// The stand-in makes the calls that were recorded on the real module for the same packets.

const DATA = new URL("../../data/vrouter-trees.txt", import.meta.url);
/** The stand-in has no vhost0. */
const MISSING = new Set(["host_underlay"]);

/** A recorded tree: the call, and those inside it. */
interface Tree {
  readonly scenario: string;
  readonly shape: string;
}

function recorded(): Tree[] {
  return Deno.readTextFileSync(DATA).trimEnd().split("\n").map((line) => {
    const space = line.indexOf(" ");
    return { scenario: line.slice(0, space), shape: line.slice(space + 1) };
  }).filter(({ scenario }) => !MISSING.has(scenario));
}

/** A call, without the receptions inside of what it sends (an answer in softirq), and these. */
function apart(call: Call, sent: boolean): Call[] {
  const under = sent || call.name === "linux_xmit";
  const others: Call[] = [];
  const calls = call.calls.flatMap((inner) => {
    const [own, ...rest] = apart(inner, under);
    others.push(...rest);
    if (!under || inner.name !== "linux_rx_handler") return [own!];
    others.push(own!);
    return [];
  });
  return [{ ...call, calls }, ...others];
}

async function ping(namespace: string, ...args: string[]): Promise<void> {
  await run("ip", ["netns", "exec", namespace, "ping", "-q", "-c", "1", "-W", "1", ...args]);
}

/** Sets the flow of vm1's echo requests with this id. */
function decide(icmp: number, action: number, vrf: number): void {
  const flow = flows().find(({ sourcePort }) => sourcePort === icmp);
  assert.ok(flow, `no flow ${icmp}`);
  setFlow({
    index: flow.index,
    action,
    source: "10.1.1.1",
    destination: "10.1.1.2",
    protocol: 1,
    sourcePort: icmp,
    destinationPort: 0,
    nexthop: flow.nexthop,
    vrf,
    sourceNexthop: 0,
    generation: flow.generation,
  });
}

async function withoutFlows(): Promise<void> {
  await ping("vm1", "10.1.1.2");
  await ping("vm1", "10.1.1.9");
  await ping("vm1", "10.1.3.3");
  await ping("vm1", "10.1.1.77");
  await ping("vm1", "10.1.1.50");
  await ping("vm1", "99.9.9.9");
  await ping("vm1", "-t", "1", "10.1.3.3");
  await ping("vm1", "10.1.7.7");
  await ping("fab", "10.6.6.2");
  await ping("fab", "-I", "10.1.3.3", "10.8.8.8");
  await ping("vm1", "-M", "do", "-s", "1472", "10.1.1.9");
}

/** Numbers of fe_action. */
const [DROP, FORWARD] = [0, 2];

async function withFlows(): Promise<void> {
  await setTap1(1);
  try {
    await ping("vm1", "-e", "79", "10.1.1.2");
    decide(79, FORWARD, 1);
    await ping("vm1", "-e", "79", "10.1.1.2");
    await ping("vm1", "-e", "77", "10.1.1.2");
    decide(77, FORWARD, 0);
    await ping("vm1", "-e", "77", "10.1.1.2");
    decide(77, DROP, 0);
    await ping("vm1", "-e", "77", "10.1.1.2");
    await run("ip", [
      ..."netns exec vm1 ping -q -e 78 -c 5 -i 0.2 -W 1 10.1.1.2".split(" "),
    ]);
    for (const { index } of flows()) await must("flow", "-i", `${index}`);
    await until("the end of the flows", () => flows().length === 0);
  } finally {
    await setTap1(0);
  }
}

Deno.test({
  name: "The stand-in calls what the real module does, for each recorded packet" +
    (FPROBE ? "" : " (ignored: attaching to all functions takes minutes here)"),
  ignore: !FPROBE,
  fn: async () => {
    // Tests before may have told the VMs each other's addresses, which then need no ARP.
    for (const vm of ["vm1", "vm2"]) {
      await must("ip", "-n", vm, "neigh", "flush", "all", "nud", "permanent");
    }
    await using _network = await realNetwork();
    const expected = recorded();
    const names = new Set(expected.flatMap((tree) => tree.shape.match(/\w+/g)!));
    await using trace = await Trace.live(...[...names].flatMap((name) => ["-f", name]));
    await withoutFlows();
    await withFlows();
    const { code, stdout, stderr } = await trace.stop();
    assert.equal(code, 0, stderr);
    const { roots } = parse(stdout);
    const seen = keep(roots, names).flatMap((root) => apart(root, false)).map(shape);
    const missing = expected.filter((tree) => !seen.includes(tree.shape));
    const wrong = missing.map(({ scenario, shape }) => `${scenario}: ${shape}`);
    assert.deepEqual(wrong, [], `seen:\n${[...new Set(seen)].join("\n")}`);
  },
});
