/**
 * Ethernet, VLAN tags, ARP.
 *
 * @module
 */

import { ipv4At, macAt } from "./addresses.ts";
import type { Cursor } from "./cursor.ts";
import type { Arp, Damage, Ethernet } from "./headers.ts";

/** EtherTypes. */
export const ETHERTYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  /** Ethernet in GRE. */
  BRIDGED: 0x6558,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  MPLS: 0x8847,
  SERVICE_VLAN: 0x88a8,
  /** Of QinQ before IEEE 802.1ad. */
  OLD_SERVICE_VLAN: 0x9100,
} as const;

const VLAN_TYPES: readonly number[] = [
  ETHERTYPE.VLAN,
  ETHERTYPE.SERVICE_VLAN,
  ETHERTYPE.OLD_SERVICE_VLAN,
];

/** Ethernet and all VLAN tags. Of a header with damaged tags, the type is that of the tag. */
export function readEthernet(
  cursor: Cursor,
): { ethernet: Ethernet | null; damage: Damage | null } {
  const header = cursor.take(14);
  if (header === null) return { ethernet: null, damage: "truncated" };
  const [destination, source] = [macAt(header, 0), macAt(header, 6)];
  const vlans: number[] = [];
  let type = header.getUint16(12);
  let damage: Damage | null = null;
  while (VLAN_TYPES.includes(type)) {
    const tag = cursor.take(4);
    if (tag === null) {
      damage = "truncated";
      break;
    }
    vlans.push(tag.getUint16(0) & 0xfff);
    type = tag.getUint16(2);
  }
  const madeUp = /^[0:]+$/.test(source + destination);
  return { ethernet: { source, destination, vlans, type, madeUp }, damage };
}

/** ARP; hardware and protocols other than Ethernet and IPv4 count as malformed. */
export function readArp(cursor: Cursor): Arp | Damage {
  const header = cursor.take(28);
  if (header === null) return "truncated";
  const isUsual = header.getUint16(0) === 1 && header.getUint16(2) === ETHERTYPE.IPV4 &&
    header.getUint8(4) === 6 && header.getUint8(5) === 4;
  if (!isUsual) return "malformed";
  return {
    kind: "arp",
    operation: header.getUint16(6),
    senderMac: macAt(header, 8),
    senderAddress: ipv4At(header, 14),
    targetAddress: ipv4At(header, 24),
  };
}
