/**
 * The vrouter module's interfaces (vifs), read from the module itself.
 *
 * Message, field and constant names are those of the module's vr.sandesh and vr_interface.h.
 *
 * @module
 */

import { type NetlinkTransport, terminatedString } from "../sys/netlink.ts";
import { NETLINK_GENERIC, NetlinkSocket } from "../sys/netlink_socket.ts";
import {
  type NetworkDevice,
  type NetworkNamespaces,
  networkNamespaces,
  readNetworkDevices,
} from "../sys/network.ts";
import {
  byteList,
  counter,
  fieldsOf,
  integer,
  MessageError,
  type MessageFields,
  word,
} from "./message_fields.ts";
import { ModuleClient, type ModuleTask, VrouterAbsentError } from "./module_client.ts";
import type { SandeshMessage } from "./sandesh.ts";

export { VrouterAbsentError };

/** An interface of the vrouter module. */
export interface Vif {
  /** Index in the module's table, the N of `vif0/N`; may be 0. */
  readonly index: number;
  /** Name in the module; usually that of the device. */
  readonly name: string;
  /** Name of the network device; `null` if there is none, or its name is unknown. */
  readonly device: string | null;
  /** Index of the network device in the initial network namespace; 0 if there is none. */
  readonly ifindex: number;
  /** Kind of interface, in lower case: `host`, `agent`, `physical`, `virtual`, … or `type N`. */
  readonly type: string;
  /** VRF of its packets; 65535 for none. */
  readonly vrf: number;
  /** VIF_FLAG_* bits, as an unsigned 32-bit number. */
  readonly flags: number;
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
  /** Packets that the module dropped on it. */
  readonly drops: number;
  /** Its MAC, IPv4 and IPv6 address, as far as it has them: 6, 4 and 16 bytes. */
  readonly addresses: readonly Uint8Array[];
}

const LISTING: ModuleTask = {
  kind: "vifs",
  task: "list the vifs",
  withoutModule: ", or trace plain network devices with --no-vrouter",
  recent: false,
};

/** Names of VIF_TYPE_*, by number. */
const TYPE_NAMES: readonly string[] = [
  "host",
  "agent",
  "physical",
  "virtual",
  "xenll",
  "gateway",
  "virtual-vlan",
  "stats",
  "vlan",
  "monitoring",
];

const SANDESH_OP_DUMP = 3;
/** Bit of vr_response's code: the dump continues on another page. */
const VR_MESSAGE_DUMP_INCOMPLETE = 0x40000000;

/** vif_idx is an unsigned short in the module. */
const MAXIMUM_INDEX = 0xffff;

/** VR_INTERFACE_NAME_LEN of the module, including the NUL, which is optional here. */
const MAXIMUM_NAME_BYTES = 64;

/** Fields of vr_interface_req. */
const FIELD = {
  operation: 1,
  core: 2,
  type: 3,
  flags: 4,
  vrf: 5,
  index: 6,
  ifindex: 8,
  name: 10,
  rxBytes: 11,
  rxPackets: 12,
  txBytes: 14,
  txPackets: 15,
  marker: 37,
  mac: 38,
  ip: 39,
  ip6Upper: 40,
  ip6Lower: 41,
  drops: 58,
} as const;

/**
 * Reads the whole vif table of the vrouter module, page by page. Accepts at most 65,536 vifs with names
 * of at most 64 bytes, and at least one vif per page.
 *
 * @param transport a NETLINK_GENERIC transport
 * @param devices those of the initial network namespace, for the names of the vifs' devices
 * @returns the vifs by index
 * @throws {VrouterAbsentError} if the module is not loaded
 * @throws {Failure} without CAP_NET_ADMIN, or if the module refuses or its answer is invalid
 */
export function listVifs(
  transport: NetlinkTransport,
  devices: readonly NetworkDevice[] = [],
): Vif[] {
  const deviceNames = new Map(devices.map((device) => [device.ifindex, device.name]));
  const client = new ModuleClient(transport, LISTING);
  try {
    const vifs: Vif[] = [];
    for (let marker = -1;;) {
      const page = readPage(client, marker);
      for (const message of page.interfaces) {
        const vif = parseVif(message, deviceNames);
        // Requiring ascending indexes also ends a dump with an endless number of pages.
        if (vif.index <= marker || vif.index > MAXIMUM_INDEX) {
          throw new MessageError(`vif ${vif.index} follows vif ${marker}`);
        }
        marker = vif.index;
        vifs.push(vif);
      }
      if (page.complete) return vifs;
      if (page.interfaces.length === 0) {
        throw new MessageError("an empty page, though more should follow");
      }
    }
  } catch (cause) {
    throw client.describe(cause);
  }
}

