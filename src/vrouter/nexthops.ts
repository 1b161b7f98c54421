/**
 * The vrouter module's nexthops, read from the module itself. It announces routes, but not nexthops.
 *
 * Message, field and constant names are those of the module's vr.sandesh and vr_nexthop.h.
 *
 * @module
 */

import type { NetlinkTransport } from "../sys/netlink.ts";
import { NETLINK_GENERIC, NetlinkSocket } from "../sys/netlink_socket.ts";
import {
  byteList,
  fieldsOf,
  integer,
  integerList,
  MessageError,
  type MessageFields,
} from "./message_fields.ts";
import { ModuleClient, type ModuleTask } from "./module_client.ts";
import type { SandeshMessage } from "./sandesh.ts";

/** A member of a composite nexthop. */
export interface NexthopMember {
  /** Id of the nexthop; -1 for a gap in the list, as members keep their place. */
  readonly id: number;
  /** MPLS label or VNI that packets to it get; -1 for none. */
  readonly label: number;
}

/** A nexthop of the vrouter module. */
export interface Nexthop {
  readonly id: number;
  /** A number of `enum nexthop_type`: {@linkcode NH}. */
  readonly type: number;
  /** NH_FLAG_* bits, as an unsigned 32-bit number. */
  readonly flags: number;
  /** AF_INET (2), AF_BRIDGE (7), AF_INET6 (10), or 0. */
  readonly family: number;
  readonly vrf: number;
  /** Index of the vif that packets leave by, of an encap, receive or tunnel nexthop; else `null`. */
  readonly oif: number | null;
  /** Ends of a tunnel, 4 or 16 bytes in network order; `null` for other nexthops. */
  readonly tunnel: { readonly source: Uint8Array; readonly destination: Uint8Array } | null;
  /** Of a composite nexthop. */
  readonly members: readonly NexthopMember[];
}

/** `enum nexthop_type`. */
export const NH = {
  DEAD: 0,
  RCV: 1,
  ENCAP: 2,
  TUNNEL: 3,
  RESOLVE: 4,
  DISCARD: 5,
  COMPOSITE: 6,
  VRF_TRANSLATE: 7,
  L2_RCV: 8,
} as const;

/** Bits of `flags` that say which tunnel: those that put a label or a network identifier in front of packets. */
export const TUNNEL_FLAGS = { MPLS_OVER_GRE: 0x8, MPLS_OVER_UDP: 0x40, VXLAN: 0x80 } as const;

const WITH_VIF: ReadonlySet<number> = new Set([NH.RCV, NH.ENCAP, NH.TUNNEL]);

const LISTING: ModuleTask = {
  kind: "nexthops",
  task: "list the nexthops",
  withoutModule: "",
  recent: false,
};

const MESSAGE = "vr_nexthop_req";
const SANDESH_OP_DUMP = 3;
/** Bit of vr_response's code: the dump continues on another page. */
const VR_MESSAGE_DUMP_INCOMPLETE = 0x40000000;
/** Largest id: nhr_id is an i32. */
const MAXIMUM_ID = 2 ** 31 - 1;
/** Of one list: so many ids are tried behind nexthops that are larger than a page. */
const MAXIMUM_SKIPS = 4096;

/** Fields of vr_nexthop_req. */
const FIELD = {
  operation: 1,
  type: 2,
  family: 3,
  id: 4,
  oif: 6,
  vrf: 9,
  tunnelSource: 10,
  tunnelDestination: 11,
  marker: 15,
  flags: 16,
  memberIds: 18,
  memberLabels: 19,
  tunnelSource6: 21,
  tunnelDestination6: 22,
} as const;

/**
 * Reads all nexthops, page by page, some 16 in each. A composite of several hundred members is missing: it does
 * not fit into a page.
 *
 * @param transport a NETLINK_GENERIC transport
 * @returns the nexthops by id
 * @throws {VrouterAbsentError} if the module is not loaded
 * @throws {Failure} `nexthops` without CAP_NET_ADMIN, or if the module refuses or its answer is invalid
 */
