/**
 * The ways that packets take: what was decided about them, and what became of them. Packets of one way
 * differ in nothing but who they are and when they came: addresses, ports, flows and times.
 *
 * @module
 */

import type { Decision, Journey, Nexthop, Outcome } from "./journey.ts";
import { Percentiles, type Times } from "./percentiles.ts";

/** A step of a way. Two are the same if their keys are. */
export interface PathStep {
  readonly key: string;
  /** `null` of the last step, which is the outcome. */
  readonly decision: Decision | null;
}

/** Packets that took the same way. */
export interface PathGroup {
  /** Key of the way. */
  readonly key: string;
  readonly steps: readonly PathStep[];
  /** The first of them. */
  readonly example: Journey;
  readonly count: number;
  readonly times: Times;
}

/** More ways are not told apart: a way has to have its packets in common with others to mean something. */
const MAX_GROUPS = 4096;

interface Counted {
  readonly key: string;
  readonly steps: readonly PathStep[];
  readonly example: Journey;
  readonly times: Percentiles;
}

/** Groups journeys by their ways. */
export class Paths {
  readonly #groups = new Map<string, Counted>();
  readonly #maximum: number;
  #count = 0;
  #left = 0;

  /** @param maximum number of ways */
  constructor(maximum: number = MAX_GROUPS) {
    this.#maximum = maximum;
  }

  /** Packets of all ways. */
  get count(): number {
    return this.#count;
  }

  /** Packets that are in no group, as there were too many ways. */
  get leftOut(): number {
    return this.#left;
  }

  add(journey: Journey): void {
    const steps = pathSteps(journey);
    const key = steps.map((step) => step.key).join("\n");
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (this.#groups.size >= this.#maximum) {
        this.#left++;
        return;
      }
      group = { key, steps, example: journey, times: new Percentiles() };
      this.#groups.set(key, group);
    }
    this.#count++;
    group.times.add(journey.duration);
  }

  /** The ways, the most frequent first, or the rarest; of equal ones the way that was seen first. */
  groups(order: "frequent" | "rare" = "frequent"): PathGroup[] {
    const sign = order === "frequent" ? -1 : 1;
    return [...this.#groups.values()]
      .map(({ times, ...group }) => ({ ...group, count: times.count, times: times.times }))
      .sort((a, b) => sign * (a.count - b.count));
  }
}

/** The steps of a packet's way: the decisions in their order, and the outcome. */
export function pathSteps(
  { decisions, outcome }: Pick<Journey, "decisions" | "outcome">,
): PathStep[] {
  return [
    ...decisions.map((decision) => ({ key: decisionKey(decision), decision })),
    { key: outcomeKey(outcome), decision: null },
  ];
}

/** What makes a decision another one. */
function decisionKey(decision: Decision): string {
  switch (decision.type) {
    case "bridge": {
      const { type, vrf, key, nexthop, label } = decision;
      return keyOf(type, vrf, nexthop === null ? null : key, nexthopKey(nexthop), label);
    }
    case "route": {
      // Which address of the prefix it was makes no difference.
      const { type, vrf, key, prefix, nexthop, label } = decision;
      return keyOf(type, vrf, prefix ?? key, nexthopKey(nexthop), label);
    }
    case "label":
    case "vni":
      return keyOf(decision.type, decision.number, nexthopKey(decision.nexthop));
    case "nexthop":
      return keyOf(decision.type, nexthopKey(decision.nexthop), decision.label);
    case "flow":
      return keyOf(decision.type, decision.action, decision.result);
    case "nat":
      return keyOf(decision.type);
    case "rpf":
      return keyOf(decision.type, decision.result, nexthopKey(decision.expected), decision.vif);
    case "ecmp":
      return keyOf(decision.type, nexthopKey(decision.nexthop), decision.member);
    case "vrf":
      return keyOf(decision.type, decision.from, decision.to);
    case "mtu":
      return keyOf(decision.type, decision.mtu, decision.tooBig);
    case "trap":
      return keyOf(decision.type, decision.vrf, decision.reason);
  }
}

function nexthopKey(nexthop: Nexthop | null): string {
  if (nexthop === null) return "";
  const { id, type, flags, vif, source, destination } = nexthop;
  return keyOf(id, type, flags.join(), vif?.index, source, destination);
}

function outcomeKey(outcome: Outcome): string {
  switch (outcome.type) {
    case "left":
      return keyOf(outcome.type, outcome.vif?.index, outcome.device);
    case "delivered":
      return keyOf(outcome.type, outcome.to, outcome.vif?.index, outcome.device);
    case "dropped": {
      const { drop: { source, reason, cause } } = outcome;
      return keyOf(outcome.type, source, reason.name, cause);
    }
    case "trapped":
      return keyOf(outcome.type, outcome.reason);
    case "held":
      return keyOf(outcome.type, outcome.evicted);
    case "replicated":
      return keyOf(outcome.type, outcome.copies);
    default:
      return keyOf(outcome.type);
  }
}

function keyOf(...parts: readonly (string | number | boolean | null | undefined)[]): string {
  return JSON.stringify(parts);
}
