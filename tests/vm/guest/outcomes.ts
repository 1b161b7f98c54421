/**
 * Ways of packets through vrouter, each known beforehand, in the network of {@linkcode realNetwork}.
 *
 * A scenario says what it sends, how often each device then transmits and each drop counter of the module
 * moves, where the packet arrives and in which headers, and what the tables that it has set lead to.
 * outcomes_test.ts shows that devices, counters and far ends agree, and `vrft packets`, too.
 *
 * @module
 */

import assert from "node:assert/strict";
import { monotonicClock } from "../../../src/sys/clock.ts";
import {
  be32,
  ethernet,
  mplsOverGre,
  mplsOverUdp,
  packet,
  PROTOCOL,
  send,
  type Tuple,
  vxlan,
} from "./frames.ts";
import { HOST, MAC, PEER, setTap1, VRF } from "./real_network.ts";
import {
  ACTION,
  FLAG,
  FLOW_FLAG,
  type FlowRequest,
  nexthopOf,
  setFlow,
  setMac,
  setNexthop,
  setRoute,
  TYPE,
} from "./requests.ts";
import { hasModuleBtf, must } from "./support.ts";
import { until } from "./until.ts";
import { statistic } from "./traffic.ts";
import { type Flow, flows } from "./vrouter.ts";

/** Devices that packets leave vrouter by. */
export const DEVICES = ["tap1", "tap2", "tap3", "fab0", "pkt0", "vhost0"] as const;
export type Device = typeof DEVICES[number];

/** Where what they send arrives, in the same order: namespace and device. */
export const FAR_ENDS: readonly (readonly [string | undefined, string])[] = [
  ["vm1", "eth0"],
  ["vm2", "eth0"],
  ["vm3", "eth0"],
  ["fab", "wire0"],
  [undefined, "agent0"],
  [undefined, "vhost0"],
];

/** Index of the host's vif. */
export const HOST_VIF = 6;

/** A packet as `vrft packets` is to tell it. */
export interface Told {
  /** Index of the vif it came in by, and VRF; null if it came in by none. */
  readonly vif: number | null;
  readonly vrf: number | null;
  /** Place in the scenario of the packet that it is a copy of. */
  readonly copyOf?: number;
  /** As outcomes_test.ts writes them; `own` is the flow of the scenario's tuple, `reverse` its reverse flow. */
  readonly decisions: readonly string[];
  readonly outcome: string;
}

/** What a packet's line has of its time, for a scenario that delays it. */
export interface Timed {
  readonly duration: number;
  readonly stages: readonly { readonly name: string; readonly duration: number }[];
}

/** A way of packets. */
export interface Way {
  readonly name: string;
  readonly tuple: Tuple;
  /** Growth of the devices' tx_packets. */
  readonly sent?: Partial<Record<Device, number>>;
  /** Growth of the module's drop counters, by reason without VP_DROP_. */
  readonly drops?: Readonly<Record<string, number>>;
  /** The tuple that it arrives with, if that is another one. */
  readonly arrivesAs?: Tuple;
  /** What a frame with the tuple has at the far end of a device, in hexadecimal: the headers of a tunnel. */
  readonly headers?: string;
  /** In the order in which they begin; or by what has arrived, in the order of their outcomes. */
  readonly packets: readonly Told[] | ((arrived: number) => readonly Told[]);
  /** Whether frames that arrive are not counted: those that may be merged, and echoes. */
  readonly isUncounted?: true;
  prepare?(): Promise<void> | void;
  send(): Promise<void>;
  /** Waits for what neither a device nor a counter shows. */
  done?(): Promise<void>;
  /** Judges their times. */
  timed?(packets: readonly Timed[]): void;
  restore?(): Promise<void> | void;
}

/** An address that no VM has: those that get packets for it do not answer. */
const SILENT = "10.1.20.1";

/** A packet of UDP from vm1; each scenario has a port of its own. */
function udp(sourcePort: number, destination = SILENT): Tuple {
  return {
    source: "10.1.1.1",
    destination,
    protocol: PROTOCOL.UDP,
    sourcePort,
    destinationPort: 9,
  };
}

/** One that comes from the fabric. */
function fromFar(sourcePort: number): Tuple {
  return { ...udp(sourcePort), source: "10.1.1.9" };
}

