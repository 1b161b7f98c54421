/**
 * Conditions about what vrouter does with a packet, which it may meet at any of its calls.
 *
 * @module
 */

/** Their kinds, in the order of `enum vrft_condition` in bpf/vrft.h. */
export const CONDITIONS = ["vif", "vrf", "nh", "label", "vni"] as const;

/** Values that a kind of condition can have at most: the BPF programs compare them one by one. */
export const MAX_VALUES = 16;

/**
 * A packet must meet each kind that has values, by one of them. At most {@linkcode MAX_VALUES} of each
 * kind.
 */
export interface Conditions<Vif = number> {
  /** Vifs that it comes from, or is sent to: their indexes, or what users call them. */
  readonly vif: readonly Vif[];
  /** The VRF of such a vif, or one that it is looked up in. */
  readonly vrf: readonly number[];
  /** Ids of nexthops. */
  readonly nh: readonly number[];
  /** The innermost MPLS label of its tunnel. */
  readonly label: readonly number[];
  /** The VXLAN network identifier of its tunnel. */
  readonly vni: readonly number[];
}
