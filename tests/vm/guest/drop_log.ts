/**
 * The module's log of dropped packets (vr_pkt_drop_log_req). It judges what vrft says of drops, so it is not
 * read by vrft's own src/vrouter/drop_log.ts.
 *
 * @module
 */

import { ask, bytesOf, numberOf } from "./requests.ts";

const GET = 1;
/** Entries of a CPU, and those of one answer. */
const ENTRIES = 200;
const PAGE = 20;
/** sizeof(struct vr_pkt_drop_log). */
const ENTRY_BYTES = 168;
const SYSCTL = "/proc/sys/net/vrouter/";

/** An entry of the log. */
export interface LoggedDrop {
  /** VP_DROP_. */
  readonly reason: number;
  readonly vif: number;
  readonly nexthop: number;
  readonly source: string;
  readonly destination: string;
  /** 0 unless the packet was dropped with its flow's key. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The packet from its network header on. */
  readonly header: Uint8Array;
}

/** Switches the log on, with all that it can tell of a packet. */
export function startDropLog(): void {
  Deno.writeTextFileSync(`${SYSCTL}pkt_drop_log_min_enable`, "0");
  Deno.writeTextFileSync(`${SYSCTL}pkt_drop_log_enable`, "1");
}

/** Switches it off. */
export function stopDropLog(): void {
  Deno.writeTextFileSync(`${SYSCTL}pkt_drop_log_enable`, "0");
  Deno.writeTextFileSync(`${SYSCTL}pkt_drop_log_min_enable`, "1");
}

function entry(view: DataView): LoggedDrop {
  const address = (offset: number): string =>
    [0, 1, 2, 3].map((index) => view.getUint8(offset + index)).join(".");
  const length = view.getUint16(64, true);
  return {
    reason: view.getUint16(10, true),
    vif: view.getUint16(12, true),
    nexthop: view.getUint32(16, true),
    source: address(20),
    destination: address(36),
    sourcePort: view.getUint16(52, false),
    destinationPort: view.getUint16(54, false),
    header: new Uint8Array(view.buffer, view.byteOffset + 66, length).slice(),
  };
}

function page(core: number, index: number): LoggedDrop[] {
  const [log] = ask("vr_pkt_drop_log_req", [
    { id: 1, value: { type: "i32", value: GET } },
    { id: 3, value: { type: "i16", value: core } },
    { id: 4, value: { type: "i16", value: index } },
  ]);
  const bytes = bytesOf(log!, 9);
  const entries: LoggedDrop[] = [];
  for (let offset = 0; offset < bytes.length; offset += ENTRY_BYTES) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset, ENTRY_BYTES);
    // Without a time there is no entry.
    if (view.getBigInt64(0, true) !== 0n) entries.push(entry(view));
  }
  return entries;
}

/** The entries of all CPUs. */
export function dropLog(): LoggedDrop[] {
  const [first] = ask("vr_pkt_drop_log_req", [{ id: 1, value: { type: "i32", value: GET } }]);
  const entries: LoggedDrop[] = [];
  for (let core = 1; core <= numberOf(first!, 5); core++) {
    for (let index = 0; index < ENTRIES; index += PAGE) {
      const some = page(core, index);
      entries.push(...some);
      // Behind the last one there are none yet.
      if (some.length < PAGE) break;
    }
  }
  return entries;
}
