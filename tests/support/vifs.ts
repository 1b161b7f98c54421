/** Vifs as vrouter lists them. @module */

import type { Vif } from "../../src/vrouter/interfaces.ts";

/** A virtual interface that has had no traffic, unless `fields` say otherwise. */
export function vif(index: number, name: string, fields: Partial<Vif> = {}): Vif {
  return {
    index,
    name,
    device: null,
    ifindex: 0,
    type: "virtual",
    vrf: 0,
    flags: 0,
    rxPackets: 0,
    rxBytes: 0,
    txPackets: 0,
    txBytes: 0,
    drops: 0,
    addresses: [],
    ...fields,
  };
}
