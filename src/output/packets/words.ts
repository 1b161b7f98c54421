/**
 * Parts of journeys in words, for all views that people read.
 *
 * @module
 */

import { describePacket } from "../../packet/describe.ts";
import { printable } from "../../sys/printable.ts";
import type { Decision, Journey, Nexthop, Outcome, Stage } from "../../trace/journey.ts";
import { WAITS } from "../../trace/journey.ts";
import type { Drop, DropVif } from "../../trace/drop.ts";
import { detailsOf, reasonText } from "../drops/words.ts";

const US = 1e3;
const MS = 1e6;
const S = 1e9;

/** A time: `0.9 µs`, `18.2 µs`, `1.3 ms`, `2.1 s`. Nanoseconds are in JSON. */
export function timeText(nanoseconds: number): string {
  // What would be rounded up to 1,000 takes the next unit.
  if (nanoseconds < MS - US / 20) return `${(nanoseconds / US).toFixed(1)} µs`;
  if (nanoseconds < S - MS / 20) return `${(nanoseconds / MS).toFixed(1)} ms`;
  return `${(nanoseconds / S).toFixed(1)} s`;
}

/** `rx 2.1 µs`; of a wait, during which nobody works on the packet, `[qdisc 2.0 ms]`. */
export function stageText({ name, duration }: Stage): string {
  const text = `${name} ${timeText(duration)}`;
  return WAITS.has(name) ? `[${text}]` : text;
}

/** `10.1.1.5 > 10.1.1.7 icmp echo request, 98 bytes`. */
export function packetText({ bytes, length }: Pick<Journey, "bytes" | "length">): string {
  return printable(describePacket(bytes, length));
}

/** `vif0/4 tapdd789d34-27`, or the device of a packet that has no vif; empty if neither is known. */
export function placeText(vif: DropVif | null, device: string | null): string {
  if (vif === null) return printable(device ?? "");
  const name = vif.device ?? device;
  return name === null ? `vif0/${vif.index}` : `vif0/${vif.index} ${printable(name)}`;
}

/** What became of a packet: `left bond0`, `dropped: Invalid Label`. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.type) {
    case "left":
      return joined("left", deviceText(outcome));
    case "delivered":
      if (outcome.to === "tap") return joined("delivered", deviceText(outcome));
      return `delivered to the ${outcome.to}`;
    case "dropped":
      return `dropped: ${reasonText(outcome.drop)}`;
    case "trapped":
      return `trapped: ${printable(outcome.reason)}`;
    case "held":
      return outcome.evicted ? "evicted while held" : "held";
    case "replicated":
      return `replicated: ${outcome.copies} ${outcome.copies === 1 ? "copy" : "copies"}`;
    case "inside":
      return "still inside";
    default:
      return outcome.type;
  }
}

/** `nh 57 Tunnel MPLSoUDP 10.0.0.1 > 10.0.0.2`, `nh 24 Encap vif0/4 tapdd789d34-27`. */
export function nexthopText({ id, type, flags, vif, source, destination }: Nexthop): string {
  return joined(
    `nh ${id}`,
    printable(type),
    ...flags.map(printable),
    source === null || destination === null ? "" : printable(`${source} > ${destination}`),
    vif === null ? "" : placeText(vif, null),
  );
}

/** Whether its times are those of its whole way. */
export function hasEnded({ outcome: { type }, isIncomplete }: Journey): boolean {
  return !isIncomplete && type !== "inside" && type !== "lost from sight";
}

/**
 * A decision. Those that say that all is well have no words, so that a packet's lines are few: JSON has
 * them.
 *
 * @param vrf where the packet was up to then
 */
export function decisionText(decision: Decision, vrf: number | null): string | null {
  switch (decision.type) {
    case "bridge":
    case "route": {
      const { key, prefix, nexthop, label } = decision;
      const isBridge = decision.type === "bridge";
      const where = decision.vrf === null || decision.vrf === vrf ? "" : `  VRF ${decision.vrf}`;
      if (nexthop === null) {
        return `no ${isBridge ? "L2 route" : "route"} to ${printable(key)}${where}`;
      }
      const route = `${isBridge ? "L2" : "route"} ${printable(prefix ?? key)}`;
      return `${route} > ${labelled(nexthop, label)}${where}`;
    }
    case "label":
    case "vni": {
      const { number, nexthop } = decision;
      const kind = decision.type === "label" ? "label" : "VNI";
      return `${kind} ${number} > ${nexthop === null ? "no nexthop" : nexthopText(nexthop)}`;
    }
    case "nexthop":
      return labelled(decision.nexthop, decision.label);
    case "flow":
      return flowText(decision);
    case "nat":
      return `NAT ${tupleText(decision.before)}  becomes ${tupleText(decision.after)}`;
    case "rpf":
      return rpfText(decision);
    case "ecmp":
      return `ECMP ${nexthopText(decision.nexthop)}  member ${decision.member}`;
    case "vrf":
      return decision.from === null
        ? `to VRF ${decision.to}`
        : `VRF ${decision.from} > VRF ${decision.to}`;
    case "mtu":
      if (!decision.tooBig) return null;
      return decision.mtu === null ? "too big" : `too big for MTU ${decision.mtu}`;
    case "trap":
      return `trap ${printable(decision.reason)}`;
  }
}

