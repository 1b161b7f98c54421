import assert from "node:assert/strict";
import { provoke, type Scenario, SCENARIOS } from "./drops.ts";
import { ethernet, packet, PROTOCOL, send, type Tuple } from "./frames.ts";
import { MAC, realNetwork, setTap1, VRF } from "./real_network.ts";
import { ACTION, nexthopOf, setFlow, setRoute } from "./requests.ts";
import { hasModuleBtf, must, Trace } from "./support.ts";
import { until } from "./until.ts";
import { dropCounters, dropsSince, flows, reasonOf } from "./vrouter.ts";

// The route of a dropped packet: that of its own look-up, and of no other packet's. What the tables have is
// set here, and the utilities' requests set it.

/** A line of --json. */
interface Line {
  readonly type: string;
  readonly reason: { name: string };
  readonly bytes: string;
  readonly route:
    | null
    | {
      vrf: number;
      key: string | null;
      nexthop: { id: number; type: string; reach: string } | null;
    };
}

/** Packets that are looked up, each followed by one to the same address that is dropped before that. */
const PAIRS = 8;

function udp(sourcePort: number, destination: string): Tuple {
  return {
    source: "10.1.1.1",
    destination,
    protocol: PROTOCOL.UDP,
    sourcePort,
    destinationPort: 9,
  };
}

const ROUTED = udp(3900, "10.30.0.9");
const [ALLOWED, DENIED] = [udp(3901, "10.1.1.50"), udp(3902, "10.1.1.50")];
const DISCARD = { type: "Drop", reach: "nh_discard" };

function scenario(name: string): Scenario {
  return SCENARIOS.find((one) => one.name === name)!;
}

/** Of the packets with this source port, whose VMs have no VLAN tags and no IP options. */
function routesOf(lines: readonly Line[], reason: string, port: number): Line["route"][] {
  const hex = port.toString(16).padStart(4, "0");
  return lines.filter((line) =>
    line.reason.name === `VP_DROP_${reason}` && line.bytes.slice(68, 72) === hex
  ).map(({ route }) => route);
}

Deno.test({
  name: "a drop has the route that its packet was looked up in, and not that of an earlier one",
  ignore: !hasModuleBtf(),
  async fn(): Promise<void> {
    await using _network = await realNetwork();
    setRoute(VRF, "10.30.0.0/16", 70);
    const trace = await Trace.live("drops", "--json");
    for (
      const name of [
        "a MAC address that nobody has",
        "an address without a route",
        "a route to a discard nexthop",
        "a nexthop whose vif was deleted",
      ]
    ) await provoke(scenario(name));
    const before = dropCounters();
    const fromVm1 = (mac: string, tuple: Tuple, ttl = 64): Promise<void> =>
      send("vm1", "eth0", ethernet(mac, MAC.vm1, packet(tuple, { ttl })));
    const drops = (reason: string): Promise<unknown> =>
      until(
        `${PAIRS} drops: ${reason}`,
        () => dropsSince(before).get(reasonOf(reason)) === PAIRS || undefined,
      );
    for (let pair = 0; pair < PAIRS; pair++) {
      await fromVm1(MAC.gateway, ROUTED);
      await fromVm1(MAC.gateway, ROUTED, 0);
    }
    await drops("TTL_EXCEEDED");
    await setTap1(1);
    for (const [tuple, action] of [[ALLOWED, ACTION.FORWARD], [DENIED, ACTION.DROP]] as const) {
      const to = { nexthop: nexthopOf(1), vrf: VRF, sourceNexthop: 0, dropReason: 0x17 };
      setFlow({ ...tuple, ...to, index: -1, generation: 0, action });
    }
    for (let pair = 0; pair < PAIRS; pair++) {
      await fromVm1(MAC.unknown, ALLOWED);
      await fromVm1(MAC.unknown, DENIED);
    }
    await drops("FLOW_ACTION_DROP");
    const { code, stdout, stderr } = await trace.stop();
    setRoute(VRF, "10.30.0.0/16", undefined);
    for (const { index } of flows()) await must("flow", "-i", `${index}`);
    await until("the end of the flows", () => flows().length === 0);
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Line)
      .filter(({ type }) => type === "drop");

    const none = { vrf: VRF, key: null, nexthop: null };
    assert.deepEqual(routesOf(lines, "L2_NO_ROUTE", 3001), [none, none]);
    assert.deepEqual(routesOf(lines, "DISCARD", 3002), [
      { vrf: VRF, key: "0.0.0.0/0", nexthop: { id: 0, ...DISCARD } },
    ]);
    assert.deepEqual(routesOf(lines, "DISCARD", 3003), [
      { vrf: VRF, key: "10.1.7.7/32", nexthop: { id: 70, ...DISCARD } },
    ]);
    assert.deepEqual(routesOf(lines, "INVALID_IF", 3008), [
      { vrf: VRF, key: "10.1.7.9/32", nexthop: { id: 23, type: "Encap", reach: "nh_encap_l3" } },
    ]);
    const of = ({ sourcePort }: Tuple, reason: string): unknown[] =>
      routesOf(lines, reason, sourcePort);
    const routed = { vrf: VRF, key: "10.30.0.0/16", nexthop: { id: 70, ...DISCARD } };
    assert.deepEqual(of(ROUTED, "DISCARD"), new Array(PAIRS).fill(routed));
    // Until then it was looked up in the bridge table, where it found the gateway.
    const received = { id: 30, type: "L2 Receive", reach: "nh_l2_rcv" };
    const toGateway = { vrf: VRF, key: MAC.gateway, nexthop: received };
    assert.deepEqual(of(ROUTED, "TTL_EXCEEDED"), new Array(PAIRS).fill(toGateway));
    assert.deepEqual(of(ALLOWED, "L2_NO_ROUTE"), new Array(PAIRS).fill(none));
    assert.deepEqual(of(DENIED, "FLOW_ACTION_DROP"), new Array(PAIRS).fill(null));
  },
});