function fromVm1(mac: string, bytes: readonly number[]): Promise<void> {
  return send("vm1", "eth0", ethernet(mac, MAC.vm1, bytes));
}

function fromFabric(bytes: readonly number[]): Promise<void> {
  return send("fab", "wire0", ethernet(MAC.fabric, MAC.peer, bytes));
}

function hex(bytes: readonly number[]): string {
  return Uint8Array.from(bytes).toHex();
}

/** Gives the tuple a flow, before its first packet. @returns its index */
function flow(
  tuple: Tuple,
  action: number,
  sourceNexthop: number,
  more: Partial<FlowRequest> = {},
): number {
  const from = { nexthop: nexthopOf(1), vrf: VRF };
  return setFlow({ ...tuple, ...from, index: -1, action, sourceNexthop, ...more }).index;
}

/** Answers for the agent: decides about the flow of a tuple, once that is on hold. */
async function decide(
  tuple: Tuple,
  action: number,
  wait: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { index, generation } = await heldFlow(tuple);
  await wait();
  flow(tuple, action, 11, { index, generation, dropReason: SG });
}

/** The flow of a tuple that holds a packet. */
function heldFlow({ sourcePort }: Tuple): Promise<Flow> {
  return until(
    "the flow",
    () => flows().find((one) => one.sourcePort === sourcePort && one.held === 1),
  );
}

/** VR_FLOW_DR_SG: security groups. */
const SG = 0x17;
/** VRF of a flow that translates to it. */
const OTHER_VRF = 3;

/** Counts of a device's queue. */
interface Queue {
  readonly qlen?: number;
  readonly drops?: number;
}

async function queueOf(device: string): Promise<Queue> {
  return JSON.parse(await must("tc", "-s", "-j", "qdisc", "show", "dev", device))[0];
}

/** Delays or loses what tap3 sends. */
async function withNetem(...options: string[]): Promise<void> {
  await must("tc", "qdisc", "add", "dev", "tap3", "root", "netem", ...options);
}

async function withoutNetem(): Promise<void> {
  await must("tc", "qdisc", "delete", "dev", "tap3", "root");
}

/** Takes away all flows, and the policy that makes them. */
async function noFlows(): Promise<void> {
  for (const { index } of flows()) await must("flow", "-i", `${index}`);
  await until("the end of the flows", () => flows().length === 0);
  await setTap1(0);
}

/** Lets tap1's packets have flows. */
function withFlow(set: () => void): Pick<Way, "prepare" | "restore"> {
  return {
    async prepare(): Promise<void> {
      await setTap1(1);
      set();
    },
    restore: noFlows,
  };
}

const MS = 1e6;

/** Nanoseconds in stages of that name. */
function timeIn({ stages }: Timed, name: string): number {
  return stages.reduce((sum, stage) => sum + (stage.name === name ? stage.duration : 0), 0);
}

/** Asserts that a wait is as long as was made, and that it is nowhere else. */
function assertWait(packet: Timed, name: string, least: number, most: number): void {
  const waited = timeIn(packet, name);
  assert.ok(waited >= least && waited <= most, `${name}: ${waited} of ${least} to ${most} ns`);
  const rest = packet.duration - waited;
  assert.ok(rest < least, `${rest} ns elsewhere: ${JSON.stringify(packet.stages)}`);
}

/** Segments of a connection, and their data in bytes. */
const SEGMENTS = 3;
const SEGMENT = 32;
/** Has a device keep packets for a while, and then send them at once. */
const AT_ONCE = "tc qdisc add dev wire0 root netem slot 2s 2s packets 64".split(" ");
/** An address of the fabric that nobody has, so that nobody answers that the port is closed. */
const SILENT_PEER = "172.16.0.66";
/** An address of the host that none of its devices has. */
const OTHER_HOST = "172.16.0.9";
/** Longer than an emulated CPU stands still. */
const NETEM_MS = 500;
const HELD_MS = 500;

/** A nexthop to vm3 for routes. */
const TO_VM3 = {
  id: 23,
  type: TYPE.ENCAP,
  vrf: VRF,
  vif: 5,
  macs: [MAC.vm3, MAC.gateway],
} as const;

