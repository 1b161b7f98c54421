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
  NO_FLOW_SHIFT,
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
  SEGMENTATION_OTHER,
  SEGMENTATION_SHIFT,
  SEGMENTATION_UNKNOWN,
  SEGMENTED,
  SOURCE,
  SOURCE_KERNEL,
} from "../probe/packet_record.ts";
import { EVENT_BYTES, FRAME } from "../probe/record.ts";
import type { EventSink, PacketDetails, Step, View } from "./events.ts";
import { MatchedPackets } from "./matched_packets.ts";
import { CallTree } from "./tree.ts";

/** High half of the addresses of functions. */
const TEXT_HIGH = 0xffff_ffff;
/** Packets of which something is kept; more than are on their way at a time. */
const MAX_KEPT = 1 << 14;
/** Bytes 0 to 3, and 4 and 5, of ff:ff:ff:ff:ff:ff. */
const [FLOOD_LOW, FLOOD_HIGH] = [0xffff_ffff, 0xffff];

/** The kernel's functions that cut a packet into segments, which are its copies. */
const SEGMENTING = /^skb_segment(_list)?$/;

/** Which drops, and what records refer to. */
export interface DroppedOptions {
  readonly functions: readonly { readonly name: string }[];
  /** Whether only packets count of which a record says that they match. */
  readonly conditional: boolean;
  /** Whether flows and routes are wanted. */
  readonly lookups: boolean;
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
  { functions, conditional, lookups: wantsLookups, isWanted }: DroppedOptions,
): EventSink {
  const lookups = new Map<number, Lookups>();
  /** By id: what is known of packets that were cut into segments, and of these. */
  const segmentation = new Map<number, number>();
  const isSegmenting = functions.map(({ name }) => SEGMENTING.test(name));
  const ofPacket = (packet: number): Lookups => {
    let known = lookups.get(packet);
    if (known === undefined) {
      known = { flow: null, route: null };
      keep(lookups, packet, known);
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
      if (packet >= 0 && wantsLookups) note(ofPacket(packet), record);
    },
    copied({ fn }, { id, parent }): void {
      if (!isSegmenting[fn]) return;
      keep(segmentation, parent, SEGMENTED);
      keep(segmentation, id, SEGMENTATION_OTHER);
    },
    dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
      if (conditional && !matched.has(details.id)) return;
      const bytes = (details.record[FRAME]! & 0xff) * EVENT_BYTES;
      const record = details.record.slice(0, bytes / 4);
      const header = new Uint8Array(record.buffer).subarray(4 * DROP_HEADER);
      const captured = Math.min(header.length, record[DROP_CAPTURED]! & 0xffff);
      if (!isWanted(header.subarray(0, captured), record[DROP_LENGTH]!, record)) return;
      if (!wantsLookups) forgetFlow(record);
      const known = lookups.get(step.packet);
      const isByKernel = record[SOURCE] === SOURCE_KERNEL;
      if (known !== undefined && !isByKernel) fill(record, known);
      if (isByKernel) {
        const known = segmentation.get(details.id) ?? SEGMENTATION_UNKNOWN;
        record[DROP_CAPTURED] = record[DROP_CAPTURED]! | known << SEGMENTATION_SHIFT;
      }
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

function keep<T>(all: Map<number, T>, key: number, value: T): void {
  all.set(key, value);
  if (all.size <= MAX_KEPT) return;
  const [oldest] = all.keys();
  all.delete(oldest!);
}

function note(known: Lookups, record: Readonly<Uint32Array>): void {
  const decision = record[DECISION];
  const copy = (): Uint32Array => record.slice(0, DECISION_BYTES / 4);
  if (decision === DECIDED_FLOW && record[DECIDED_ACTION] !== UNKNOWN) known.flow = copy();
  if (decision === DECIDED_PREFIX) known.route = copy();
  if (decision !== DECIDED_BRIDGE) return;
  // It is looked up if the packet's own address is not found, and for those to all: not by what the packet has.
  const isFlood = record[LOOKUP_KEY] === FLOOD_LOW && record[LOOKUP_KEY + 1] === FLOOD_HIGH;
  if (!isFlood) known.route = copy();
}

/** Removes the flow that a drop itself tells of, as where nobody has looked for it. */
export function forgetFlow(record: Uint32Array): void {
  for (const word of [FLOW, FLOW_REVERSE, FLOW_ACTION, FLOW_REASON, FLOW_FLAGS]) {
    record[word] = UNKNOWN;
  }
  record[DROP_CAPTURED] = record[DROP_CAPTURED]! & ~(0xff << NO_FLOW_SHIFT);
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
