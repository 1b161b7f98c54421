/**
 * Requests to the vrouter module, as an agent makes them: nexthops, routes, labels, VNIDs and flows.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NetlinkClient } from "../../../src/sys/netlink.ts";
import { NETLINK_GENERIC, NetlinkSocket } from "../../../src/sys/netlink_socket.ts";
import { lookUpFamily, requestSandesh } from "../../../src/vrouter/genetlink.ts";
import {
  decodeMessages,
  encodeMessages,
  type SandeshField,
  type SandeshMessage,
} from "../../../src/vrouter/sandesh.ts";

const ADD = 0;
const GET = 1;
const DELETE = 2;

const AF_INET = 2;
const AF_BRIDGE = 7;

type Integer = "byte" | "i16" | "i32" | "u16" | "u32";

function integer(id: number, type: Integer, value: number): SandeshField {
  return { id, value: { type, value } };
}

function wide(id: number, value: bigint): SandeshField {
  return { id, value: { type: "u64", value } };
}

function bytes(id: number, values: Iterable<number>): SandeshField {
  // Sandesh's byte has a sign.
  const items = [...values].map((value) => ({ type: "byte" as const, value: value << 24 >> 24 }));
  return { id, value: { type: "list", element: "byte", items } };
}

function integers(id: number, values: readonly number[]): SandeshField {
  const items = values.map((value) => ({ type: "i32" as const, value }));
  return { id, value: { type: "list", element: "i32", items } };
}

/** The messages of the answer, without the leading vr_response; fails if the module refuses. */
export function ask(name: string, fields: readonly SandeshField[]): SandeshMessage[] {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  const client = new NetlinkClient(socket);
  const answers = requestSandesh(
    client,
    lookUpFamily(client, "vrouter"),
    encodeMessages([{ name, fields }]),
  );
  const [response, ...rest] = answers.flatMap(decodeMessages);
  const code = numberOf(response!, 2);
  assert.ok(code >= 0, `${name}: the module answers ${code}`);
  return rest;
}

/** The integer in field `id`. */
export function numberOf({ name, fields }: SandeshMessage, id: number): number {
  const field = fields.find((one) => one.id === id);
  assert.ok(field && "value" in field.value, `no field ${id} in ${name}`);
  return Number(field.value.value);
}

/** The elements of the list of bytes in field `id`. */
export function bytesOf({ name, fields }: SandeshMessage, id: number): Uint8Array {
  const field = fields.find((one) => one.id === id);
  assert.ok(field?.value.type === "list", `no list ${id} in ${name}`);
  return Uint8Array.from(field.value.items, (item) => Number("value" in item ? item.value : 0));
}

/** The six bytes of a MAC address. */
export function macBytes(mac: string): number[] {
  return mac.split(":").map((digits) => parseInt(digits, 16));
}

/** The four bytes of an IPv4 address. */
export function addressBytes(address: string): number[] {
  return address.split(".").map(Number);
}

/** An address as the module has it in an integer: the bytes in network order. */
function inNetworkOrder(address: string): number {
  const view = new DataView(Uint8Array.from(addressBytes(address)).buffer);
  return view.getUint32(0, true);
}

/** enum nexthop_type. */
export const TYPE = {
  RCV: 1,
  ENCAP: 2,
  TUNNEL: 3,
  DISCARD: 5,
  COMPOSITE: 6,
  VRF_TRANSLATE: 7,
  L2_RCV: 8,
} as const;

/** NH_FLAG_. */
export const FLAG = {
  VALID: 0x1,
  GRE: 0x8,
  UDP_MPLS: 0x40,
  MCAST: 0x20,
  VXLAN: 0x80,
  ECMP: 0x400,
  EVPN: 0x1000,
  ENCAP: 0x2000,
  VALIDATE_MCAST_SOURCE: 0x8000000,
} as const;

/** A nexthop to add or change. */
export interface NexthopRequest {
  readonly id: number;
  readonly type: number;
  /** Of VRF 0 if not given. */
  readonly vrf?: number;
  /** Whether frames are sent as they are. */
  readonly l2?: boolean;
  /** Besides valid. */
  readonly flags?: number;
  /** Index of the vif that it leads to. */
  readonly vif?: number;
  /** Destination and source MAC addresses to send with. */
  readonly macs?: readonly [string, string];
  /** Source and destination of a tunnel. */
  readonly tunnel?: readonly [string, string];
  /** Ids of a composite's components. */
  readonly components?: readonly number[];
}

/** Adds a nexthop, or changes the one with this id. */
export function setNexthop(request: NexthopRequest): void {
  const { id, type, vrf = 0, l2 = false, flags = 0, vif, macs, tunnel, components } = request;
  const link = macs?.flatMap(macBytes) ?? new Array(12).fill(0);
  const fields = [
    integer(1, "i32", ADD),
    integer(2, "byte", type),
    integer(3, "byte", l2 ? AF_BRIDGE : AF_INET),
    integer(4, "i32", id),
    integer(9, "i32", vrf),
    integer(16, "u32", flags | FLAG.VALID),
  ];
  if (vif !== undefined) fields.push(integers(6, [vif]), bytes(17, [...link, 8, 0]));
  if (tunnel !== undefined) {
    fields.push(
      integer(10, "u32", inNetworkOrder(tunnel[0])),
      integer(11, "u32", inNetworkOrder(tunnel[1])),
    );
  }
  if (components !== undefined) {
    fields.push(integers(18, components), integers(19, components.map(() => 0)));
  }
  ask("vr_nexthop_req", fields);
}

