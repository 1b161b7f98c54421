/**
 * The functions of vrouter that look up routes and decide about packets, and what each says.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { VROUTER } from "../kernel/functions.ts";
import {
  DECIDED_BRIDGE,
  DECIDED_FLOW,
  DECIDED_FRAGMENT,
  DECIDED_NAT,
  DECIDED_NEXTHOP,
  DECIDED_PREFIX,
  DECIDED_SOURCE,
  DECIDED_TRAP,
  DECIDED_VIF,
} from "./decision_record.ts";
import { cookieOf, ownBits } from "./layout.ts";
import { NO_FUNCTION } from "./packet_record.ts";

/** Where a decision is read. */
export interface DecisionPoint {
  /** Name of the function. */
  readonly fn: string;
  /** Number of its parameters, which the programs rely on. */
  readonly parameters: number;
  /** Place of its `struct vr_packet *` among them, from 1; 0 without one. */
  readonly packet: number;
  /** What it decides, a `DECIDED_…`; `null` where only the packet counts that vrouter works on. */
  readonly decision: number | null;
  readonly at: "entry" | "return";
  /** Whether it is the other one of two that decide alike: `linux_if_rx()`, `vr_flow_action()`. */
  readonly isSecond?: boolean;
}

const POINTS: readonly DecisionPoint[] = [
  { fn: "bridge_lookup", parameters: 2, packet: 0, decision: DECIDED_BRIDGE, at: "return" },
  { fn: "mtrie_lookup", parameters: 2, packet: 0, decision: DECIDED_PREFIX, at: "return" },
  { fn: "nh_output", parameters: 3, packet: 1, decision: DECIDED_NEXTHOP, at: "entry" },
  ...both({ fn: "vr_flow_lookup", parameters: 4, packet: 3, decision: DECIDED_FLOW }),
  ...both({
    fn: "vr_flow_action",
    parameters: 5,
    packet: 4,
    decision: DECIDED_FLOW,
    isSecond: true,
  }),
  ...both({ fn: "vr_inet_flow_nat", parameters: 3, packet: 2, decision: DECIDED_NAT }),
  ...both({ fn: "vr_inet6_flow_nat", parameters: 3, packet: 2, decision: DECIDED_NAT }),
  { fn: "vr_trap", parameters: 4, packet: 1, decision: DECIDED_TRAP, at: "entry" },
  { fn: "vr_has_to_fragment", parameters: 3, packet: 2, decision: DECIDED_FRAGMENT, at: "return" },
  { fn: "linux_if_tx", parameters: 2, packet: 2, decision: DECIDED_VIF, at: "entry" },
  {
    fn: "linux_if_rx",
    parameters: 2,
    packet: 2,
    decision: DECIDED_VIF,
    at: "entry",
    isSecond: true,
  },
];

/** The packet that vrouter works on, for its lookups. A trace of the small set knows it anyway. */
const WORK: readonly DecisionPoint[] = [
  { fn: "vr_virtual_input", parameters: 5, packet: 3, decision: null, at: "entry" },
  { fn: "vr_fabric_input", parameters: 4, packet: 2, decision: null, at: "entry" },
  { fn: "vr_bridge_input", parameters: 3, packet: 2, decision: null, at: "entry" },
  { fn: "vr_forward", parameters: 3, packet: 2, decision: null, at: "entry" },
];

/** A nexthop's function that checks the source of a packet: (pkt, nh, fmd, data). */
const VALIDATES = /_validate_src$/;
const VALIDATE = { parameters: 4, packet: 1, decision: DECIDED_SOURCE, at: "return" } as const;
/** It calls those of the members. A kprobe keeps the arguments of one call of a kind. */
const VALIDATES_MEMBERS = /composite/;

function both(point: Omit<DecisionPoint, "at">): DecisionPoint[] {
  return [{ ...point, at: "entry" }, { ...point, at: "return" }];
}

/**
 * Those that the module has as they are expected.
 *
 * @param withWork whether those are among them that say which packet vrouter works on
 * @param debug told which are not there, or differ
 * @throws {BtfError} if the BTF is damaged
 */
export function decisionPoints(
  vrouter: Btf,
  withWork: boolean,
  debug: (message: string) => void,
): DecisionPoint[] {
  const validating = names(vrouter).filter((name) => VALIDATES.test(name)).sort();
  const all = [
    ...POINTS,
    ...validating.map((fn) => ({
      fn,
      ...VALIDATE,
      isSecond: VALIDATES_MEMBERS.test(fn),
    })),
  ];
  return [...all, ...(withWork ? WORK : [])].filter(({ fn, parameters }) => {
    const id = vrouter.functionId(fn);
    const count = id === undefined ? null : vrouter.count(vrouter.target(id));
    if (count === parameters) return true;
    debug(
      `Does without the decisions of ${fn}: ` +
        (count === null ? "not in BTF" : `it has ${count} parameters, not ${parameters}`),
    );
    return false;
  });
}

function names(btf: Btf): string[] {
  return Array.from(btf.index.functions, (number) => btf.name(btf.firstId + number));
}

/**
 * The cookie of its program.
 *
 * @param index the function's number in records; negative if it is not among them
 */
export function decisionCookie(point: DecisionPoint, index: number): bigint {
  const { fn, packet, parameters, at } = point;
  const number = index < 0 || packet === 0 ? NO_FUNCTION : index;
  return cookieOf({
    name: fn,
    module: VROUTER,
    struct: "vr_packet",
    position: packet,
    argument: packet,
    indirection: 1,
    address: null,
  }, number) | ownBits({ ...point, result: at === "return" ? parameters : 0 });
}
