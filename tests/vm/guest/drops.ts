/**
 * Drops by real packets, each for a reason known beforehand, in the network of {@linkcode realNetwork}.
 *
 * ```ts
 * await using _network = await realNetwork();
 * for (const scenario of SCENARIOS) {
 *   await provoke(scenario, { before: startToLook, after: () => compareWith(scenario.drop) });
 * }
 * ```
 *
 * {@linkcode provoke} does all of a scenario at once: it prepares, sends, waits for the counters, and
 * cleans up. In between it calls back twice, before and after the packets. What is to be seen is in the
 * scenario: how often each counter of the module moves, and the packets with their reason, their cause
 * where a reason has several, their vif, their tuple, and their route or flow where that is why. drops_test.ts
 * shows that the module's own counters and its log say the same, and `vrft drops`, too.
 *
 * @module
 */

import assert from "node:assert/strict";
import { must } from "./support.ts";
import {
  ethernet,
  fragment,
  ipv4,
  mplsOverGre,
  packet,
  PROTOCOL,
  send,
  type Tuple,
  vxlan,
} from "./frames.ts";
import {
  ACTION,
  addressBytes,
  deleteNexthop,
  FLAG,
  macBytes,
  nexthopOf,
  setFlow,
  setLabel,
  setMac,
  setNexthop,
  setRoute,
  setVnid,
  TYPE,
} from "./requests.ts";
import { addAgent, HOST, MAC, PEER, setTap1, VRF } from "./real_network.ts";
import { until } from "./until.ts";
import { dropCounters, dropsSince, flows, reasonOf } from "./vrouter.ts";

/** What is dropped. */
export interface Dropped {
  /** VP_DROP_ without that; undefined if no counter of the module moves. */
  readonly reason: string | undefined;
  /** What tells it from other drops of this reason, in the words of docs/drops.md. */
  readonly cause?: string;
  /** `lost` if not given. */
  readonly class?: "policy" | "housekeeping" | "counted";
  /** Of the vif that is charged: the one it came by, or for the module's raw drops leaves by. */
  readonly vif: number;
  /** The vif that is charged as long as vrft does not know that one, which has only just been added. */
  readonly vifBefore?: number;
  /** As the module sees it at that point; undefined if it is no IPv4 packet. */
  readonly tuple: Tuple | undefined;
  readonly count: number;
  /** Packets of this tuple that arrive at a far end all the same. */
  readonly arrives?: number;
  /** The route that was looked up last, as far as the drop is due to it. */
  readonly route?: DroppedRoute;
  /** What `flow` prints of the action of the packet's flow. */
  readonly flow?: string;
}

/** A route as the test has set it. */
export interface DroppedRoute {
  /** Prefix or MAC address; null if there is none. */
  readonly key: string | null;
  readonly nexthop: number | null;
  /** In the words of `nh`. */
  readonly type?: string;
}

/** A way to have packets dropped. */
export interface Scenario {
  readonly name: string;
  readonly drop: Dropped;
  /** Packets that the kernel drops on the way, by the name of its reason without SKB_DROP_REASON_. */
  readonly kernel?: Readonly<Record<string, number>>;
  /** Growth of other counters, by reason without VP_DROP_: housekeeping on the way. */
  readonly besides?: Readonly<Record<string, number>>;
  /** Records of the drop in the module's log, if not one for each packet. */
  readonly logged?: number;
  /** Device that the packets come in by, if not that of the vif. */
  readonly device?: string;
  prepare?(): Promise<void> | void;
  send(): Promise<void>;
  restore?(): Promise<void> | void;
}

const PARAMETERS = "/sys/module/vrouter/parameters/";

function parameter(name: string, value: number | string): void {
  Deno.writeTextFileSync(`${PARAMETERS}${name}`, `${value}`);
}

/** A packet of UDP from vm1; each scenario has ports of its own, so that none has flows of another. */
function udp(sourcePort: number, destination = "10.1.1.2"): Tuple {
  return {
    source: "10.1.1.1",
    destination,
    protocol: PROTOCOL.UDP,
    sourcePort,
    destinationPort: 9,
  };
}

