/**
 * The records of drops among those of a whole trace, as the programs write them that see drops alone: those know
 * the flow and the route of a packet from what vrouter has looked up for it, which a whole trace has in records
 * of its own.
 *
 * @module
 */

import {
  DECIDED_BRIDGE,
  DECIDED_FLOW,
  DECIDED_PREFIX,
  DECISION,
  DECISION_BYTES,
  DECISION_VRF,
  FLOW_ACTION as DECIDED_ACTION,
  FLOW_FLAGS as DECIDED_FLAGS,
  FLOW_INDEX,
  FLOW_REASON as DECIDED_REASON,
  FLOW_REVERSE as DECIDED_REVERSE,
  LOOKUP_KEY,
  NEXTHOP_ID,
  NEXTHOP_TYPE as LOOKUP_TYPE,
  PREFIX_FAMILY,
  PREFIX_LENGTH,
  ROUTE_REACH as LOOKUP_REACH,
} from "../probe/decision_record.ts";
import { UNKNOWN } from "../probe/layout.ts";
import {
  DROP_BYTES,
  DROP_CAPTURED,
  DROP_HEADER,
  DROP_LENGTH,
  FLOW,
  FLOW_ACTION,
  FLOW_FLAGS,
  FLOW_REASON,
  FLOW_REVERSE,
  ROUTE_BRIDGE,
  ROUTE_FAMILY,
  ROUTE_KEY,
  ROUTE_KIND,
  ROUTE_LENGTH,
  ROUTE_NEXTHOP,
  ROUTE_NONE,
  ROUTE_PREFIX,
  ROUTE_REACH,
  ROUTE_TYPE,
  ROUTE_VRF,
  SOURCE,
  SOURCE_KERNEL,
} from "../probe/packet_record.ts";
import { EVENT_BYTES, FRAME } from "../probe/record.ts";
import type { EventSink, PacketDetails, Step, View } from "./events.ts";
import { MatchedPackets } from "./matched_packets.ts";
import { CallTree } from "./tree.ts";

/** High half of the addresses of functions. */
const TEXT_HIGH = 0xffff_ffff;
/** Packets of which lookups are kept; more than are on their way at a time. */
const MAX_KEPT = 1 << 14;
/** Bytes 0 to 3, and 4 and 5, of ff:ff:ff:ff:ff:ff, which is looked up if the packet's own is not found. */
const [FLOOD_LOW, FLOOD_HIGH] = [0xffff_ffff, 0xffff];

/** Which drops, and what records refer to. */
export interface DroppedOptions {
  readonly functions: readonly unknown[];
  /** Whether only packets count of which a record says that they match. */
  readonly conditional: boolean;
  /** Whether a packet is wanted, by what it is when it is dropped, and by the record of that. */
  readonly isWanted: (
    bytes: Uint8Array,
    length: number,
    record: Readonly<Uint32Array>,
  ) => boolean;
}

/** What vrouter has looked up for a packet last. */
interface Lookups {
  flow: Uint32Array | null;
  route: Uint32Array | null;
}

/** Passes on the records of drops. */
export function droppedRecords(
  to: EventSink,
  { functions, conditional, isWanted }: DroppedOptions,
): EventSink {
  const lookups = new Map<number, Lookups>();
  const ofPacket = (packet: number): Lookups => {
    let known = lookups.get(packet);
    if (known === undefined) {
      known = { flow: null, route: null };
      lookups.set(packet, known);
      const [oldest] = lookups.keys();
      if (lookups.size > MAX_KEPT) lookups.delete(oldest!);
    }
    return known;
  };
  const nothing = (): void => {};
  const view: View = {
    enter: nothing,
    leave: nothing,
    abandon: nothing,
    orphan: nothing,
    packet: ({ packet }) => void lookups.delete(packet),
    ended: ({ packet }) => void lookups.delete(packet),
    decided({ packet }, { record }): void {
      if (packet >= 0) note(ofPacket(packet), record);
    },
    dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
      if (conditional && !matched.has(details.id)) return;
      const bytes = (details.record[FRAME]! & 0xff) * EVENT_BYTES;
      const record = details.record.slice(0, bytes / 4);
      const header = new Uint8Array(record.buffer).subarray(4 * DROP_HEADER);
      const captured = Math.min(header.length, record[DROP_CAPTURED]! & 0xffff);
      if (!isWanted(header.subarray(0, captured), record[DROP_LENGTH]!, record)) return;
      const known = lookups.get(step.packet);
      if (known !== undefined && record[SOURCE] !== SOURCE_KERNEL) fill(record, known);
      to.record(record, 0, bytes);
    },
  };
  const matched = new MatchedPackets(view);
  const tree = new CallTree(conditional ? matched : view, functions.length);
  return {
    record(words, at, bytes): void {
      const { malformed } = tree;
      tree.record(words, at, bytes);
      if (tree.malformed > malformed && bytes >= DROP_BYTES) to.record(words, at, bytes);
    },
    lost(ahead): void {
      tree.lost(ahead);
      to.lost(ahead);
    },
    dry: () => to.dry(),
  };
}

function note(known: Lookups, record: Readonly<Uint32Array>): void {
  const decision = record[DECISION];
  const copy = (): Uint32Array => record.slice(0, DECISION_BYTES / 4);
  if (decision === DECIDED_FLOW && record[DECIDED_ACTION] !== UNKNOWN) known.flow = copy();
  if (decision === DECIDED_PREFIX) known.route = copy();
  if (decision !== DECIDED_BRIDGE) return;
  const isFlood = record[LOOKUP_KEY] === FLOOD_LOW && record[LOOKUP_KEY + 1] === FLOOD_HIGH;
  if (!isFlood || known.route?.[DECISION] !== DECIDED_BRIDGE) known.route = copy();
}

/** Adds to a drop what it lacks. */
function fill(record: Uint32Array, { flow, route }: Lookups): void {
  if (flow !== null && record[FLOW] === UNKNOWN) {
    record[FLOW] = flow[FLOW_INDEX]!;
    record[FLOW_REVERSE] = flow[DECIDED_REVERSE]!;
    record[FLOW_ACTION] = flow[DECIDED_ACTION]!;
    record[FLOW_REASON] = flow[DECIDED_REASON]!;
    record[FLOW_FLAGS] = flow[DECIDED_FLAGS]!;
  }
  if (route === null || record[ROUTE_KIND] !== ROUTE_NONE) return;
  const isBridge = route[DECISION] === DECIDED_BRIDGE;
  record[ROUTE_KIND] = isBridge ? ROUTE_BRIDGE : ROUTE_PREFIX;
  record[ROUTE_VRF] = route[DECISION_VRF]!;
  record[ROUTE_LENGTH] = isBridge ? 0 : route[PREFIX_LENGTH]!;
  record[ROUTE_FAMILY] = isBridge ? 0 : route[PREFIX_FAMILY]!;
  record[ROUTE_NEXTHOP] = route[NEXTHOP_ID]!;
  record[ROUTE_TYPE] = route[LOOKUP_TYPE]!;
  const reach = route[LOOKUP_REACH]!;
  record[ROUTE_REACH] = reach;
  record[ROUTE_REACH + 1] = reach === 0 ? 0 : TEXT_HIGH;
  for (let word = 0; word < 4; word++) record[ROUTE_KEY + word] = route[LOOKUP_KEY + word]!;
}
