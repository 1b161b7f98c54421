/**
 * Why vrouter gives a packet to the agent: `AGENT_TRAP_*` of vr_defs.h, which no BTF has.
 *
 * @module
 */

/** By number, without their prefix. */
const REASONS: readonly (string | undefined)[] = [
  undefined,
  undefined,
  "ARP",
  "L2_PROTOCOLS",
  "NEXTHOP",
  "RESOLVE",
  "FLOW_MISS",
  "L3_PROTOCOLS",
  "DIAG",
  "ECMP_RESOLVE",
  "SOURCE_MISMATCH",
  "HANDLE_DF",
  "ZERO_TTL",
  "ICMP_ERROR",
  "TOR_CONTROL_PKT",
  "FLOW_ACTION_HOLD",
  "ROUTER_ALERT",
  "MAC_LEARN",
  "MAC_MOVE",
  "MAC_IP_LEARNING",
  "BFD",
];

/** `FLOW_MISS`; the number if it has no name. */
export function trapReason(number: number): string {
  return REASONS[number] ?? String(number);
}
