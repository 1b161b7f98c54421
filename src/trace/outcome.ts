/**
 * What became of a packet, from what was seen of it last.
 *
 * @module
 */

import type { ChosenVif } from "./decisions.ts";
import type { Drop } from "./drop.ts";
import type { Outcome } from "./journey.ts";

/** A vif as far as outcomes need it. */
export interface OutcomeVif {
  readonly index: number;
  readonly device: string | null;
  /** As `listVifs()` names it: `physical`, `virtual`. */
  readonly type: string;
}

const AGENT = "agent";

/** Who has the packets of vifs that do not lead out of the host, by type. */
const RECEIVERS: ReadonlyMap<string, "host" | "tap"> = new Map([
  ["host", "host"],
  ["gateway", "host"],
  ["virtual", "tap"],
  ["virtual-vlan", "tap"],
  ["xenll", "tap"],
]);

/**
 * A device has taken the packet.
 *
 * @param chosen vif that vrouter gave it to; `null` if unknown
 * @param vif the same in the table of vifs, if it is there
 * @param trap why it was given to the agent; `null` if it was not
 */
export function handedOver(
  chosen: ChosenVif | null,
  vif: OutcomeVif | undefined,
  trap: string | null,
): Outcome {
  const type = chosen?.type ?? vif?.type ?? null;
  const device = vif?.device ?? null;
  const index = chosen?.index ?? vif?.index;
  const where = { vif: index === undefined ? null : { index, device }, device };
  if (type === AGENT && trap !== null) return { type: "trapped", reason: trap, answer: null };
  if (type === AGENT) return { type: "delivered", to: "agent", ...where };
  if (chosen?.toHost) return { type: "delivered", to: "host", ...where };
  const to = type === null ? undefined : RECEIVERS.get(type);
  return to === undefined ? { type: "left", ...where } : { type: "delivered", to, ...where };
}

/** Names of reasons whose drops are no end of the packet. */
const CLONED_ORIGINAL = "VP_DROP_CLONED_ORIGINAL";
const DUPLICATED = "VP_DROP_DUPLICATED";
/** Names of reasons with which a flow's queue is emptied. */
const EVICTIONS: ReadonlySet<string> = new Set(["VP_DROP_FLOW_EVICT", "VP_DROP_FLOW_UNUSABLE"]);
const UNKNOWN_TRAP = "unknown";

/** What was seen of a packet before it was dropped. */
export interface DropHistory {
  /** Copies that were made of it on its way. */
  readonly copies: number;
  /** Why it was given to the agent; `null` if that was not seen. */
  readonly trap: string | null;
  /** Whether it waits for the agent to decide about its flow. */
  readonly isHeld: boolean;
  /** Whether GRO has it. */
  readonly isInGro: boolean;
}

/**
 * Whether a packet is freed with the one whose list of fragments it is in, as GRO merges those whose data
 * cannot be moved.
 */
function isPartOfAnother({ stack }: Drop): boolean {
  return stack.length === 0 || stack.includes("skb_release_data");
}

/** A packet is dropped. */
export function droppedBy(drop: Drop, { copies, trap, isHeld, isInGro }: DropHistory): Outcome {
  if (drop.source === "vrouter") {
    const { name } = drop.reason;
    if (name === CLONED_ORIGINAL) return { type: "replicated", copies };
    // agent_send() gives the agent a copy, and frees the original.
    if (name === DUPLICATED) {
      return { type: "trapped", reason: trap ?? UNKNOWN_TRAP, answer: null };
    }
    if (isHeld && EVICTIONS.has(name)) return { type: "held", evicted: true };
  } else if (isInGro && isPartOfAnother(drop)) {
    return { type: "consumed by GRO" };
  }
  return { type: "dropped", drop };
}