/**
 * Reads the vif table of the vrouter module in this kernel; with device names if this process is in the
 * namespace of the devices.
 *
 * @throws {Failure} as {@linkcode listVifs}
 */
export function readVifs(namespaces: NetworkNamespaces = networkNamespaces()): Vif[] {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  return listVifs(socket, namespaces.current === namespaces.initial ? readNetworkDevices() : []);
}

/** One page of the table. */
interface Page {
  readonly interfaces: readonly SandeshMessage[];
  /** Whether this is the last page. */
  readonly complete: boolean;
}

/** The vifs after `marker`, the index of the last one already read. */
function readPage(client: ModuleClient, marker: number): Page {
  const { code, objects } = client.request({
    name: "vr_interface_req",
    fields: [
      { id: FIELD.operation, value: { type: "i32", value: SANDESH_OP_DUMP } },
      // Core 0 means the sum over all cores.
      { id: FIELD.core, value: { type: "u32", value: 0 } },
      { id: FIELD.marker, value: { type: "i32", value: marker } },
    ],
  });
  const interfaces = objects.filter((object) => object.name === "vr_interface_req");
  const announced = code & ~VR_MESSAGE_DUMP_INCOMPLETE;
  if (interfaces.length < announced) {
    throw new MessageError(`it announces ${announced} vifs but has ${interfaces.length}`);
  }
  return { interfaces, complete: (code & VR_MESSAGE_DUMP_INCOMPLETE) === 0 };
}

function parseVif(message: SandeshMessage, deviceNames: ReadonlyMap<number, string>): Vif {
  const fields = fieldsOf(message);
  if (!fields.has(FIELD.index)) throw new MessageError("a vif without index");
  const type = integer(fields, FIELD.type);
  // 0 or -1 for a vif without a device.
  const ifindex = Math.max(0, integer(fields, FIELD.ifindex));
  return {
    index: integer(fields, FIELD.index),
    name: nameIn(fields, FIELD.name),
    device: deviceNames.get(ifindex) ?? null,
    ifindex,
    type: vifType(type),
    vrf: integer(fields, FIELD.vrf),
    flags: integer(fields, FIELD.flags) >>> 0,
    rxPackets: counter(fields, FIELD.rxPackets),
    rxBytes: counter(fields, FIELD.rxBytes),
    txPackets: counter(fields, FIELD.txPackets),
    txBytes: counter(fields, FIELD.txBytes),
    drops: counter(fields, FIELD.drops),
    addresses: addressesIn(fields).filter((address) => address.some((byte) => byte !== 0)),
  };
}

/** Kind of a vif, as {@linkcode Vif.type} has it. @param type VIF_TYPE_* */
export function vifType(type: number): string {
  return TYPE_NAMES[type] ?? `type ${type}`;
}

/** IP addresses are numbers whose bytes in memory are in network order. */
function addressesIn(fields: MessageFields): Uint8Array[] {
  const ipv4 = new Uint8Array(4);
  new DataView(ipv4.buffer).setUint32(0, integer(fields, FIELD.ip), true);
  const ipv6 = new Uint8Array(16);
  const words = new DataView(ipv6.buffer);
  words.setBigUint64(0, word(fields, FIELD.ip6Upper), true);
  words.setBigUint64(8, word(fields, FIELD.ip6Lower), true);
  return [macIn(fields), ipv4, ipv6];
}

/** A MAC address; empty if absent. */
function macIn(fields: MessageFields): Uint8Array {
  const bytes = byteList(fields, FIELD.mac);
  if (bytes.length > 6) throw new MessageError("a MAC address of other values");
  return bytes;
}

/** A name; empty if absent. */
function nameIn(fields: MessageFields, id: number): string {
  const field = fields.get(id);
  if (field === undefined) return "";
  if (field.type !== "string") throw new MessageError(`field ${id} is of type ${field.type}`);
  if (field.value.length > MAXIMUM_NAME_BYTES) {
    throw new MessageError(`a name of ${field.value.length} bytes`);
  }
  return terminatedString(field.value);
}