/** Deletes a nexthop; what leads to it stays. */
export function deleteNexthop(id: number): void {
  ask("vr_nexthop_req", [integer(1, "i32", DELETE), integer(4, "i32", id)]);
}

/** Adds or changes a route, or deletes it if `nexthop` is undefined. */
export function setRoute(
  vrf: number,
  prefix: string,
  nexthop: number | undefined,
  label?: number,
): void {
  const [address, length] = prefix.split("/") as [string, string];
  ask("vr_route_req", [
    integer(1, "i32", nexthop === undefined ? DELETE : ADD),
    integer(2, "i32", vrf),
    integer(3, "i32", AF_INET),
    bytes(4, addressBytes(address)),
    integer(5, "i32", Number(length)),
    integer(7, "i16", label === undefined ? 0 : 1),
    integer(8, "i32", label ?? 0),
    integer(9, "i32", nexthop ?? 0),
  ]);
}

/** Likewise for a MAC address; the label is the VNID of a tunnel. */
export function setMac(
  vrf: number,
  mac: string,
  nexthop: number | undefined,
  label?: number,
): void {
  ask("vr_route_req", [
    integer(1, "i32", nexthop === undefined ? DELETE : ADD),
    integer(2, "i32", vrf),
    integer(3, "i32", AF_BRIDGE),
    integer(7, "i16", label === undefined ? 1 : 3),
    integer(8, "i32", label ?? 0),
    integer(9, "i32", nexthop ?? 0),
    bytes(12, macBytes(mac)),
  ]);
}

/** Gives an MPLS label, or takes it away if `nexthop` is undefined. */
export function setLabel(label: number, nexthop: number | undefined): void {
  ask("vr_mpls_req", [
    integer(1, "i32", nexthop === undefined ? DELETE : ADD),
    integer(2, "i32", label),
    integer(4, "i32", nexthop ?? 0),
  ]);
}

/** Likewise for a VNID. */
export function setVnid(vnid: number, nexthop: number | undefined): void {
  ask("vr_vxlan_req", [
    integer(1, "i32", nexthop === undefined ? DELETE : ADD),
    integer(3, "i32", vnid),
    integer(4, "i32", nexthop ?? 0),
  ]);
}

/** The nexthop id of a vif, which is part of its flows' keys. */
export function nexthopOf(vif: number): number {
  const fields = [integer(1, "i32", GET), integer(6, "i32", vif)];
  const [record] = ask("vr_interface_req", fields);
  return numberOf(record!, 48);
}

/** fe_action. */
export const ACTION = { DROP: 0, HOLD: 1, FORWARD: 2, NAT: 3 } as const;

/** A flow to add, change or delete. */
export interface FlowRequest {
  /** -1 to add one. */
  readonly index: number;
  readonly action: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** nexthopOf() the vif of its packets. */
  readonly nexthop: number;
  readonly vrf: number;
  /** Nexthop to where the source is. */
  readonly sourceNexthop: number;
  /** VR_FLOW_DR_. */
  readonly dropReason?: number;
  readonly generation?: number;
  readonly deleted?: boolean;
  /** FLOW_FLAG besides. */
  readonly flags?: number;
  /** Index of the reverse flow. */
  readonly reverse?: number;
  /** VRF in which it goes on, with FLOW_FLAG.VRFT. */
  readonly translatedVrf?: number;
}

/** fe_flags that the agent sets. */
export const FLOW_FLAG = {
  ACTIVE: 0x1,
  SNAT: 0x2,
  SPAT: 0x4,
  DNAT: 0x8,
  DPAT: 0x10,
  REVERSE_VALID: 0x1000,
  VRFT: 0x4000,
} as const;

function swapped(port: number): number {
  return (port & 0xff) << 8 | port >> 8;
}

/** Sets a flow, and returns its index and generation. */
export function setFlow(flow: FlowRequest): { index: number; generation: number } {
  const { ACTIVE, REVERSE_VALID } = FLOW_FLAG;
  const flags = ACTIVE | (flow.flags ?? 0) | (flow.reverse === undefined ? 0 : REVERSE_VALID);
  const [response] = ask("vr_flow_req", [
    integer(1, "i32", ADD),
    integer(3, "i32", flow.index),
    integer(4, "i16", flow.action),
    integer(5, "i16", flow.deleted ? 0 : flags),
    integer(6, "i32", flow.reverse ?? -1),
    integer(7, "i32", AF_INET),
    wide(9, BigInt(inNetworkOrder(flow.source))),
    wide(11, BigInt(inNetworkOrder(flow.destination))),
    integer(12, "u16", swapped(flow.sourcePort)),
    integer(13, "u16", swapped(flow.destinationPort)),
    integer(14, "byte", flow.protocol),
    integer(15, "u16", flow.vrf),
    integer(16, "u16", flow.translatedVrf ?? flow.vrf),
    integer(24, "u32", flow.sourceNexthop),
    integer(25, "u32", flow.nexthop),
    integer(26, "u16", flow.dropReason ?? 0),
    integer(27, "byte", flow.generation ?? 0),
  ]);
  return { index: numberOf(response!, 4), generation: numberOf(response!, 8) };
}
