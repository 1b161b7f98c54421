/**
 * Made-up drops.
 *
 * @module
 */

import type { DropPhrases } from "../../src/output/drops/view.ts";
import type { Drop, DropReason } from "../../src/trace/drop.ts";

export const SECOND = 1_000_000_000n;

export const DISCARDS: DropReason = {
  number: 1,
  name: "VP_DROP_DISCARD",
  label: "Discards",
  class: "lost",
};

export const FLOW_ACTION_DROP: DropReason = {
  number: 11,
  name: "VP_DROP_FLOW_ACTION_DROP",
  label: "Flow Action Drop",
  class: "policy",
};

/** A drop of which little is known but what is given. */
export function drop(known: Partial<Drop> = {}): Drop {
  return {
    time: SECOND,
    cpu: 0,
    source: "vrouter",
    reason: DISCARDS,
    cause: null,
    vif: { index: 4, device: "tapdd789d34-27" },
    direction: "receive",
    vrf: 2,
    device: null,
    length: 98,
    bytes: new Uint8Array([0xab, 1]),
    flow: null,
    route: null,
    nexthop: null,
    stack: [],
    ...known,
  };
}

/** Words that tell what they were asked for. */
export const WORDS: DropPhrases = {
  packet: ({ length }) => `10.1.1.5 > 10.1.1.6 icmp echo request, ${length} bytes`,
  flow: ({ length }) => `10.1.1.5 > 10.1.1.6 icmp ${length}`,
  hints: ({ flow }) => flow === null ? [] : [`flow --get ${flow.index}`],
  time: (nanoseconds) => `00:00:${`${nanoseconds / SECOND}`.padStart(2, "0")}.000`,
};
