/**
 * What a reason's label hides: the causes that only the calling functions, or the packet, tell apart.
 *
 * @module
 */

import type { DropClass, HintKind } from "./known_drop_reasons.ts";

/** A cause of a drop. */
export interface DropCause {
  /** Name of the reason, `VP_DROP_DISCARD`. */
  readonly reason: string;
  /** What to show: `hold limit reached`. */
  readonly words: string;
  /** Where it is not that of the reason. */
  readonly class?: DropClass;
  readonly meaning: string;
  /** What to look at next, the best first. */
  readonly hints: readonly HintKind[];
}

/** What is known of a drop, from which its cause follows. */
export interface DropEvidence {
  /** Names of the functions that led there, the dropping one first, without suffixes of the compiler. */
  readonly stack: readonly string[];
  /** Whether it has an entry of the flow table; false if one was looked up, `null` if unknown. */
  readonly flow: boolean | null;
  /** Whether it is a fragment other than the first; `null` if unknown. */
  readonly laterFragment: boolean | null;
  /** `null` if it is no IP packet. */
  readonly ipv6: boolean | null;
  /** Type of its nexthop in the words of `nh`; `null` if unknown. */
  readonly nexthop: string | null;
}

/** All causes that vrft can tell. */
export const DROP_CAUSES: readonly DropCause[] = [
  {
    reason: "VP_DROP_FLOW_UNUSABLE",
    words: "flow being deleted",
    meaning: "The flow is on Hold, but its queue is gone: the entry is being torn down.",
    hints: ["flow"],
  },
  {
    reason: "VP_DROP_FLOW_UNUSABLE",
    words: "hold limit reached",
    meaning:
      "More flows wait for the agent than `vr_flow_hold_limit` allows (8192 by default), and there are no tokens for a burst.",
    hints: ["flows"],
  },
  {
    reason: "VP_DROP_FLOW_UNUSABLE",
    words: "fragment without flow",
    meaning: "A fragment other than the first may not make a flow, and there is none yet.",
    hints: ["flows"],
  },
  {
    reason: "VP_DROP_FLOW_UNUSABLE",
    words: "flow lookup failed",
    meaning:
      "The flow lookup itself failed, for example without memory for the table of fragments.",
    hints: ["dropstats"],
  },
  {
    reason: "VP_DROP_DISCARD",
    words: "discard nexthop",
    meaning: "The route, or the default of a table without a route, points at a discard nexthop.",
    hints: ["route", "nexthop"],
  },
  {
    reason: "VP_DROP_DISCARD",
    words: "nexthop being changed",
    meaning:
      "The nexthop is of another type, but its function is nh_discard while the agent changes it.",
    hints: ["nexthop", "route"],
  },
  {
    reason: "VP_DROP_DISCARD",
    words: "composite without members",
    meaning: "The packet was to be replicated, and the composite nexthop is empty.",
    hints: ["nexthop"],
  },
  {
    reason: "VP_DROP_FRAGMENTS",
    words: "fragment not queued",
    class: "lost",
    meaning:
      "A fragment other than the first could not be queued: the queue or its limit is full, or there is no memory.",
    hints: ["vif"],
  },
  {
    reason: "VP_DROP_FRAGMENTS",
    words: "copy of first fragment",
    class: "housekeeping",
    meaning:
      "The copy of a first fragment, made to release the fragments that wait, could not be queued. The first fragment itself goes on.",
    hints: ["vif"],
  },
  {
    reason: "VP_DROP_FRAGMENTS",
    words: "first fragment missing",
    class: "lost",
    meaning: "Queued fragments were given up because their first fragment never came in time.",
    hints: ["vif"],
  },
  {
    reason: "VP_DROP_INVALID_SOURCE",
    words: "reverse path check failed",
    meaning: "The flow's RPF nexthop is not where the packet came from.",
    hints: ["flow", "nexthop"],
  },
  {
    reason: "VP_DROP_INVALID_SOURCE",
    words: "fabric to tunnel",
    meaning: "A unicast packet from the fabric would be sent into a tunnel again.",
    hints: ["bridge"],
  },
  {
    reason: "VP_DROP_TTL_EXCEEDED",
    words: "TTL of the label",
    meaning: "The TTL in the MPLS header ran out.",
    hints: ["label"],
  },
  {
    reason: "VP_DROP_TTL_EXCEEDED",
    words: "TTL of the packet",
    meaning: "An IPv4 packet came to be routed with TTL 0.",
    hints: ["route"],
  },
  {
    reason: "VP_DROP_PKT_LOOP",
    words: "tunnel back to its source",
    meaning: "The route leads to the host that the packet came from.",
    hints: ["route", "nexthop"],
  },
  {
    reason: "VP_DROP_PKT_LOOP",
    words: "local TTL used up",
    meaning: "The packet was routed on this host four times.",
    hints: ["route"],
  },
  {
    reason: "VP_DROP_INVALID_NH",
    words: "no live ECMP member",
    meaning: "None of the members of the ECMP nexthop is usable.",
    hints: ["nexthop"],
  },
  {
    reason: "VP_DROP_INVALID_IF",
    words: "vif gone while held",
    meaning: "The packet waited on a flow in Hold, and its vif was removed meanwhile.",
    hints: ["vif"],
  },
];