/** Whether vm2 sends on what is not for it. */
async function forwarding(isOn: boolean): Promise<void> {
  const ipv4 = "/proc/sys/net/ipv4";
  const redirects = `echo 0 | tee ${ipv4}/conf/*/send_redirects`;
  const set = `${redirects}; echo ${isOn ? 1 : 0} >${ipv4}/ip_forward`;
  await must("ip", "netns", "exec", "vm2", "sh", "-c", set);
}

const TO_VM2 = `bridge ${VRF}/${MAC.vm2} > 12 Encap vif2`;
const TO_GATEWAY = `bridge ${VRF}/${MAC.gateway} > 30 L2 Receive`;
const NH_FAR = `50 Tunnel Vxlan vif0 ${HOST}>${PEER}`;
const IN_TAP2 = "delivered tap vif2 tap2";
const IN_TAP3 = "delivered tap vif5 tap3";
const TO_AGENT: Told = {
  vif: 1,
  vrf: VRF,
  decisions: [],
  outcome: "delivered agent vif4 pkt0",
};
const FROM_VM1 = { vif: 1, vrf: VRF } as const;
const FROM_FABRIC = { vif: 0, vrf: 0 } as const;

/** Nanoseconds of CLOCK_MONOTONIC between which a packet was on hold. */
const held = { sent: 0, from: 0, to: 0, done: 0 };
const now = monotonicClock();
/** What ping says of its packets. */
const roundTrip = { ns: 0 };
/** Bytes that vm1 got before the segments of a connection. */
const delivered = { before: 0 };

