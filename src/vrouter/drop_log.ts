/**
 * The vrouter module's own log of dropped packets (`dropstats --log`), a ring for each CPU.
 *
 * @module
 */

import type { NetlinkTransport } from "../sys/netlink.ts";
import { viewOf } from "../sys/view.ts";
import { byteList, fieldsOf, integer, MessageError } from "./message_fields.ts";
import { ModuleClient } from "./module_client.ts";

/** An entry of the log. */
export interface DropLogRecord {
  /** CPU, from 0, and place in its ring, where the oldest entry need not be the first. */
  readonly cpu: number;
  readonly slot: number;
  /** Seconds since 1970. */
  readonly seconds: number;
  /** Number of the reason in the module's enum. */
  readonly reason: number;
  /** As `dropstats` prints it: `IP`, `ARP`. */
  readonly type: string;
  /** Of the vif; 0 also in a short log, which has no vifs, nexthops, ports and bytes. */
  readonly vif: number;
  /** Id of the nexthop; 0 if there was none. */
  readonly nexthop: number;
  /** 4 or 16 bytes; empty for what is neither IPv4 nor IPv6. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Both 0 if the place that dropped the packet did not have the key of its flow. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Number of the source file, in the module's enum `map_t`. */
  readonly file: number;
  readonly line: number;
  /** From the network header on, up to 100. */
  readonly bytes: Uint8Array;
}

/** The log. */
export interface DropLog {
  /** Whether the module writes it: parameter vr_pkt_droplog_buf_en, sysctl net.vrouter.pkt_drop_log_enable. */
  readonly enabled: boolean;
  /** By CPU and slot; empty slots are left out. */
  readonly records: readonly DropLogRecord[];
}

const MESSAGE = "vr_pkt_drop_log_req";
const SANDESH_OP_GET = 1;
const FIELD = {
  operation: 1,
  core: 3,
  index: 4,
  cores: 5,
  slots: 6,
  buffer: 7,
  enabled: 8,
  records: 9,
} as const;

/** Words of VP_TYPE_*, as `dropstats` prints them. */
const TYPES = ["UNKNOWN", "ARP", "IP", "IP6", "IPOIP", "IP6OIP", "AGENT", "PBB"] as const;
const IPV4_TYPES: ReadonlySet<number> = new Set([2, 4]);
const IPV6_TYPES: ReadonlySet<number> = new Set([3, 5]);

/** `vr_pkt_drop_log_t` on x86-64. */
const RECORD_BYTES = 168;
const AT = {
  seconds: 0,
  type: 8,
  reason: 10,
  vif: 12,
  nexthop: 16,
  source: 20,
  destination: 36,
  sourcePort: 52,
  destinationPort: 54,
  file: 56,
  line: 60,
  length: 64,
  bytes: 66,
} as const;
const LOGGED_BYTES = 100;

/** More than any machine has; bounds what a damaged answer asks for. */
const MAXIMUM_CPUS = 4096;
const MAXIMUM_SLOTS = 0x7fff;

/**
 * Reads the whole log, page by page: ten requests for each CPU with the ring's usual 200 entries.
 *
 * @param transport a NETLINK_GENERIC transport
 * @param cpu only of this CPU, from 0; `null` for all
 * @throws {VrouterAbsentError} if the module is not loaded
 * @throws {Failure} `drop_stats` if the module refuses, its answer is invalid, its records have another
 * layout, or it does not know the request
 */
export function readDropLog(transport: NetlinkTransport, cpu: number | null = null): DropLog {
  if (cpu !== null && !(Number.isInteger(cpu) && cpu >= 0 && cpu < MAXIMUM_CPUS)) {
    throw new RangeError(`${cpu} is not the number of a CPU`);
  }
  const client = new ModuleClient(transport, {
    kind: "drop_stats",
    task: "read the drop log",
    withoutModule: "",
    recent: true,
  });
  try {
    const records: DropLogRecord[] = [];
    const first = readRing(client, cpu ?? 0, records);
    const last = cpu === null ? first.cpus : 0;
    for (let other = 1; other < last; other++) readRing(client, other, records);
    return { enabled: first.enabled, records };
  } catch (cause) {
    throw client.describe(cause);
  }
}

interface Page {
  readonly enabled: boolean;
  readonly cpus: number;
  readonly slots: number;
  readonly records: Uint8Array;
}

/** Appends the records of one CPU. @returns the first page */
function readRing(client: ModuleClient, cpu: number, records: DropLogRecord[]): Page {
  const first = readPage(client, cpu, 0);
  let page = first;
  for (let slot = 0;;) {
    const count = page.records.length / RECORD_BYTES;
    for (let at = 0; at < count; at++) {
      const bytes = page.records.subarray(at * RECORD_BYTES, (at + 1) * RECORD_BYTES);
      const record = parseRecord(bytes, cpu, slot + at);
      if (record !== null) records.push(record);
    }
    slot += count;
    if (count === 0 || slot >= first.slots) return first;
    page = readPage(client, cpu, slot);
  }
}

function readPage(client: ModuleClient, cpu: number, slot: number): Page {
  const { objects } = client.request({
    name: MESSAGE,
    fields: [
      { id: FIELD.operation, value: { type: "i32", value: SANDESH_OP_GET } },
      { id: FIELD.core, value: { type: "i16", value: cpu + 1 } },
      { id: FIELD.index, value: { type: "i16", value: slot } },
    ],
  });
  const message = objects.find(({ name }) => name === MESSAGE);
  if (message === undefined) throw new MessageError("it has no drop log");
  const fields = fieldsOf(message);
  const page = {
    enabled: integer(fields, FIELD.buffer) !== 0 && integer(fields, FIELD.enabled) !== 0,
    cpus: integer(fields, FIELD.cores),
    slots: integer(fields, FIELD.slots),
    records: byteList(fields, FIELD.records),
  };
  if (page.cpus < 0 || page.cpus > MAXIMUM_CPUS) throw new MessageError(`${page.cpus} CPUs`);
  if (page.slots < 0 || page.slots > MAXIMUM_SLOTS) {
    throw new MessageError(`a log of ${page.slots} entries`);
  }
  const { length } = page.records;
  if (length % RECORD_BYTES !== 0 || slot + length / RECORD_BYTES > page.slots) {
    throw client.failure(
      `the vrouter module's log has entries of another layout than vrft knows (${length} bytes)`,
    );
  }
  return page;
}

/** An entry; `null` for an empty slot. */
function parseRecord(bytes: Uint8Array, cpu: number, slot: number): DropLogRecord | null {
  const view = viewOf(bytes);
  const seconds = Number(view.getBigInt64(AT.seconds, true));
  if (seconds === 0) return null;
  const type = view.getUint8(AT.type);
  const addressBytes = IPV4_TYPES.has(type) ? 4 : IPV6_TYPES.has(type) ? 16 : 0;
  const length = Math.min(view.getUint16(AT.length, true), LOGGED_BYTES);
  return {
    cpu,
    slot,
    seconds,
    reason: view.getUint16(AT.reason, true),
    type: TYPES[type] ?? TYPES[0],
    vif: view.getUint16(AT.vif, true),
    nexthop: view.getUint32(AT.nexthop, true),
    source: bytes.slice(AT.source, AT.source + addressBytes),
    destination: bytes.slice(AT.destination, AT.destination + addressBytes),
    sourcePort: view.getUint16(AT.sourcePort),
    destinationPort: view.getUint16(AT.destinationPort),
    file: view.getUint32(AT.file, true),
    line: view.getUint32(AT.line, true),
    bytes: bytes.slice(AT.bytes, AT.bytes + length),
  };
}
