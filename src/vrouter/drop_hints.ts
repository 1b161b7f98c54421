/**
 * What to look at next: commands of vrouter's utilities for one drop.
 *
 * @module
 */

import type { HintKind } from "./known_drop_reasons.ts";
import { KNOWN_REASONS } from "./known_drop_reasons.ts";
import type { DropCause } from "./drop_causes.ts";

/** What is known of the dropped packet; `null` for what is not. */
export interface HintFields {
  /** Index of the vif. */
  readonly vif: number | null;
  /** Index of the flow. */
  readonly flow: number | null;
  /** VRF of the last lookup. */
  readonly vrf: number | null;
  /** IP address that was looked up, as text. */
  readonly address: string | null;
  /** MAC address that was looked up, as text. */
  readonly mac: string | null;
  /** Id of the nexthop. */
  readonly nexthop: number | null;
  /** MPLS label. */
  readonly label: number | null;
  /** VXLAN network id. */
  readonly vnid: number | null;
}

const COMMANDS: Readonly<Record<HintKind, (fields: HintFields) => string | null>> = {
  flow: ({ flow }) => flow === null ? null : `flow --get ${flow}`,
  flows: () => "flow -s",
  route: ({ address, vrf }) => address === null || vrf === null ? null : routeCommand(address, vrf),
  bridge: ({ mac, vrf }) =>
    mac === null || vrf === null ? null : `rt --get ${mac} --vrf ${vrf} --family bridge`,
  nexthop: ({ nexthop }) => nexthop === null ? null : `nh --get ${nexthop}`,
  vif: ({ vif }) => vif === null ? null : `vif --get ${vif} --get-drop-stats`,
  vifs: () => "vif --list",
  label: ({ label }) => label === null ? null : `mpls --get ${label}`,
  vnid: ({ vnid }) => vnid === null ? null : `vxlan --get ${vnid}`,
  dropstats: () => "dropstats",
  log: () => "dropstats --log 0",
};

/**
 * Commands that can tell more of a drop, the best first. Those that need what is not known are left out.
 *
 * @param reason name of the reason, `VP_DROP_DISCARD`; one that is not known gets `dropstats`
 */
export function dropHints(reason: string, cause: DropCause | null, fields: HintFields): string[] {
  const known = KNOWN_REASONS.find(({ name }) => name === reason);
  const kinds = cause?.hints ?? known?.hints ?? ["dropstats"];
  return kinds.map((kind) => COMMANDS[kind](fields)).filter((command) => command !== null);
}

function routeCommand(address: string, vrf: number): string {
  const inet6 = address.includes(":");
  const route = `rt --get ${address}/${inet6 ? 128 : 32} --vrf ${vrf}`;
  return inet6 ? `${route} --family inet6` : route;
}
