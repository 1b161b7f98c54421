/**
 * The decisions about one packet, in the order in which they were made, without what only repeats one.
 *
 * @module
 */

import { UNKNOWN_ACTION } from "../vrouter/flow_words.ts";
import type { ReadDecision } from "./decisions.ts";
import type { Decision, Nexthop } from "./journey.ts";

/** A packet has more only if it goes round in circles. */
export const MAX_DECISIONS = 64;

/** How a packet from the fabric was found its nexthop. */
export type Encapsulation = "label" | "vni";

type Flow = Extract<Decision, { type: "flow" }>;
type Passed = Extract<Decision, { type: "nexthop" }>;

/** The decisions about one packet so far. */
export class DecisionList {
  readonly #list: Decision[] = [];
  #vrf: number | null = null;
  /** The next nexthop is that of a label or VNI. */
  #expected: Encapsulation | null = null;
  /** The nexthop before, if the next one is a member of it. */
  #ecmp: Nexthop | null = null;
  /** Index of the flow decision that a further one about the same flow replaces. */
  #flow = -1;
  #trap: string | null = null;
  #omitted = 0;

  get all(): readonly Decision[] {
    return this.#list;
  }

  /** Decisions that were not kept, as there were too many. */
  get omitted(): number {
    return this.#omitted;
  }

  /** Why the packet was given to the agent, as decided last; `null` if it was not. */
  get trap(): string | null {
    return this.#trap;
  }

  /** The VRF that the packet is in; `null` if unknown. */
  get vrf(): number | null {
    return this.#vrf;
  }

  /** The packet comes in, in a VRF. */
  enter(vrf: number | null): void {
    this.#vrf ??= vrf;
  }

  /** The label or VNI of the packet is looked up. */
  expect(encapsulation: Encapsulation): void {
    this.#expected = encapsulation;
  }

  /** What has been decided about its flow so far is done with: it goes on after a wait. */
  resume(): void {
    const last = this.#list[this.#flow];
    // The answer may be there already, and this be its return.
    if (last?.type === "flow" && !isAnswered(last)) this.#flow = -1;
  }

  /** A label or VNI was not found. */
  notFound(type: Encapsulation, number: number): void {
    this.#expected = null;
    this.#push({ type, number, nexthop: null });
  }

  /** Takes up the next decision. */
  add({ decision, vrf, member }: ReadDecision): void {
    if (vrf !== null && vrf !== this.#vrf) {
      if (this.#vrf !== null) this.#push({ type: "vrf", from: this.#vrf, to: vrf });
      this.#vrf = vrf;
    }
    switch (decision.type) {
      case "nexthop":
        this.#pass(decision, member);
        break;
      case "flow":
        this.#decideFlow(decision);
        break;
      case "nat":
        this.#translate(decision);
        break;
      case "rpf":
        // A composite asks its members, which have answered before.
        while (decision.expected.type === COMPOSITE && this.#list.at(-1)?.type === "rpf") {
          this.#list.pop();
        }
        this.#push(decision);
        break;
      case "trap":
        this.#trap = decision.reason;
        this.#push(decision);
        break;
      default:
        this.#push(decision);
    }
  }

  /** nh_output(): of a nexthop that was looked up, or of the next on the way. */
  #pass(passed: Passed, member: number | null): void {
    const { nexthop, label } = passed;
    const expected = this.#expected;
    const ecmp = this.#ecmp;
    this.#expected = null;
    this.#ecmp = isEcmp(nexthop) ? nexthop : null;
    if (expected !== null && label !== null) {
      this.#push({ type: expected, number: label, nexthop });
      return;
    }
    if (ecmp !== null && member !== null && ecmp.id !== nexthop.id) {
      this.#push({ type: "ecmp", nexthop: ecmp, member });
    } else if (this.#complete(passed)) {
      return;
    }
    this.#push(passed);
  }

  /** Completes the latest decision for a nexthop, if that is the same. */
  #complete({ nexthop, label }: Passed): boolean {
    const at = this.#list.findLastIndex((one) => "nexthop" in one);
    const last = this.#list[at];
    if (last === undefined || !("nexthop" in last) || last.nexthop?.id !== nexthop.id) return false;
    const completed = merged(last.nexthop, nexthop);
    this.#list[at] = "label" in last
      // That of the metadata is what the packet came with, unless a tunnel is to put it on.
      ? { ...last, nexthop: completed, label: last.label ?? (isTunnel(completed) ? label : null) }
      : { ...last, nexthop: completed };
    return true;
  }

  #decideFlow(decision: Flow): void {
    const last = this.#list[this.#flow];
    if (last?.type === "flow" && last.index === decision.index) {
      this.#list[this.#flow] = completed(last, decision);
      return;
    }
    if (this.#push(completed(null, decision))) this.#flow = this.#list.length - 1;
  }

  #translate(decision: Extract<Decision, { type: "nat" }>): void {
    const last = this.#list.at(-1);
    if (last?.type === "nat" && last.after === null && decision.before === null) {
      this.#list[this.#list.length - 1] = { ...last, after: decision.after };
      return;
    }
    this.#push(decision);
  }

  #push(decision: Decision): boolean {
    if (this.#list.length >= MAX_DECISIONS) {
      this.#omitted++;
      return false;
    }
    this.#list.push(decision);
    return true;
  }
}

/** Only a flow on hold holds its packets. */
const HELD = "FLOW_HELD";
const HOLD = "H";

/**
 * A flow as far as this and the decision before show it. The return of vr_flow_lookup() shows no more
 * than its index: that is all that vrouter keeps beside the packet.
 */
function completed(before: Flow | null, { action, reverse, result, ...flow }: Flow): Flow {
  const known = action === UNKNOWN_ACTION ? before?.action ?? action : action;
  const isHeld = known === UNKNOWN_ACTION && result === HELD;
  return {
    ...flow,
    reverse: reverse ?? before?.reverse ?? null,
    action: isHeld ? HOLD : known,
    result: result ?? before?.result ?? null,
  };
}

function isAnswered({ action }: Flow): boolean {
  return action !== HOLD && action !== UNKNOWN_ACTION;
}

const COMPOSITE = "Composite";
const TUNNEL = "Tunnel";
const ECMP = "Ecmp";

function isEcmp({ type, flags }: Nexthop): boolean {
  return type === COMPOSITE && flags.includes(ECMP);
}

function isTunnel({ type }: Nexthop): boolean {
  return type === TUNNEL;
}

/** What is known of a nexthop by either of two records, the later first. */
function merged(before: Nexthop, after: Nexthop): Nexthop {
  return {
    id: after.id,
    type: after.type === "" ? before.type : after.type,
    flags: after.flags.length === 0 ? before.flags : after.flags,
    vif: after.vif ?? before.vif,
    source: after.source ?? before.source,
    destination: after.destination ?? before.destination,
  };
}
