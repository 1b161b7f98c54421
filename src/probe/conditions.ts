/**
 * Conditions about what vrouter does with a packet, which it may meet at any of its calls: see
 * bpf/conditions.h.
 *
 * @module
 */

import {
  CONDITIONS,
  CONFIG_CONDITIONS,
  CONFIG_WANTED,
  MAX_NUMBERS,
  NUMBERS_BYTES,
} from "./layout.ts";

/**
 * A packet must meet each kind that has numbers, by one of them. At most {@linkcode MAX_NUMBERS} of each
 * kind.
 */
export interface Conditions {
  /** Indexes of vifs that it comes from, or is sent to. */
  readonly vif: readonly number[];
  /** The VRF of such a vif, or one that it is looked up in. */
  readonly vrf: readonly number[];
  /** Ids of nexthops. */
  readonly nh: readonly number[];
  /** The innermost MPLS label of its tunnel. */
  readonly label: readonly number[];
  /** The VXLAN network identifier of its tunnel. */
  readonly vni: readonly number[];
}

/** Writes the conditions into the configuration. */
export function setConditions(config: DataView, conditions: Conditions): void {
  let kinds = 0;
  CONDITIONS.forEach((kind, bit) => {
    const numbers = conditions[kind].slice(0, MAX_NUMBERS);
    if (numbers.length > 0) kinds |= 1 << bit;
    const at = CONFIG_WANTED + bit * NUMBERS_BYTES;
    config.setUint32(at, numbers.length, true);
    numbers.forEach((number, index) => config.setUint32(at + 4 + 4 * index, number, true));
  });
  config.setUint32(CONFIG_CONDITIONS, kinds, true);
}
