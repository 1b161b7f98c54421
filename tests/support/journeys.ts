/**
 * Made-up packets of `vrft packets`: every outcome and every decision.
 *
 * @module
 */

import type { Decision, Journey, Nexthop, Outcome } from "../../src/trace/journey.ts";
import { drop, FLOW_ACTION_DROP, SECOND } from "./drops.ts";
import * as make from "./packets.ts";

const PING = Uint8Array.from(
  make.ethernet(0x0800, make.ipv4(1, make.A4, make.B4, make.icmp(8, 0, [0, 7, 0, 1]))),
);
const FABRIC_A = [10, 0, 0, 2];
const FABRIC_B = [10, 0, 0, 1];

/** An echo request from 10.1.1.5 to 10.1.1.6. */
export const ECHO = { bytes: PING, length: 98 };

/** An echo reply in MPLSoUDP, label 31. */
export const TUNNELLED = {
  bytes: Uint8Array.from(
    make.ethernet(
      0x0800,
      make.ipv4(
        17,
        FABRIC_A,
        FABRIC_B,
        make.udp(50_000, 6635, [
          ...make.label(31, true),
          ...make.ipv4(1, make.B4, make.A4, make.icmp(0, 0, [0, 7, 0, 1])),
        ]),
      ),
    ),
  ),
  length: 130,
};

/** A SYN over IPv6, in VXLAN over IPv4. */
export const TUNNELLED6 = {
  bytes: Uint8Array.from(
    make.ethernet(
      0x0800,
      make.ipv4(
        17,
        FABRIC_A,
        FABRIC_B,
        make.udp(
          50_000,
          4789,
          make.vxlan(
            5001,
            make.ethernet(0x86dd, make.ipv6(6, make.A6, make.B6, make.tcp(40_112, 443, 2))),
          ),
        ),
      ),
    ),
  ),
  length: 144,
};

/** A nexthop of which only what is given is known. */
export function nexthop(id: number, type: string, known: Partial<Nexthop> = {}): Nexthop {
  return { id, type, flags: [], vif: null, source: null, destination: null, ...known };
}

export const TAP = { index: 4, device: "tapdd789d34-27" };
export const BOND = { index: 0, device: "bond0" };

export const TUNNEL = nexthop(57, "Tunnel", {
  flags: ["MPLSoUDP"],
  source: "10.0.0.1",
  destination: "10.0.0.2",
});
export const ENCAP = nexthop(24, "Encap", { vif: TAP });
const DISCARD = nexthop(0, "Drop");

/** A packet of a VM that leaves by a tunnel, but for what is given. */
export function journey(known: Partial<Journey> = {}): Journey {
  const stages = known.stages ?? [
    { name: "rx", duration: 2_100 },
    { name: "flow", duration: 1_020 },
    { name: "nexthop", duration: 3_180 },
    { name: "encap", duration: 1_900 },
    { name: "tx", duration: 10_001 },
  ];
  return {
    id: 2 ** 40 + 5,
    parent: null,
    parentNumber: null,
    number: 17,
    begin: SECOND,
    duration: stages.reduce((sum, { duration }) => sum + duration, 0),
    vif: TAP,
    vrf: 2,
    device: "tapdd789d34-27",
    ...ECHO,
    decisions: [
      { type: "flow", index: 184224, reverse: 512, action: "F", result: "FLOW_FORWARD" },
      {
        type: "bridge",
        vrf: 2,
        key: "02:ae:00:00:00:07",
        prefix: null,
        nexthop: TUNNEL,
        label: 25,
      },
    ],
    outcome: { type: "left", vif: BOND, device: "bond0" },
    isIncomplete: false,
    ...known,
    stages,
  };
}

/** Every outcome, with each of its variants. */
export const OUTCOMES: readonly Outcome[] = [
  { type: "left", vif: BOND, device: "bond0" },
  { type: "left", vif: null, device: null },
  { type: "delivered", to: "tap", vif: TAP, device: "tapdd789d34-27" },
  { type: "delivered", to: "host", vif: null, device: null },
  { type: "delivered", to: "agent", vif: { index: 2, device: "pkt0" }, device: "pkt0" },
  { type: "dropped", drop: drop() },
  {
    type: "dropped",
    drop: drop({
      reason: FLOW_ACTION_DROP,
      cause: "SG",
      flow: { index: 184224, reverse: 512, action: "D(SG)" },
      route: { vrf: 2, key: "10.30.0.0/16", nexthop: { id: 0, type: "Drop", reach: null } },
      nexthop: { id: 0, type: "Drop", reach: "nh_discard" },
      stack: ["vr_flow_action_default", "vr_flow_lookup", "vr_virtual_input"],
    }),
  },
  { type: "trapped", reason: "FLOW_MISS", answer: null },
  { type: "trapped", reason: "HANDLE_DF", answer: "icmp unreachable, fragmentation needed" },
  { type: "held", evicted: false },
  { type: "held", evicted: true },
  { type: "replicated", copies: 1 },
  { type: "replicated", copies: 3 },
  { type: "consumed by GRO" },
  { type: "consumed" },
  { type: "inside" },
  { type: "lost from sight" },
];

/** Every decision, with each of its variants. */
export const DECISIONS: readonly Decision[] = [
  { type: "bridge", vrf: 2, key: "02:ae:00:00:00:07", prefix: null, nexthop: ENCAP, label: null },
  { type: "bridge", vrf: null, key: "02:ae:00:00:00:08", prefix: null, nexthop: null, label: null },
  {
    type: "route",
    vrf: 3,
    key: "10.30.0.9",
    prefix: "10.30.0.0/16",
    nexthop: DISCARD,
    label: null,
  },
  { type: "route", vrf: 2, key: "2001:db8::9", prefix: null, nexthop: null, label: null },
  { type: "label", number: 31, nexthop: ENCAP },
  { type: "label", number: 1048575, nexthop: null },
  { type: "vni", number: 5001, nexthop: nexthop(9, "Vrf_Translate") },
  {
    type: "nexthop",
    nexthop: nexthop(58, "Tunnel", {
      flags: ["Vxlan"],
      source: "10.0.0.1",
      destination: "10.0.0.3",
    }),
    label: 5001,
  },
  { type: "flow", index: 184224, reverse: 512, action: "D(SG)", result: "FLOW_DROP" },
  { type: "flow", index: 7, reverse: null, action: "F", result: "FLOW_TRAP" },
  { type: "flow", index: 7, reverse: null, action: "H", result: null },
  {
    type: "nat",
    before: "10.1.1.5:40112 > 192.0.2.9:443 tcp",
    after: "198.51.100.7:40112 > 192.0.2.9:443 tcp",
  },
  { type: "nat", before: null, after: null },
  { type: "rpf", result: "ok", expected: ENCAP, vif: 4, outerSource: null },
  { type: "rpf", result: "failed", expected: ENCAP, vif: 5, outerSource: null },
  { type: "rpf", result: "moved", expected: TUNNEL, vif: null, outerSource: "10.0.0.9" },
  { type: "ecmp", nexthop: nexthop(30, "Composite", { flags: ["Ecmp"] }), member: 1 },
  { type: "vrf", from: 2, to: 5 },
  { type: "vrf", from: null, to: 5 },
  { type: "mtu", mtu: 1500, tooBig: false },
  { type: "mtu", mtu: 1450, tooBig: true },
  { type: "mtu", mtu: null, tooBig: true },
  { type: "trap", vrf: 2, reason: "HANDLE_DF" },
];