export function listNexthops(transport: NetlinkTransport): Nexthop[] {
  const client = new ModuleClient(transport, LISTING);
  try {
    const nexthops: Nexthop[] = [];
    for (let marker = -1, skips = 0;;) {
      const page = readPage(client, marker);
      for (const message of page.nexthops) {
        const nexthop = parseNexthop(message);
        // Requiring ascending ids also ends a dump with an endless number of pages.
        if (nexthop.id <= marker || nexthop.id > MAXIMUM_ID) {
          throw new MessageError(`nexthop ${nexthop.id} follows nexthop ${marker}`);
        }
        marker = nexthop.id;
        nexthops.push(nexthop);
      }
      if (page.complete) return nexthops;
      // The next one is larger than a page. Its id is not known, so each may be it.
      if (page.nexthops.length === 0) {
        if (++skips > MAXIMUM_SKIPS) throw new MessageError("empty pages without end");
        marker++;
      }
    }
  } catch (cause) {
    throw client.describe(cause);
  }
}

/**
 * Reads the nexthops of the vrouter module in this kernel.
 *
 * @throws {Failure} as {@linkcode listNexthops}
 */
export function readNexthops(): Nexthop[] {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  return listNexthops(socket);
}

/** One page of the table. */
interface Page {
  readonly nexthops: readonly SandeshMessage[];
  /** Whether this is the last page. */
  readonly complete: boolean;
}

/** The nexthops after `marker`, the id of the last one already read. */
function readPage(client: ModuleClient, marker: number): Page {
  const { code, objects } = client.request({
    name: MESSAGE,
    fields: [
      { id: FIELD.operation, value: { type: "i32", value: SANDESH_OP_DUMP } },
      { id: FIELD.marker, value: { type: "i32", value: marker } },
    ],
  });
  const nexthops = objects.filter(({ name }) => name === MESSAGE);
  const announced = code & ~VR_MESSAGE_DUMP_INCOMPLETE;
  if (nexthops.length < announced) {
    throw new MessageError(`it announces ${announced} nexthops but has ${nexthops.length}`);
  }
  return { nexthops, complete: (code & VR_MESSAGE_DUMP_INCOMPLETE) === 0 };
}

function parseNexthop(message: SandeshMessage): Nexthop {
  const fields = fieldsOf(message);
  if (!fields.has(FIELD.id)) throw new MessageError("a nexthop without id");
  // A byte has a sign.
  const type = integer(fields, FIELD.type) & 0xff;
  const [oif = -1] = integerList(fields, FIELD.oif);
  return {
    id: integer(fields, FIELD.id),
    type,
    flags: integer(fields, FIELD.flags) >>> 0,
    family: integer(fields, FIELD.family) & 0xff,
    vrf: integer(fields, FIELD.vrf),
    oif: WITH_VIF.has(type) && oif >= 0 ? oif : null,
    tunnel: type === NH.TUNNEL ? tunnelOf(fields) : null,
    members: type === NH.COMPOSITE ? membersOf(fields) : [],
  };
}

/** An IPv6 tunnel has lists of bytes; in an IPv4 address the bytes in memory are in network order. */
function tunnelOf(fields: MessageFields): Nexthop["tunnel"] {
  const source = byteList(fields, FIELD.tunnelSource6);
  const destination = byteList(fields, FIELD.tunnelDestination6);
  if (source.length === 16 && destination.length === 16) return { source, destination };
  return {
    source: ipv4(integer(fields, FIELD.tunnelSource)),
    destination: ipv4(integer(fields, FIELD.tunnelDestination)),
  };
}

function ipv4(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}

function membersOf(fields: MessageFields): NexthopMember[] {
  const labels = integerList(fields, FIELD.memberLabels);
  return integerList(fields, FIELD.memberIds)
    .map((id, index) => ({ id, label: labels[index] ?? -1 }));
}
