/**
 * Which packets of a recording are chosen by options that are about interfaces and vrouter: as bpf/filter.h and
 * bpf/conditions.h choose those of a trace, as far as records tell.
 *
 * @module
 */

import { CONDITIONS, type Conditions } from "../packet/conditions.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import type { SelectedInterface } from "../vrouter/selected_interface.ts";
import type { Place } from "./place.ts";

/** Tells of a place whether a packet there is of the interfaces. */
export type InterfaceChoice = (place: Readonly<Place>) => boolean;

/**
 * Chooses by interfaces.
 *
 * @param interfaces those that also other packets pass through choose none
 */
export function chooseInterfaces(interfaces: readonly SelectedInterface[]): InterfaceChoice {
  const vifs = new Set<number>();
  const devices = new Set<string>();
  for (const { netns, ifindex, vifIndex, shared } of interfaces) {
    if (vifIndex !== null) vifs.add(vifIndex);
    if (ifindex > 0 && shared === undefined) devices.add(deviceKey(netns, ifindex));
  }
  return ({ vif, netns, ifindex, iif }) =>
    vifs.has(vif) || (ifindex > 0 && devices.has(deviceKey(netns, ifindex))) ||
    (iif > 0 && devices.has(deviceKey(netns, iif)));
}

function deviceKey(netns: number, ifindex: number): string {
  return `${netns} ${ifindex}`;
}

/** Tells of a place which conditions are met there: a bit for each kind. */
export type ConditionChoice = (place: Readonly<Place>) => number;

/** What conditions are told by. */
export interface ConditionSources {
  /** The vifs as they are then. */
  readonly vifs: () => readonly Pick<Vif, "index" | "ifindex" | "vrf">[];
  /** Inode number of the network namespace of their devices. */
  readonly vrouterNetns: number;
  /** Whether calls tell their vifs: then a packet at the device of a vif is not yet at the vif. */
  readonly callsHaveVifs: boolean;
}

const [VIF, VRF, NH, LABEL, VNI] = CONDITIONS.map((_, kind) => 1 << kind) as [
  number,
  number,
  number,
  number,
  number,
];

/** The kinds that must be met: a bit for each. */
export function kindsOf(conditions: Conditions): number {
  return CONDITIONS.reduce(
    (all, name, kind) => all | (conditions[name].length > 0 ? 1 << kind : 0),
    0,
  );
}

/** Chooses by conditions. */
export function chooseConditions(
  conditions: Conditions,
  { vifs, vrouterNetns, callsHaveVifs }: ConditionSources,
): ConditionChoice {
  const wanted = {
    vif: new Set(conditions.vif),
    vrf: new Set(conditions.vrf),
    nh: new Set(conditions.nh),
    label: new Set(conditions.label),
    vni: new Set(conditions.vni),
  };
  const atVif = (index: number, vrf: number): number =>
    (wanted.vif.has(index) ? VIF : 0) | (wanted.vrf.has(vrf) ? VRF : 0);
  return (place) => {
    let met = (wanted.vrf.has(place.vrf) ? VRF : 0) | (wanted.nh.has(place.nexthop) ? NH : 0) |
      (wanted.label.has(place.label) ? LABEL : 0) | (wanted.vni.has(place.vni) ? VNI : 0);
    if (place.vif >= 0) {
      const vif = vifs().find(({ index }) => index === place.vif);
      met |= atVif(place.vif, vif?.vrf ?? -1);
    } else if (!callsHaveVifs && place.ifindex > 0 && place.netns === vrouterNetns) {
      const vif = vifs().find(({ ifindex }) => ifindex === place.ifindex);
      if (vif !== undefined) met |= atVif(vif.index, vif.vrf);
    }
    return met;
  };
}