/**
 * A decision as a step that many packets have in common: without what is a single packet's, as the index of
 * its flow. All of them have words.
 */
export function stepText(decision: Decision): string {
  switch (decision.type) {
    case "flow":
      return flowText({ ...decision, index: null });
    case "nat":
      return "NAT";
    case "rpf":
      if (decision.result !== "ok") break;
      return `RPF ok: ${nexthopText(decision.expected)}`;
    case "mtu":
      if (decision.tooBig) break;
      return decision.mtu === null ? "fits" : `fits MTU ${decision.mtu}`;
    default:
  }
  return decisionText(decision, null) ?? decision.type;
}

/** What `vrft drops` says of a drop, without what the decisions have told. */
export function dropText(drop: Drop, decisions: readonly Decision[]): string {
  const flow = decisions.some((one) => one.type === "flow" && one.index === drop.flow?.index);
  const told = new Set(decisions.flatMap(nexthopsOf).map(({ id }) => id));
  const known = (nexthop: Drop["nexthop"]): boolean => nexthop !== null && told.has(nexthop.id);
  const hasRoute = decisions.some((one) => one.type === "bridge" || one.type === "route");
  return detailsOf({
    ...drop,
    flow: flow ? null : drop.flow,
    route: hasRoute ? null : drop.route,
    nexthop: known(drop.nexthop) ? null : drop.nexthop,
    cause: isIn(drop.cause, reasonText(drop)) ? null : drop.cause,
  }).join("  ");
}

/** Nexthops that a decision names. */
export function nexthopsOf(decision: Decision): Nexthop[] {
  if (decision.type === "rpf") return [];
  return "nexthop" in decision && decision.nexthop !== null ? [decision.nexthop] : [];
}

/** Results of flow lookups that follow from the action of the entry, by its letter. */
const USUAL: Readonly<Record<string, string>> = {
  F: "FLOW_FORWARD",
  N: "FLOW_FORWARD",
  D: "FLOW_DROP",
  H: "FLOW_HELD",
};

type DecisionOf<T extends Decision["type"]> = Extract<Decision, { readonly type: T }>;

/** As `flow` prints it, and what came of it if that is not what the action says. */
function flowText(
  { index, reverse, action, result }:
    & Omit<DecisionOf<"flow">, "index">
    & { readonly index: number | null },
): string {
  const one = index === null ? "flow" : `flow ${index}`;
  const pair = index === null || reverse === null ? one : `${one}<=>${reverse}`;
  const usual = USUAL[action.charAt(0)];
  const came = result === null || result === usual ? "" : `  ${printable(result)}`;
  return `${pair}  Action:${printable(action)}${came}`;
}

function rpfText({ result, expected, vif, outerSource }: DecisionOf<"rpf">): string | null {
  if (result === "ok") return null;
  const came = outerSource !== null
    ? `, not ${printable(outerSource)}`
    : vif !== null
    ? `, not vif0/${vif}`
    : "";
  return `RPF ${result}: expected ${nexthopText(expected)}${came}`;
}

function labelled(nexthop: Nexthop, label: number | null): string {
  if (label === null) return nexthopText(nexthop);
  const kind = nexthop.flags.includes("Vxlan") ? "VNI" : "label";
  return `${nexthopText(nexthop)}  ${kind} ${label}`;
}

function tupleText(tuple: string | null): string {
  return tuple === null ? "?" : printable(tuple);
}

function deviceText({ vif, device }: { vif: DropVif | null; device: string | null }): string {
  return printable(device ?? vif?.device ?? (vif === null ? "" : `vif0/${vif.index}`));
}

/** Whether words for a drop end with its cause: `Flow Action Drop: SG`. */
function isIn(cause: string | null, words: string): boolean {
  return cause !== null && words.endsWith(`: ${printable(cause)}`);
}

function joined(...words: readonly string[]): string {
  return words.filter((word) => word !== "").join(" ");
}