/** In an outer packet of a tunnel there are no ports worth a name. */
function outer(protocol: number, source = PEER): Tuple {
  return { source, destination: HOST, protocol, sourcePort: 0, destinationPort: 0 };
}

function fromVm1(mac: string, bytes: readonly number[], type?: number): Promise<void> {
  return send("vm1", "eth0", ethernet(mac, MAC.vm1, bytes, type));
}

function fromFabric(bytes: readonly number[]): Promise<void> {
  return send("fab", "wire0", ethernet(MAC.fabric, MAC.peer, bytes));
}

/** Several packets, one after the other. */
async function times(count: number, action: () => Promise<void>): Promise<void> {
  for (let index = 0; index < count; index++) await action();
}

/** A flow of a tuple from vm1. */
function flow(tuple: Tuple, action: number, sourceNexthop = 0, dropReason = 0): void {
  const known = flows().find(({ sourcePort }) => sourcePort === tuple.sourcePort);
  setFlow({
    ...tuple,
    index: known?.index ?? -1,
    generation: known?.generation ?? 0,
    action,
    nexthop: nexthopOf(1),
    vrf: VRF,
    sourceNexthop,
    dropReason,
  });
}

async function deleteFlows(): Promise<void> {
  for (const { index } of flows()) await must("flow", "-i", `${index}`);
  await until("the end of the flows", () => flows().length === 0);
}

/** Removes all flows, and the policy that makes them. */
async function noFlows(): Promise<void> {
  await deleteFlows();
  await setTap1(0);
}

/** Parameters of the module, as it starts with them. */
const USUAL = {
  vr_flow_hold_limit: 8192,
  vr_fragment_entries: 1024,
  vr_assembler_entries: 256,
  vr_assembler_timeout_ms: 5000,
  vr_flow_bucket_entries: 4,
} as const;

/**
 * Lets tap1's packets have flows, and in the end removes these.
 *
 * @param more sets those that are there beforehand
 * @param parameters of the module, meanwhile
 */
function withPolicy(
  more: () => Promise<void> | void = () => {},
  parameters: Partial<Record<keyof typeof USUAL, number>> = {},
): Pick<Scenario, "prepare" | "restore"> {
  const names = Object.keys(parameters) as (keyof typeof USUAL)[];
  return {
    async prepare(): Promise<void> {
      for (const name of names) parameter(name, parameters[name]!);
      await setTap1(1);
      await more();
    },
    async restore(): Promise<void> {
      for (const name of names) parameter(name, USUAL[name]);
      await noFlows();
    },
  };
}

/** Where a device counts what it receives. */
function received(device: string): number {
  return Number(Deno.readTextFileSync(`/sys/class/net/${device}/statistics/rx_packets`));
}

/** A tap device, whose virtual machine may send packets with GSO. */
async function addTap(): Promise<void> {
  await must("modprobe", "tun");
  await must("ip", "tuntap", "add", "dev", "tap9", "mode", "tap");
  await must("ip", "link", "set", "tap9", "up");
  await must("vif-add", "tap9", "9", "3", `${VRF}`);
}

async function deleteTap(): Promise<void> {
  await must("ip", "link", "set", "fab0", "up");
  await must("ip", "link", "delete", "tap9");
}

/** A packet of TCP from tap9, for VXLAN. */
function tcpFar(sourcePort: number): Tuple {
  return {
    source: "10.1.1.44",
    destination: "10.1.1.9",
    protocol: PROTOCOL.TCP,
    sourcePort,
    destinationPort: 9,
  };
}

/** It with 3,000 bytes, to be cut into three segments. */
async function sendGso(sourcePort: number, tcpHeaderWords = 5): Promise<void> {
  const length = 3000;
  const bytes = packet(tcpFar(sourcePort), { tcpHeaderWords, length: length - 14 });
  await send(undefined, "tap9", ethernet(MAC.far, "02:00:00:00:00:44", bytes), length, 1000);
}

const IN_VXLAN = { ...udp(4100), source: "10.1.1.9", destination: "10.1.1.1" };