/** All of them. */
export const WAYS: readonly Way[] = [
  {
    name: "of a ping, there and back, within its round trip",
    tuple: { ...udp(0, "10.1.1.2"), protocol: PROTOCOL.ICMP },
    sent: { tap1: 1, tap2: 1 },
    isUncounted: true,
    packets: [
      { ...FROM_VM1, decisions: [TO_VM2], outcome: IN_TAP2 },
      {
        vif: 2,
        vrf: VRF,
        decisions: [`bridge ${VRF}/${MAC.vm1} > 11 Encap vif1`],
        outcome: "delivered tap vif1 tap1",
      },
    ],
    send: async () => {
      const ping = ["netns", "exec", "vm1", "ping", "-c", "1", "10.1.1.2"];
      const [, ms] = / time=([\d.]+) ms/.exec(await must("ip", ...ping))!;
      roundTrip.ns = Number(ms) * MS;
    },
    timed: (packets) => {
      const inside = packets.reduce((total, { duration }) => total + duration, 0);
      assert.ok(inside > 0 && inside < roundTrip.ns, `${inside} of ${roundTrip.ns} ns`);
    },
  },
  {
    name: "bridged to another VM",
    tuple: udp(5001),
    sent: { tap2: 1 },
    packets: [{ ...FROM_VM1, decisions: [TO_VM2], outcome: IN_TAP2 }],
    send: () => fromVm1(MAC.vm2, packet(udp(5001))),
  },
  {
    name: "routed to another VM",
    tuple: udp(5002),
    sent: { tap2: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [TO_GATEWAY, `route ${VRF}/${SILENT} ${SILENT}/32 > 22 Encap vif2`],
      outcome: IN_TAP2,
    }],
    prepare: () => setRoute(VRF, `${SILENT}/32`, 22),
    send: () => fromVm1(MAC.gateway, packet(udp(5002))),
    restore: () => setRoute(VRF, `${SILENT}/32`, undefined),
  },
  {
    name: "by the shorter of two prefixes",
    tuple: udp(5003, "10.30.0.7"),
    sent: { tap2: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [TO_GATEWAY, `route ${VRF}/10.30.0.7 10.30.0.0/16 > 22 Encap vif2`],
      outcome: IN_TAP2,
    }],
    prepare: () => {
      setRoute(VRF, "10.30.0.0/16", 22);
      setRoute(VRF, "10.30.1.0/24", 70);
    },
    send: () => fromVm1(MAC.gateway, packet(udp(5003, "10.30.0.7"))),
    restore: () => {
      setRoute(VRF, "10.30.1.0/24", undefined);
      setRoute(VRF, "10.30.0.0/16", undefined);
    },
  },
  {
    name: "into VXLAN",
    tuple: udp(5004),
    sent: { fab0: 1 },
    headers: hex([8, 0, 0, 0, ...be32(5001 << 8)]),
    packets: [{
      ...FROM_VM1,
      decisions: [`bridge ${VRF}/${MAC.far} > ${NH_FAR} label 5001`],
      outcome: "left vif0 fab0",
    }],
    send: () => fromVm1(MAC.far, packet(udp(5004), { dontFragment: true })),
  },
  {
    name: "into MPLSoGRE",
    tuple: udp(5005),
    sent: { fab0: 1 },
    // The TTL is one less.
    headers: hex([0, 0, 0x88, 0x47, ...be32(98 << 12 | 0x100 | 63)]),
    packets: [{
      ...FROM_VM1,
      decisions: [
        TO_GATEWAY,
        `route ${VRF}/${SILENT} 10.1.20.0/24 > 51 Tunnel MPLSoGRE vif0 ${HOST}>${PEER} label 98`,
      ],
      outcome: "left vif0 fab0",
    }],
    prepare: () => setRoute(VRF, "10.1.20.0/24", 51, 98),
    send: () => fromVm1(MAC.gateway, packet(udp(5005))),
    restore: () => setRoute(VRF, "10.1.20.0/24", undefined),
  },
  {
    name: "out of VXLAN",
    tuple: fromFar(5006),
    sent: { tap1: 1 },
    packets: [{
      ...FROM_FABRIC,
      decisions: [
        `route 0/${HOST} ${HOST}/32 > 60 Receive vif0`,
        `vrf 0 > ${VRF}`,
        "vni 5001 > 55 Vrf_Translate",
        `bridge ${VRF}/${MAC.vm1} > 11 Encap vif1`,
      ],
      outcome: "delivered tap vif1 tap1",
    }],
    send: () =>
      fromFabric(vxlan([PEER, HOST], 5001, ethernet(MAC.vm1, MAC.far, packet(fromFar(5006))))),
  },
  {
    name: "out of MPLSoGRE",
    tuple: fromFar(5007),
    sent: { tap1: 1 },
    packets: [{
      ...FROM_FABRIC,
      decisions: [
        `route 0/${HOST} ${HOST}/32 > 60 Receive vif0`,
        `vrf 0 > ${VRF}`,
        "label 25 > 21 Encap vif1",
      ],
      outcome: "delivered tap vif1 tap1",
    }],
    send: () => fromFabric(mplsOverGre([PEER, HOST], 25, packet(fromFar(5007)))),
  },
  {
    name: "to a MAC address without a route",
    tuple: udp(5010, "10.1.1.50"),
    drops: { L2_NO_ROUTE: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [`bridge ${VRF}/${MAC.unknown} > none`],
      outcome: "dropped VP_DROP_L2_NO_ROUTE",
    }],
    send: () => fromVm1(MAC.unknown, packet(udp(5010, "10.1.1.50"))),
  },
  {
    name: "to an address without a route",
    tuple: udp(5011, "99.9.9.9"),
    drops: { DISCARD: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [TO_GATEWAY, `route ${VRF}/99.9.9.9 0.0.0.0/0 > 0 Drop`],
      outcome: "dropped VP_DROP_DISCARD",
    }],
    send: () => fromVm1(MAC.gateway, packet(udp(5011, "99.9.9.9"))),
  },
  {
    name: "with a label that nobody has",
    tuple: udp(5012),
    drops: { INVALID_LABEL: 1 },
    packets: [{
      ...FROM_FABRIC,
      decisions: [`route 0/${HOST} ${HOST}/32 > 60 Receive vif0`, "label 777 > none"],
      outcome: "dropped VP_DROP_INVALID_LABEL",
    }],
    send: () => fromFabric(mplsOverGre([PEER, HOST], 777, packet(udp(5012)))),
  },
  {
    name: "with a VNI that nobody has",
    tuple: fromFar(5013),
    drops: { INVALID_VNID: 1 },
    packets: [{
      ...FROM_FABRIC,
      decisions: [`route 0/${HOST} ${HOST}/32 > 60 Receive vif0`, "vni 6001 > none"],
      outcome: "dropped VP_DROP_INVALID_VNID",
    }],
    send: () =>
      fromFabric(vxlan([PEER, HOST], 6001, ethernet(MAC.vm1, MAC.far, packet(fromFar(5013))))),
  },
  {
    name: "of a flow that is forwarded, and came from where it should",
    tuple: udp(5020),
    sent: { tap2: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: ["flow own F FLOW_FORWARD", "rpf ok 11 Encap vif1", TO_VM2],
      outcome: IN_TAP2,
    }],
    ...withFlow(() => flow(udp(5020), ACTION.FORWARD, 11)),
    send: () => fromVm1(MAC.vm2, packet(udp(5020))),
  },
  {
    name: "of a flow that security groups drop",
    tuple: udp(5021),
    drops: { FLOW_ACTION_DROP: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: ["flow own D(SG)"],
      outcome: "dropped VP_DROP_FLOW_ACTION_DROP",
    }],
    ...withFlow(() => flow(udp(5021), ACTION.DROP, 0, { dropReason: SG })),
    send: () => fromVm1(MAC.vm2, packet(udp(5021))),
  },
  {
    name: "of a flow whose source is elsewhere",
    tuple: udp(5022),
    drops: { INVALID_SOURCE: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: ["flow own F", "rpf failed 22 Encap vif2"],
      outcome: "dropped VP_DROP_INVALID_SOURCE",
    }],
    ...withFlow(() => flow(udp(5022), ACTION.FORWARD, 22)),
    send: () => fromVm1(MAC.vm2, packet(udp(5022))),
  },
  {
    name: "whose TTL runs out",
    tuple: udp(5030, "10.1.3.3"),
    sent: { pkt0: 1 },
    drops: { DUPLICATED: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [
        TO_GATEWAY,
        `route ${VRF}/10.1.3.3 10.1.3.3/32 > 51 Tunnel MPLSoGRE vif0 ${HOST}>${PEER} label 99`,
        `trap ZERO_TTL ${VRF}`,
      ],
      outcome: "trapped ZERO_TTL",
    }, { ...TO_AGENT, copyOf: 0 }],
    send: () => fromVm1(MAC.gateway, packet(udp(5030, "10.1.3.3"), { ttl: 1 })),
  },
  {
    name: "too big for the tunnel, and not to be cut",
    tuple: udp(5031),
    sent: { pkt0: 1 },
    drops: { DUPLICATED: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [
        `bridge ${VRF}/${MAC.far} > ${NH_FAR} label 5001`,
        // The device's, with the frame's header.
        "mtu 1514 too big",
        `trap HANDLE_DF ${VRF}`,
      ],
      outcome: "trapped HANDLE_DF",
    }, { ...TO_AGENT, copyOf: 0 }],
    send: () =>
      send(
        "vm1",
        "eth0",
        ethernet(
          MAC.far,
          MAC.vm1,
          packet(udp(5031), { dontFragment: true, length: 1500 }),
        ),
        1514,
      ),
  },
  {
    name: "of a new flow, which the agent allows after a while",
    tuple: udp(5032),
    sent: { pkt0: 1, tap2: 1 },
    drops: { DUPLICATED: 1 },
    packets: [
      {
        ...FROM_VM1,
        decisions: [
          "flow own H FLOW_HELD",
          "flow own F FLOW_FORWARD",
          "rpf ok 11 Encap vif1",
          TO_VM2,
        ],
        outcome: IN_TAP2,
      },
      {
        ...FROM_VM1,
        copyOf: 0,
        decisions: [`trap FLOW_MISS ${VRF}`],
        outcome: "trapped FLOW_MISS (Action:F)",
      },
      { ...TO_AGENT, copyOf: 1 },
    ],
    prepare: () => setTap1(1),
    send: async () => {
      held.sent = now();
      await fromVm1(MAC.vm2, packet(udp(5032)));
      await decide(udp(5032), ACTION.FORWARD, async () => {
        held.from = now();
        await new Promise((resolve) => setTimeout(resolve, HELD_MS));
        held.to = now();
      });
    },
    done: () => {
      held.done = now();
      return Promise.resolve();
    },
    timed: ([first]) => {
      assertWait(first!, "hold", held.to - held.from, held.done - held.sent);
    },
    restore: noFlows,
  },
  {
    name: "to all VMs of the network",
    tuple: udp(5040, "10.1.1.255"),
    sent: { tap2: 1, tap3: 1 },
    drops: { CLONED_ORIGINAL: 2 },
    packets: [
      {
        ...FROM_VM1,
        decisions: [
          `bridge ${VRF}/${MAC.broadcast} > 43 Composite Multicast`,
          "rpf ok 43 Composite Multicast",
        ],
        outcome: "replicated 1",
      },
      { ...FROM_VM1, copyOf: 0, decisions: ["nh 42 Composite Encap"], outcome: "replicated 2" },
      { ...FROM_VM1, copyOf: 1, decisions: ["nh 12 Encap vif2"], outcome: IN_TAP2 },
      {
        ...FROM_VM1,
        copyOf: 1,
        decisions: ["nh 13 Encap vif5"],
        outcome: IN_TAP3,
      },
    ],
    send: () => fromVm1(MAC.broadcast, packet(udp(5040, "10.1.1.255"))),
  },
  {
    name: "to one of several members of ECMP",
    tuple: udp(5041, "10.1.8.8"),
    sent: { tap3: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [
        TO_GATEWAY,
        `route ${VRF}/10.1.8.8 10.1.8.8/32 > 45 Composite Ecmp`,
        "ecmp 45 Composite Ecmp member 1",
        "nh 23 Encap vif5",
      ],
      outcome: IN_TAP3,
    }],
    prepare: () => {
      setNexthop(TO_VM3);
      // A hash of the addresses chooses: tap3 shows which.
      setNexthop({
        id: 45,
        type: TYPE.COMPOSITE,
        vrf: VRF,
        flags: FLAG.ECMP,
        components: [22, 23],
      });
      setRoute(VRF, "10.1.8.8/32", 45);
    },
    send: () => fromVm1(MAC.gateway, packet(udp(5041, "10.1.8.8"))),
    restore: () => setRoute(VRF, "10.1.8.8/32", undefined),
  },
  {
    name: "by a device whose queue delays it",
    tuple: udp(5050),
    sent: { tap3: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [`bridge ${VRF}/${MAC.vm3} > 13 Encap vif5`],
      outcome: IN_TAP3,
    }],
    prepare: () => withNetem("delay", `${NETEM_MS}ms`),
    send: () => fromVm1(MAC.vm3, packet(udp(5050))),
    timed: ([first]) => assertWait(first!, "qdisc", NETEM_MS * MS, 10 * NETEM_MS * MS),
    restore: withoutNetem,
  },
  {
    name: "by a device whose queue loses it",
    tuple: udp(5051),
    packets: [{
      ...FROM_VM1,
      decisions: [`bridge ${VRF}/${MAC.vm3} > 13 Encap vif5`],
      outcome: "dropped by the kernel",
    }],
    prepare: () => withNetem("loss", "100%"),
    send: () => fromVm1(MAC.vm3, packet(udp(5051))),
    done: async () => {
      await until("the loss", async () => (await queueOf("tap3")).drops === 1);
    },
    restore: withoutNetem,
  },
  {
    name: "into MPLSoUDP",
    tuple: udp(5008),
    sent: { fab0: 1 },
    headers: hex(be32(97 << 12 | 0x100 | 63)),
    packets: [{
      ...FROM_VM1,
      decisions: [
        TO_GATEWAY,
        `route ${VRF}/${SILENT} 10.1.0.0/16 > 53 Tunnel MPLSoUDP vif0 ${HOST}>${SILENT_PEER} label 97`,
      ],
      outcome: "left vif0 fab0",
    }],
    prepare: () => {
      const macs = [MAC.peer, MAC.fabric] as const;
      const tunnel = [HOST, SILENT_PEER] as const;
      setNexthop({ id: 53, type: TYPE.TUNNEL, flags: FLAG.UDP_MPLS, vif: 0, macs, tunnel });
      setRoute(VRF, "10.1.0.0/16", 53, 97);
    },
    send: () => fromVm1(MAC.gateway, packet(udp(5008))),
    restore: () => setRoute(VRF, "10.1.0.0/16", undefined),
  },
  {
    name: "out of MPLSoUDP",
    tuple: fromFar(5009),
    sent: { tap1: 1 },
    packets: [{
      ...FROM_FABRIC,
      decisions: [
        `route 0/${HOST} ${HOST}/32 > 60 Receive vif0`,
        `vrf 0 > ${VRF}`,
        "label 25 > 21 Encap vif1",
      ],
      outcome: "delivered tap vif1 tap1",
    }],
    send: () => fromFabric(mplsOverUdp([PEER, HOST], 25, packet(fromFar(5009)))),
  },
  {
    name: "for the host itself",
    tuple: { ...udp(5070, OTHER_HOST), source: PEER },
    sent: { vhost0: 1 },
    packets: [{
      ...FROM_FABRIC,
      decisions: [`route 0/${OTHER_HOST} ${OTHER_HOST}/32 > 62 Receive vif6`],
      outcome: "delivered host vif6 vhost0",
    }],
    prepare: () => {
      setNexthop({ id: 62, type: TYPE.RCV, vif: HOST_VIF });
      setRoute(0, `${OTHER_HOST}/32`, 62);
    },
    send: () => fromFabric(packet({ ...udp(5070, OTHER_HOST), source: PEER })),
    restore: () => setRoute(0, `${OTHER_HOST}/32`, undefined),
  },
  {
    name: "of a flow with NAT of both addresses and the source's port",
    tuple: udp(5060, "10.1.40.1"),
    arrivesAs: { ...udp(6060), source: "10.1.40.9" },
    sent: { tap2: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [
        "flow own<=>reverse N(SDPs) FLOW_FORWARD",
        "rpf ok 11 Encap vif1",
        `nat 10.1.1.1:5060 > 10.1.40.1:9 udp => 10.1.40.9:6060 > ${SILENT}:9 udp`,
        TO_VM2,
      ],
      outcome: IN_TAP2,
    }],
    ...withFlow(() => {
      const { SNAT, DNAT, SPAT } = FLOW_FLAG;
      const answer = { source: SILENT, destination: "10.1.40.9", protocol: PROTOCOL.UDP };
      const ports = { sourcePort: 9, destinationPort: 6060 };
      const reverse = flow({ ...answer, ...ports }, ACTION.NAT, 12);
      flow(udp(5060, "10.1.40.1"), ACTION.NAT, 11, { reverse, flags: SNAT | DNAT | SPAT });
    }),
    send: () => fromVm1(MAC.vm2, packet(udp(5060, "10.1.40.1"))),
  },
  {
    name: "of a flow that goes on in another VRF",
    tuple: udp(5061),
    sent: { tap2: 1 },
    packets: [{
      ...FROM_VM1,
      decisions: [
        "flow own F FLOW_FORWARD",
        "rpf ok 11 Encap vif1",
        `vrf ${VRF} > ${OTHER_VRF}`,
        `bridge ${OTHER_VRF}/${MAC.vm2} > 12 Encap vif2`,
      ],
      outcome: IN_TAP2,
    }],
    async prepare(): Promise<void> {
      await setTap1(1);
      setMac(OTHER_VRF, MAC.vm2, 12);
      flow(udp(5061), ACTION.FORWARD, 11, {
        flags: FLOW_FLAG.VRFT,
        translatedVrf: OTHER_VRF,
      });
    },
    send: () => fromVm1(MAC.vm2, packet(udp(5061))),
    async restore(): Promise<void> {
      setMac(OTHER_VRF, MAC.vm2, undefined);
      await noFlows();
    },
  },
  {
    name: "of a new flow, which the agent denies",
    tuple: udp(5033),
    sent: { pkt0: 1 },
    drops: { DUPLICATED: 1, FLOW_ACTION_DROP: 1 },
    packets: [
      {
        ...FROM_VM1,
        decisions: ["flow own H FLOW_HELD", "flow own D(SG)", "rpf ok 11 Encap vif1"],
        outcome: "dropped VP_DROP_FLOW_ACTION_DROP",
      },
      {
        ...FROM_VM1,
        copyOf: 0,
        decisions: [`trap FLOW_MISS ${VRF}`],
        outcome: "trapped FLOW_MISS (Action:D(SG))",
      },
      { ...TO_AGENT, copyOf: 1 },
    ],
    prepare: () => setTap1(1),
    send: async () => {
      await fromVm1(MAC.vm2, packet(udp(5033)));
      await decide(udp(5033), ACTION.DROP);
    },
    restore: noFlows,
  },
  {
    name: "that a guest sends on",
    tuple: udp(5090, "10.1.50.1"),
    sent: { tap2: 1, tap3: 1 },
    packets: [
      { ...FROM_VM1, decisions: [TO_VM2], outcome: IN_TAP2 },
      {
        // It is described once more by a trampoline alone.
        vif: hasModuleBtf() ? 2 : null,
        vrf: VRF,
        decisions: [TO_GATEWAY, `route ${VRF}/10.1.50.1 10.1.50.0/24 > 23 Encap vif5`],
        outcome: IN_TAP3,
      },
    ],
    prepare: async () => {
      setNexthop(TO_VM3);
      setRoute(VRF, "10.1.50.0/24", 23);
      await forwarding(true);
    },
    send: () => fromVm1(MAC.vm2, packet(udp(5090, "10.1.50.1"))),
    restore: async () => {
      await forwarding(false);
      setRoute(VRF, "10.1.50.0/24", undefined);
    },
  },
  {
    name: "segments of a connection, some of which GRO merges",
    tuple: { ...fromFar(5071), protocol: PROTOCOL.TCP },
    isUncounted: true,
    packets: (arrived) => {
      const common = {
        ...FROM_FABRIC,
        decisions: [
          `route 0/${HOST} ${HOST}/32 > 60 Receive vif0`,
          `vrf 0 > ${VRF}`,
          "vni 5001 > 55 Vrf_Translate",
          `bridge ${VRF}/${MAC.vm1} > 11 Encap vif1`,
        ],
      };
      assert.ok(arrived < SEGMENTS, "none is merged");
      return Array.from({ length: SEGMENTS }, (_, index) => ({
        ...common,
        outcome: index < SEGMENTS - arrived ? "consumed by GRO" : "delivered tap vif1 tap1",
      }));
    },
    prepare: async () => {
      delivered.before = statistic("tap1", "tx_bytes");
      await must("ip", "netns", "exec", "fab", ...AT_ONCE);
    },
    send: async () => {
      const tuple = { ...fromFar(5071), protocol: PROTOCOL.TCP };
      for (let index = 0; index < SEGMENTS; index++) {
        const segment = packet(tuple, { dontFragment: true, sequence: 1 + SEGMENT * index });
        await fromFabric(vxlan([PEER, HOST], 5001, ethernet(MAC.vm1, MAC.far, segment)));
      }
    },
    done: async () => {
      // With one header at least.
      const least = delivered.before + SEGMENTS * SEGMENT + 54;
      await until("the segments", () => statistic("tap1", "tx_bytes") >= least);
    },
    restore: async () => {
      await must("ip", "netns", "exec", "fab", "tc", "qdisc", "delete", "dev", "wire0", "root");
    },
  },
];

