/**
 * Drops in words: the packet, its flow, and what to run next.
 *
 * @module
 */

import { decodePacket } from "../packet/decode.ts";
import { describe, flowKey } from "../packet/describe.ts";
import type { DecodedPacket } from "../packet/headers.ts";
import { DROP_CAUSES, type DropCause, uncountedLoss } from "../vrouter/drop_causes.ts";
import { dropHints } from "../vrouter/drop_hints.ts";
import type { Drop } from "./drop.ts";

/** The packet in a few words: `10.1.1.5 > 10.1.1.6 icmp echo request, 98 bytes`. */
export function packetWords({ bytes, length }: Drop): string {
  return describe(decodePacket(bytes, length));
}

/** What all packets of its flow have in common, in words. */
export function flowWords({ bytes, length }: Drop): string {
  return flowKey(decodePacket(bytes, length));
}

/** Commands of vrouter's utilities that can tell more of a drop. */
export function hintsFor(drop: Drop): string[] {
  if (drop.source === "kernel") return [];
  const { vif, vrf, flow, route, nexthop } = drop;
  const decoded = decodePacket(drop.bytes, drop.length);
  const { outer: { tunnel } } = decoded;
  return dropHints(drop.reason.name, causeOf(drop), {
    vif: vif?.index ?? null,
    flow: flow?.index ?? null,
    vrf: route?.vrf ?? vrf,
    address: destinationOf(decoded),
    mac: macOf(decoded),
    nexthop: nexthop?.id ?? route?.nexthop?.id ?? null,
    label: tunnel?.labels[0] ?? null,
    vnid: tunnel?.vni ?? null,
  });
}

/** Where the packet goes, of a packet in a tunnel that inside. */
function destinationOf({ outer, inner }: DecodedPacket): string | null {
  const { network } = inner ?? outer;
  return network?.kind === "ip" ? network.destination : null;
}

function macOf({ outer, inner }: DecodedPacket): string | null {
  const { ethernet } = inner ?? outer;
  return ethernet === null || ethernet.madeUp ? null : ethernet.destination;
}

function causeOf({ reason, cause }: Drop): DropCause | null {
  return DROP_CAUSES.find((one) => one.reason === reason.name && one.words === cause) ?? null;
}

/** A drop of the kernel that is a loss in vrouter which no counter of the module shows says so. */
export function withLoss(drop: Drop): Drop {
  const isLost = drop.source === "kernel" && drop.reason.class !== "housekeeping";
  const loss = isLost ? uncountedLoss(drop.stack) : null;
  return loss === null
    ? drop
    : { ...drop, cause: `${loss.words}, which the module does not count` };
}