/** All of them. Those of layer 2 and 3 first, then flows, fragments, tunnels and what nobody counts. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "a MAC address that nobody has",
    drop: {
      reason: "L2_NO_ROUTE",
      vif: 1,
      tuple: udp(3001, "10.1.1.50"),
      count: 2,
      route: { key: null, nexthop: null },
    },
    send: () => times(2, () => fromVm1(MAC.unknown, packet(udp(3001, "10.1.1.50")))),
  },
  {
    name: "an address without a route",
    drop: {
      reason: "DISCARD",
      cause: "discard nexthop",
      vif: 1,
      tuple: udp(3002, "99.9.9.9"),
      count: 1,
      route: { key: "0.0.0.0/0", nexthop: 0, type: "Drop" },
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3002, "99.9.9.9"))),
  },
  {
    name: "a route to a discard nexthop",
    drop: {
      reason: "DISCARD",
      cause: "discard nexthop",
      vif: 1,
      tuple: udp(3003, "10.1.7.7"),
      count: 1,
      route: { key: "10.1.7.7/32", nexthop: 70, type: "Drop" },
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3003, "10.1.7.7"))),
  },
  {
    name: "a nexthop that is being changed",
    drop: {
      reason: "DISCARD",
      cause: "nexthop being changed",
      vif: 1,
      tuple: udp(3004),
      count: 1,
      route: { key: "10.1.1.2/32", nexthop: 22, type: "Encap" },
    },
    prepare: () => {
      parameter("vr_nexthop_change_stops", 1);
      changeNexthop22();
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3004))),
    restore: () => {
      parameter("vr_nexthop_change_stops", 0);
      changeNexthop22();
    },
  },
  {
    name: "a composite without components",
    drop: {
      reason: "DISCARD",
      cause: "composite without members",
      vif: 1,
      tuple: udp(3005),
      count: 1,
      route: { key: "02:00:00:00:00:44", nexthop: 44, type: "Composite" },
    },
    prepare: () => {
      const { COMPOSITE: type } = TYPE;
      setNexthop({ id: 44, type, vrf: VRF, l2: true, flags: FLAG.ENCAP, components: [] });
      setMac(VRF, "02:00:00:00:00:44", 44);
    },
    send: () => fromVm1("02:00:00:00:00:44", packet(udp(3005))),
    restore: () => setMac(VRF, "02:00:00:00:00:44", undefined),
  },
  {
    name: "a TTL of 0",
    drop: {
      reason: "TTL_EXCEEDED",
      cause: "TTL of the packet",
      vif: 1,
      tuple: udp(3006),
      count: 1,
      // The TTL comes before the route: the packet got there by the gateway's MAC address.
      route: { key: MAC.gateway, nexthop: 30, type: "L2 Receive" },
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3006), { ttl: 0 })),
  },
  {
    name: "a nexthop that was deleted",
    drop: { reason: "INVALID_NH", vif: 1, tuple: udp(3007, "10.1.7.8"), count: 1 },
    prepare: () => {
      setNexthop({ id: 71, type: TYPE.DISCARD, vrf: VRF });
      setRoute(VRF, "10.1.7.8/32", 71);
      deleteNexthop(71);
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3007, "10.1.7.8"))),
    restore: () => setRoute(VRF, "10.1.7.8/32", undefined),
  },
  {
    name: "a nexthop whose vif was deleted",
    drop: { reason: "INVALID_IF", vif: 1, tuple: udp(3008, "10.1.7.9"), count: 1 },
    prepare: async () => {
      await must("ip", "link", "add", "tap7", "type", "dummy");
      await must("vif-add", "tap7", "7", "3", `${VRF}`);
      const macs = [MAC.vm3, MAC.gateway] as const;
      setNexthop({ id: 23, type: TYPE.ENCAP, vrf: VRF, vif: 7, macs });
      setRoute(VRF, "10.1.7.9/32", 23);
      await must("ip", "link", "delete", "tap7");
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3008, "10.1.7.9"))),
    restore: () => setRoute(VRF, "10.1.7.9/32", undefined),
  },
  {
    name: "a vif that does not transmit",
    drop: {
      reason: "INTERFACE_TX_DISCARD",
      vif: 1,
      tuple: udp(3009),
      count: 1,
      route: { key: "02:00:00:00:00:14", nexthop: 14, type: "Encap" },
    },
    prepare: async () => {
      await must("ip", "link", "add", "dum3", "type", "dummy");
      await must("vif-add", "dum3", "3", "5");
      setNexthop({ id: 14, type: TYPE.ENCAP, vrf: VRF, l2: true, vif: 3 });
      setMac(VRF, "02:00:00:00:00:14", 14);
    },
    send: () => fromVm1("02:00:00:00:00:14", packet(udp(3009))),
    restore: async () => {
      setMac(VRF, "02:00:00:00:00:14", undefined);
      await must("ip", "link", "delete", "dum3");
    },
  },
  {
    name: "an ARP packet with addresses of other sizes",
    drop: { reason: "INVALID_ARP", vif: 1, tuple: undefined, count: 1 },
    send: () => {
      const addresses = [
        ...macBytes(MAC.vm1),
        ...addressBytes("10.1.1.1"),
        ...new Array(10).fill(0),
      ];
      return fromVm1(MAC.broadcast, [0, 1, 8, 0, 8, 4, 0, 1, ...addresses], 0x0806);
    },
  },
  {
    name: "a frame too short for its header",
    drop: { reason: "INTERFACE_DROP", vif: 1, tuple: undefined, count: 1 },
    send: () => fromVm1(MAC.vm2, [0x45, 0, 0, 20]),
  },
  {
    name: "a protocol that the gateway does not know",
    drop: { reason: "INVALID_PROTOCOL", vif: 1, tuple: undefined, count: 1 },
    send: () => fromVm1(MAC.gateway, new Array(46).fill(0), 0x88b5),
  },
  {
    name: "a packet for the agent, which is not there",
    drop: { reason: "TRAP_NO_IF", vif: 1, tuple: udp(3013, "10.1.3.3"), count: 1 },
    prepare: async () => {
      await must("ip", "link", "delete", "pkt0");
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3013, "10.1.3.3"), { ttl: 1 })),
    restore: async () => {
      await must("ip", "link", "add", "pkt0", "type", "veth", "peer", "name", "agent0");
      await must("ip", "link", "set", "pkt0", "up");
      await must("ip", "link", "set", "agent0", "up");
      await addAgent();
    },
  },
  {
    name: "the last hop, of which the agent gets a copy",
    drop: {
      reason: "DUPLICATED",
      class: "housekeeping",
      vif: 1,
      tuple: udp(3014, "10.1.3.3"),
      count: 1,
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3014, "10.1.3.3"), { ttl: 1 })),
  },
  {
    name: "too large for the tunnel, of which the agent gets a copy",
    drop: {
      reason: "DUPLICATED",
      class: "housekeeping",
      vif: 1,
      tuple: udp(3015, "10.1.1.9"),
      count: 1,
    },
    send: async () => {
      const bytes = packet(udp(3015, "10.1.1.9"), { dontFragment: true, length: 1500 });
      await send("vm1", "eth0", ethernet(MAC.far, MAC.vm1, bytes), 1514);
    },
  },
  {
    name: "a flood, of which the originals end here",
    drop: {
      reason: "CLONED_ORIGINAL",
      class: "housekeeping",
      vif: 1,
      tuple: udp(3016, "10.1.1.255"),
      count: 2,
      arrives: 1,
    },
    logged: 0,
    send: () => fromVm1(MAC.broadcast, packet(udp(3016, "10.1.1.255"))),
  },
  {
    name: "a flood without memory",
    drop: { reason: "MCAST_CLONE_FAIL", vif: 1, tuple: udp(3017, "10.1.1.255"), count: 1 },
    prepare: () => parameter("vr_fail_clones", 1),
    send: () => fromVm1(MAC.broadcast, packet(udp(3017, "10.1.1.255"))),
  },
  {
    name: "the head of a fragmented packet, for ECMP and without memory: counted, but not freed",
    drop: {
      reason: "CLONE_FAIL",
      class: "counted",
      vif: 1,
      tuple: udp(3018, "10.1.8.8"),
      count: 1,
      arrives: 1,
    },
    logged: 0,
    prepare: () => {
      const { COMPOSITE: type } = TYPE;
      setNexthop({ id: 45, type, vrf: VRF, flags: FLAG.ECMP, components: [22, 22] });
      setRoute(VRF, "10.1.8.8/32", 45);
      parameter("vr_fail_clones", 1);
    },
    send: () =>
      fromVm1(MAC.gateway, packet(udp(3018, "10.1.8.8"), { moreFragments: true, id: 18 })),
    restore: () => setRoute(VRF, "10.1.8.8/32", undefined),
  },
  {
    name: "ECMP without a member",
    drop: {
      reason: "INVALID_NH",
      cause: "no live ECMP member",
      vif: 1,
      tuple: udp(3019, "10.1.8.9"),
      count: 1,
      route: { key: "10.1.8.9/32", nexthop: 46, type: "Composite" },
    },
    prepare: () => {
      const { COMPOSITE: type } = TYPE;
      setNexthop({ id: 46, type, vrf: VRF, flags: FLAG.ECMP, components: [] });
      setRoute(VRF, "10.1.8.9/32", 46);
    },
    send: () => fromVm1(MAC.gateway, packet(udp(3019, "10.1.8.9"))),
    restore: () => setRoute(VRF, "10.1.8.9/32", undefined),
  },
  {
    name: "a flow that security groups drop",
    drop: {
      reason: "FLOW_ACTION_DROP",
      class: "policy",
      flow: "D(SG)",
      vif: 1,
      tuple: udp(3101),
      count: 3,
    },
    ...withPolicy(() => flow(udp(3101), ACTION.DROP, 0, 0x17)),
    send: () => times(3, () => fromVm1(MAC.vm2, packet(udp(3101)))),
  },
  {
    name: "a flow with another source",
    drop: {
      reason: "INVALID_SOURCE",
      cause: "reverse path check failed",
      vif: 1,
      tuple: udp(3102),
      count: 1,
    },
    ...withPolicy(() => flow(udp(3102), ACTION.FORWARD, 22)),
    send: () => fromVm1(MAC.vm2, packet(udp(3102))),
  },
  {
    name: "a flow without a nexthop for its source",
    drop: { reason: "INVALID_NH", vif: 1, tuple: udp(3103), count: 1 },
    ...withPolicy(() => flow(udp(3103), ACTION.FORWARD, 60000)),
    send: () => fromVm1(MAC.vm2, packet(udp(3103))),
  },
  {
    name: "NAT without a reverse flow",
    drop: { reason: "FLOW_NAT_NO_RFLOW", vif: 1, tuple: udp(3104), count: 1 },
    ...withPolicy(() => flow(udp(3104), ACTION.NAT)),
    send: () => fromVm1(MAC.vm2, packet(udp(3104))),
  },
  {
    name: "the fourth packet of a flow on hold, and the fifth",
    drop: { reason: "FLOW_QUEUE_LIMIT_EXCEEDED", vif: 1, tuple: udp(3105), count: 2 },
    besides: { DUPLICATED: 1 },
    prepare: () => setTap1(1),
    send: () => times(5, () => fromVm1(MAC.vm2, packet(udp(3105)))),
    restore: noHeldFlows,
  },
  {
    name: "a flow on hold without a queue",
    drop: {
      reason: "FLOW_UNUSABLE",
      cause: "flow being deleted",
      vif: 1,
      tuple: udp(3106),
      count: 1,
    },
    ...withPolicy(() => {
      flow(udp(3106), ACTION.FORWARD);
      flow(udp(3106), ACTION.HOLD);
    }),
    send: () => fromVm1(MAC.vm2, packet(udp(3106))),
  },
  {
    name: "more flows on hold than allowed",
    drop: {
      reason: "FLOW_UNUSABLE",
      cause: "hold limit reached",
      vif: 1,
      tuple: udp(3109),
      count: 1,
    },
    // It is logged where the reason arises, and again where the packet is freed.
    logged: 2,
    ...withPolicy(() => {
      flow(udp(3107), ACTION.HOLD);
      flow(udp(3108), ACTION.HOLD);
    }, { vr_flow_hold_limit: 1 }),
    send: () => fromVm1(MAC.vm2, packet(udp(3109))),
  },
  {
    name: "a later fragment, which may not make a flow",
    drop: {
      reason: "FLOW_UNUSABLE",
      cause: "fragment without flow",
      vif: 1,
      tuple: { ...udp(3110), sourcePort: 0, destinationPort: 0 },
      count: 1,
    },
    logged: 2,
    ...withPolicy(async () => {
      flow(udp(3110), ACTION.FORWARD);
      const before = dropCounters();
      await fromVm1(MAC.vm2, packet(udp(3110), { moreFragments: true, id: 3110 }));
      await until("the end of the head's clone", () => dropsSince(before).size === 1);
      await deleteFlows();
    }),
    send: () => fromVm1(MAC.vm2, fragment(udp(3110), 3110)),
  },
  {
    name: "the head of a fragmented packet, and no memory for it",
    drop: {
      reason: "FLOW_UNUSABLE",
      cause: "flow lookup failed",
      vif: 1,
      tuple: udp(3111),
      count: 1,
    },
    ...withPolicy(undefined, { vr_fragment_entries: 0 }),
    send: () => fromVm1(MAC.vm2, packet(udp(3111), { moreFragments: true, id: 3111 })),
  },
  {
    name: "a later fragment, and the assembler is full",
    drop: {
      reason: "FRAGMENTS",
      cause: "fragment not queued",
      vif: 1,
      tuple: { ...udp(0), destinationPort: 0 },
      count: 1,
    },
    ...withPolicy(undefined, { vr_assembler_entries: 0 }),
    send: () => fromVm1(MAC.vm2, fragment(udp(0), 3112)),
  },
  {
    name: "a later fragment, whose head never comes",
    drop: {
      reason: "FRAGMENTS",
      cause: "first fragment missing",
      vif: 1,
      tuple: { ...udp(0), destinationPort: 0 },
      count: 1,
    },
    ...withPolicy(undefined, { vr_assembler_timeout_ms: 200 }),
    send: () => fromVm1(MAC.vm2, fragment(udp(0), 3113)),
  },
  {
    name: "the clone of a head, and the assembler is full: the head goes on",
    drop: {
      reason: "FRAGMENTS",
      cause: "copy of first fragment",
      class: "housekeeping",
      vif: 1,
      tuple: udp(3114),
      count: 1,
      arrives: 1,
    },
    ...withPolicy(() => flow(udp(3114), ACTION.FORWARD), { vr_assembler_entries: 0 }),
    send: () => fromVm1(MAC.vm2, packet(udp(3114), { moreFragments: true, id: 3114 })),
  },
  {
    name: "no place for a new flow",
    drop: { reason: "FLOW_TABLE_FULL", vif: 1, tuple: udp(3115), count: 1 },
    ...withPolicy(undefined, { vr_flow_bucket_entries: 0 }),
    send: () => fromVm1(MAC.vm2, packet(udp(3115))),
  },
  {
    name: "a vif that gets no new flows",
    drop: { reason: "NEW_FLOWS", vif: 1, tuple: udp(3116), count: 1 },
    logged: 2,
    prepare: () => setTap1(0x40001),
    send: () => fromVm1(MAC.vm2, packet(udp(3116))),
    restore: noFlows,
  },
  {
    name: "a packet after the reset of its connection",
    // The reset itself arrives.
    drop: {
      reason: "FLOW_EVICT",
      vif: 1,
      tuple: { ...udp(3117), protocol: PROTOCOL.TCP },
      count: 1,
      arrives: 1,
    },
    ...withPolicy(async () => {
      const tuple = { ...udp(3117), protocol: PROTOCOL.TCP };
      flow(tuple, ACTION.FORWARD);
      const before = received("tap1");
      await fromVm1(MAC.vm2, packet(tuple, { rst: true }));
      await until("the reset", () => received("tap1") > before);
    }),
    send: () => fromVm1(MAC.vm2, packet({ ...udp(3117), protocol: PROTOCOL.TCP })),
  },
  {
    name: "a new flow without memory for a clone: the agent gets the packet itself",
    drop: { reason: "TRAP_ORIGINAL", class: "counted", vif: 1, tuple: udp(3118), count: 1 },
    besides: { DUPLICATED: 1 },
    logged: 0,
    ...withPolicy(() => parameter("vr_fail_clones", 1)),
    send: () => fromVm1(MAC.vm2, packet(udp(3118))),
  },
  {
    name: "a VNID that nobody has",
    drop: { reason: "INVALID_VNID", vif: 0, tuple: outer(PROTOCOL.UDP), count: 1 },
    send: () => fromFabric(vxlan([PEER, HOST], 6001, ethernet(MAC.vm1, MAC.far, packet(IN_VXLAN)))),
  },
  {
    name: "a label that nobody has",
    drop: { reason: "INVALID_LABEL", vif: 0, tuple: outer(PROTOCOL.GRE), count: 1 },
    send: () => fromFabric(mplsOverGre([PEER, HOST], 777, packet(udp(3202)))),
  },
  {
    name: "a label whose TTL has run out",
    drop: {
      reason: "TTL_EXCEEDED",
      cause: "TTL of the label",
      vif: 0,
      tuple: outer(PROTOCOL.GRE),
      count: 1,
    },
    send: () => fromFabric(mplsOverGre([PEER, HOST], 25, packet(udp(3203)), 1)),
  },
  {
    name: "a wrong checksum of UDP around VXLAN",
    drop: { reason: "CKSUM_ERR", vif: 0, tuple: outer(PROTOCOL.UDP), count: 1 },
    logged: 0,
    send: () =>
      fromFabric(vxlan([PEER, HOST], 5001, ethernet(MAC.vm1, MAC.far, packet(IN_VXLAN)), 0x1234)),
  },
  {
    name: "from the fabric back to a tunnel",
    drop: {
      reason: "INVALID_SOURCE",
      cause: "fabric to tunnel",
      vif: 0,
      tuple: { ...IN_VXLAN, destination: "10.1.1.9" },
      count: 1,
    },
    send: () => {
      const inner = packet({ ...IN_VXLAN, destination: "10.1.1.9" });
      return fromFabric(vxlan([PEER, HOST], 5001, ethernet(MAC.far, MAC.far, inner)));
    },
  },
  {
    name: "a label that leads back to the tunnel's other end",
    drop: {
      reason: "PKT_LOOP",
      cause: "tunnel back to its source",
      vif: 0,
      tuple: udp(3206),
      count: 1,
    },
    prepare: () => {
      const tunnel = [HOST, PEER] as const;
      const macs = [MAC.peer, MAC.fabric] as const;
      setNexthop({ id: 52, type: TYPE.TUNNEL, flags: FLAG.GRE, vif: 0, macs, tunnel });
      setLabel(26, 52);
    },
    send: () => fromFabric(mplsOverGre([PEER, HOST], 26, packet(udp(3206)))),
    restore: () => setLabel(26, undefined),
  },
  {
    name: "a flood from a host that is in no tunnel of the network",
    drop: { reason: "INVALID_MCAST_SOURCE", vif: 0, tuple: udp(3207, "10.1.1.255"), count: 1 },
    prepare: () => {
      const composite = { type: TYPE.COMPOSITE, vrf: 3, l2: true };
      setNexthop({ id: 47, ...composite, flags: FLAG.EVPN, components: [50] });
      const flags = FLAG.MCAST | FLAG.VALIDATE_MCAST_SOURCE;
      setNexthop({ id: 48, ...composite, flags, components: [47] });
      setNexthop({ id: 56, type: TYPE.VRF_TRANSLATE, vrf: 3, l2: true });
      setMac(3, MAC.broadcast, 48);
      setVnid(5003, 56);
    },
    send: () => {
      const frame = ethernet(MAC.broadcast, MAC.far, packet(udp(3207, "10.1.1.255")));
      return fromFabric(vxlan(["172.16.0.77", HOST], 5003, frame));
    },
    restore: () => {
      setVnid(5003, undefined);
      setMac(3, MAC.broadcast, undefined);
    },
  },
  {
    name: "a packet for this host, which the stand-in does not pass on",
    drop: {
      reason: "NOWHERE_TO_GO",
      vif: 0,
      tuple: { ...outer(PROTOCOL.ICMP), sourcePort: 3208 },
      count: 1,
    },
    send: () => fromFabric(packet({ ...outer(PROTOCOL.ICMP), sourcePort: 3208 })),
  },
  {
    name: "a frame of IPv4 that is none, for VXLAN: charged to the vif it would leave by",
    drop: { reason: "INVALID_PROTOCOL", vif: 0, tuple: undefined, count: 1 },
    logged: 0,
    send: () =>
      fromVm1(MAC.far, ipv4(udp(3209, "10.1.1.9"), new Array(32).fill(0), { version: 15 })),
  },
  {
    name: "a packet that cannot be cut into segments: nobody counts it",
    drop: {
      reason: undefined,
      cause: "segmentation failed, which the module does not count",
      vif: 9,
      tuple: tcpFar(3301),
      count: 1,
    },
    prepare: addTap,
    send: () => sendGso(3301, 0),
    restore: deleteTap,
  },
  {
    name: "a packet that is cut into segments, of which none is lost",
    drop: {
      reason: undefined,
      class: "housekeeping",
      cause: "its segments go on",
      vif: 9,
      tuple: tcpFar(3304),
      count: 1,
      arrives: 3,
    },
    prepare: addTap,
    send: () => sendGso(3304),
    restore: deleteTap,
  },
  {
    name: "the first segment cannot be sent, and the others go with it: nobody counts them",
    drop: {
      reason: undefined,
      cause: "rest of a segment list, which the module does not count",
      vif: 9,
      vifBefore: 0,
      tuple: tcpFar(3302),
      count: 2,
    },
    // The first segment, and the packet that was cut.
    kernel: { QDISC_DROP: 1, NOT_SPECIFIED: 1 },
    device: "tap9",
    prepare: async () => {
      await addTap();
      await must("ip", "link", "set", "fab0", "down");
    },
    send: () => sendGso(3302),
    restore: deleteTap,
  },
  {
    name: "to a tap that is down: only the kernel knows",
    drop: { reason: undefined, vif: 1, tuple: udp(3303), count: 1 },
    prepare: async () => {
      await must("ip", "link", "set", "tap2", "down");
    },
    send: () => fromVm1(MAC.vm2, packet(udp(3303))),
    restore: async () => {
      await must("ip", "link", "set", "tap2", "up");
    },
  },
];

function changeNexthop22(): void {
  setNexthop({ id: 22, type: TYPE.ENCAP, vrf: VRF, vif: 2, macs: [MAC.vm2, MAC.gateway] });
}

/** What flows hold is dropped with them; those drops are no part of the scenario. */
async function noHeldFlows(): Promise<void> {
  const before = dropCounters();
  const held = flows().reduce((sum, one) => sum + one.held, 0);
  await noFlows();
  await until(
    "the end of the held packets",
    () =>
      [...dropsSince(before).values()].reduce((sum, count) => sum + count, 0) >= held || undefined,
  );
}

