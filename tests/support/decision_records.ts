/**
 * Records of what vrouter decides about packets, as the BPF programs write them.
 *
 * @module
 */

import * as at from "../../src/probe/decision_record.ts";
import { UNKNOWN } from "../../src/probe/layout.ts";
import { NO_FUNCTION } from "../../src/probe/packet_record.ts";
import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_DECISION,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "../../src/probe/record.ts";
import type { DecisionWords } from "../../src/trace/decisions.ts";
import { flowAction } from "../../src/vrouter/flow_words.ts";
import { trapReason } from "../../src/vrouter/trap_words.ts";
import type { PacketPlace } from "./packet_records.ts";

/** Words of a record by their index; all others are unknown. */
export type DecisionFields = Readonly<Record<number, number>>;

/** A decision. @param kind one of `DECIDED_*` */
export function decisionRecord(
  place: PacketPlace,
  kind: number,
  fields: DecisionFields,
): Uint32Array {
  const words = new Uint32Array(at.DECISION_BYTES / 4).fill(UNKNOWN, at.DECISION_VRF);
  words[TIMESTAMP_LOW] = (place.time ?? 0) >>> 0;
  words[TIMESTAMP_HIGH] = Math.floor((place.time ?? 0) / 2 ** 32);
  words[TASK] = place.task ?? 0;
  words[FRAME] = at.DECISION_BYTES / EVENT_BYTES;
  words[CALL] = ((place.fn ?? NO_FUNCTION) | place.slot << 16) >>> 0;
  words[CPU_AND_KIND] =
    ((place.cpu ?? 0) | KIND_DECISION << 16 | (place.generation & 0xff) << 24) >>> 0;
  words[at.DECISION] = kind;
  for (const [index, word] of Object.entries(fields)) words[Number(index)] = word >>> 0;
  return words;
}

/** Types of nexthops, by number. */
export const NEXTHOP_TYPES = [
  "Dead",
  "Receive",
  "Encap",
  "Tunnel",
  "Resolve",
  "Drop",
  "Composite",
  "Vrf_Translate",
  "L2 Receive",
] as const;

const FLOW_RESULTS = ["HELD", "FORWARD", "DROP", "TRAP", "CONSUMED", "EVICT_DROP"];

/** The words of a module as those are that the traces are of. */
export const DECISION_WORDS: DecisionWords = {
  nexthopType: (type) => NEXTHOP_TYPES[type] ?? String(type),
  nexthopFlags(type, flags): string[] {
    const words = ["Valid", "Policy", "", "MPLSoGRE", "", "Multicast", "MPLSoUDP", "Vxlan"];
    if (type === NEXTHOP_TYPES.indexOf("Composite")) words[10] = "Ecmp";
    return words.filter((word, bit) => word !== "" && (flags >> bit & 1) === 1);
  },
  flowAction,
  flowResult: (result) => `FLOW_${FLOW_RESULTS[result] ?? result}`,
  trapReason,
};

/** A nexthop's words. */
export function nexthop(id: number, type: typeof NEXTHOP_TYPES[number], fields: {
  readonly flags?: number;
  readonly vif?: number;
  readonly source?: string;
  readonly destination?: string;
} = {}): DecisionFields {
  return {
    [at.NEXTHOP_ID]: id,
    [at.NEXTHOP_TYPE]: NEXTHOP_TYPES.indexOf(type),
    [at.NEXTHOP_FLAGS]: fields.flags ?? 1,
    ...(fields.vif === undefined ? {} : { [at.NEXTHOP_VIF]: fields.vif }),
    ...(fields.source === undefined ? {} : { [at.NEXTHOP_SOURCE]: ipv4(fields.source) }),
    ...(fields.destination === undefined
      ? {}
      : { [at.NEXTHOP_DESTINATION]: ipv4(fields.destination) }),
  };
}

/** The address that is looked up. */
export function key(bytes: readonly number[]): DecisionFields {
  const padded = new Uint8Array(16);
  padded.set(bytes);
  const words = new Uint32Array(padded.buffer);
  return Object.fromEntries([...words].map((word, index) => [at.LOOKUP_KEY + index, word]));
}

/** The word of an IPv4 address. */
export function ipv4(address: string): number {
  return new Uint32Array(Uint8Array.from(address.split("."), Number).buffer)[0]!;
}