/** They are still inside when the trace ends. */
export const UNFINISHED: readonly Way[] = [
  {
    name: "in a queue when the trace ends",
    tuple: udp(5080),
    packets: [{
      ...FROM_VM1,
      decisions: [`bridge ${VRF}/${MAC.vm3} > 13 Encap vif5`],
      outcome: "inside",
    }],
    prepare: () => withNetem("delay", "200s"),
    send: () => fromVm1(MAC.vm3, packet(udp(5080))),
    done: async () => {
      await until("the packet in the queue", async () => (await queueOf("tap3")).qlen === 1);
    },
    restore: withoutNetem,
  },
  {
    name: "on hold when the trace ends",
    tuple: udp(5081),
    sent: { pkt0: 1 },
    drops: { DUPLICATED: 1 },
    packets: [
      { ...FROM_VM1, decisions: ["flow own H FLOW_HELD"], outcome: "held" },
      {
        ...FROM_VM1,
        copyOf: 0,
        decisions: [`trap FLOW_MISS ${VRF}`],
        outcome: "trapped FLOW_MISS",
      },
      { ...TO_AGENT, copyOf: 1 },
    ],
    prepare: () => setTap1(1),
    send: () => fromVm1(MAC.vm2, packet(udp(5081))),
    restore: noFlows,
  },
];