/** Growth of the counters that the scenario promises, by VP_DROP_ number. */
export function promised({ drop, besides = {} }: Scenario): Map<number, number> {
  const names = Object.entries(besides);
  if (drop.reason !== undefined) names.push([drop.reason, drop.count]);
  return new Map(
    names.map(([name, count]) => [reasonOf(name), count] as const).sort(([a], [b]) => a - b),
  );
}

/** Called in the middle of {@linkcode provoke}. */
export interface Watching {
  /** Before the packets, after the preparations. */
  before?(): Promise<void> | void;
  /** After the packets, before cleaning up. */
  after?(): Promise<void> | void;
}

/** Does all of a scenario; fails if the module's counters do not become what it promises. */
export async function provoke(scenario: Scenario, watching: Watching = {}): Promise<void> {
  try {
    await scenario.prepare?.();
    await watching.before?.();
    const counters = dropCounters();
    const device = scenario.device ?? ["fab0", "tap1"][scenario.drop.vif] ?? "tap9";
    const packets = received(device);
    await scenario.send();
    const expected = promised(scenario);
    const total = (growth: ReadonlyMap<number, number>): number =>
      [...growth.values()].reduce((sum, count) => sum + count, 0);
    await until(
      `the drops of ${scenario.name}`,
      () => total(dropsSince(counters)) >= total(expected) || undefined,
    );
    if (scenario.drop.reason === undefined) {
      await until("the packet", () => received(device) > packets);
    }
    const grown = [...dropsSince(counters)].sort(([a], [b]) => a - b);
    assert.deepEqual(new Map(grown), expected, scenario.name);
    await watching.after?.();
  } finally {
    await scenario.restore?.();
  }
}