/** A loss in one of the module's functions that raises none of its counters. */
export interface UncountedLoss {
  readonly words: string;
  /** Function of the module that calls the kernel's kfree_skb(). */
  readonly fn: string;
  readonly meaning: string;
}

/** All such losses that are known. */
export const UNCOUNTED_LOSSES: readonly UncountedLoss[] = [
  {
    words: "segmentation failed",
    fn: "linux_gso_xmit",
    meaning: "A large packet could not be segmented (skb_gso_segment() failed).",
  },
  {
    words: "rest of a segment list",
    fn: "linux_xmit_segments",
    meaning: "One segment of a large packet failed, and those behind it were freed.",
  },
  {
    words: "vhost without a vif",
    fn: "vhost_rx_handler",
    meaning: "vhost0 received a packet while it had no device.",
  },
  {
    words: "vhost without a device",
    fn: "vhost_dev_xmit",
    meaning:
      "The host sent by vhost0 while it had no vif or physical device. Only the device's TX drops count it.",
  },
];

type Rule = (evidence: DropEvidence) => string | null;

/** The words by the first function of the stack that has some: callers stand behind what they called. */
function byFunction(words: Readonly<Record<string, string>>): Rule {
  const known = new Map(Object.entries(words));
  return ({ stack }) => {
    for (const fn of stack) {
      const found = known.get(fn);
      if (found !== undefined) return found;
    }
    return null;
  };
}

/** Why no flow was made. The module refuses all later fragments of IPv4 before it asks for the limit. */
function newFlowCause({ laterFragment, ipv6 }: DropEvidence): string | null {
  if (ipv6) return "hold limit reached";
  if (laterFragment === null) return null;
  return laterFragment ? "fragment without flow" : "hold limit reached";
}

function flowUnusable(evidence: DropEvidence): string | null {
  for (const fn of evidence.stack) {
    switch (fn) {
      case "vr_enqueue_flow":
      case "vr_do_flow_action":
        return "flow being deleted";
      case "vr_flow_allow_new_flow":
      case "vr_flow_new_hold_flow":
        return newFlowCause(evidence);
      // The compiler may have put all of these into it.
      case "vr_flow_lookup":
        if (evidence.flow === null) return null;
        return evidence.flow ? "flow being deleted" : newFlowCause(evidence);
      // Likewise, into its callers.
      case "__vr_flow_forward":
      case "vr_flow_forward":
      case "vr_flow_flush_pnode":
        return "flow lookup failed";
    }
  }
  return null;
}

/** nh_discard() ends in a jump to lh_pfree(), which leaves it out of the stack. */
function discards({ stack, nexthop }: DropEvidence): string | null {
  const [fn] = stack;
  if (fn?.startsWith("nh_composite_")) return "composite without members";
  if (nexthop === null) return null;
  return nexthop === "Drop" ? "discard nexthop" : "nexthop being changed";
}

function fragments({ stack, laterFragment }: DropEvidence): string | null {
  if (stack.some((fn) => FRAGMENT_TIMEOUTS.has(fn))) return "first fragment missing";
  if (laterFragment === null) return null;
  return laterFragment ? "fragment not queued" : "copy of first fragment";
}

const FRAGMENT_TIMEOUTS: ReadonlySet<string> = new Set([
  "fragment_free_frag",
  "vr_assembler_table_scan",
  "vr_linux_assembler_table_scan",
]);

const RULES: Readonly<Record<string, Rule>> = {
  VP_DROP_FLOW_UNUSABLE: flowUnusable,
  VP_DROP_DISCARD: discards,
  VP_DROP_FRAGMENTS: fragments,
  VP_DROP_INVALID_SOURCE: byFunction({
    vr_flow_action: "reverse path check failed",
    vr_bridge_input: "fabric to tunnel",
  }),
  VP_DROP_TTL_EXCEEDED: byFunction({
    vr_forward: "TTL of the packet",
    vr_mpls_input: "TTL of the label",
  }),
  VP_DROP_PKT_LOOP: byFunction({
    nh_tunnel_loop_detect_handle: "tunnel back to its source",
    vr_ip_rcv: "local TTL used up",
  }),
  VP_DROP_INVALID_NH: ({ stack }) =>
    stack[0] === "nh_composite_ecmp" ? "no live ECMP member" : null,
  VP_DROP_INVALID_IF: ({ stack }) =>
    stack[0] === "vr_flow_flush_pnode" ? "vif gone while held" : null,
};

/** The cause of a drop; `null` if its label hides nothing, or too little is known. */
export function dropCause(reason: string, evidence: DropEvidence): DropCause | null {
  const words = RULES[reason]?.(evidence) ?? null;
  if (words === null) return null;
  return DROP_CAUSES.find((one) => one.reason === reason && one.words === words) ?? null;
}

/** What a drop of the kernel's is, if it is a loss in the module that no counter of its shows. */
export function uncountedLoss(stack: readonly string[]): UncountedLoss | null {
  return UNCOUNTED_LOSSES.find(({ fn }) => stack[0] === fn) ?? null;
}
