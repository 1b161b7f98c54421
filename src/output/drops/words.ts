/**
 * Parts of drops in words, for all views that people read.
 *
 * @module
 */

import { printable } from "../../sys/printable.ts";
import type { Drop, DropNexthop, DropRoute } from "../../trace/drop.ts";

/** Calls of the stack that are shown; the rest is in JSON. */
const SHOWN_CALLS = 4;

/** The reason, with what a policy's flow says: `Flow Action Drop: SG`, `kernel: NO_SOCKET`. */
export function reasonText(drop: Drop): string {
  const { source, reason } = drop;
  if (source === "kernel") {
    return reason.label === "" ? "kernel" : `kernel: ${printable(reason.label)}`;
  }
  const why = flowReason(drop);
  return printable(why === null ? reason.label : `${reason.label}: ${why}`);
}

/** Where the packet came in: `vif0/4 tapdd789d34-27`, or its device. */
export function vifText({ vif, device }: Drop): string {
  if (vif === null) return printable(device ?? "");
  const name = `vif0/${vif.index}`;
  return vif.device === null ? name : `${name} ${printable(vif.device)}`;
}

/** What is known of why: the flow, the route, the cause, the functions. */
export function detailsOf(drop: Drop): string[] {
  const { flow, route, nexthop, cause, stack } = drop;
  const parts: string[] = [];
  if (flow !== null) {
    const reverse = flow.reverse === null ? "" : `<=>${flow.reverse}`;
    parts.push(`flow ${flow.index}${reverse} Action:${flow.action}`);
  }
  if (route !== null) parts.push(routeText(route));
  if (nexthop !== null && nexthop.id !== route?.nexthop?.id) parts.push(nexthopText(nexthop));
  if (cause !== null && cause !== flowReason(drop)) parts.push(cause);
  if (stack.length > 0) {
    const more = stack.length > SHOWN_CALLS ? " < …" : "";
    parts.push(`at ${stack.slice(0, SHOWN_CALLS).join(" < ")}${more}`);
  }
  return parts.map(printable);
}

/** The SG in a flow's `D(SG)`, if that is why the packet was dropped. */
function flowReason({ flow, reason }: Drop): string | null {
  if (reason.class !== "policy") return null;
  return /^D\((.+)\)$/.exec(flow?.action ?? "")?.[1] ?? null;
}

function routeText({ key, nexthop }: DropRoute): string {
  if (key === null) return "no route";
  return nexthop === null ? `route ${key}` : `route ${key} > ${nexthopText(nexthop)}`;
}

/** `nh 0 Drop`; with the function that handles its packets if that is not the type's. */
function nexthopText({ id, type, reach }: DropNexthop): string {
  const changing = type !== "Drop" && reach === "nh_discard";
  return `nh ${id} ${type}${changing ? " (reaches nh_discard: it is being changed)" : ""}`;
}
