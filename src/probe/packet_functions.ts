/**
 * The functions by which a trace of packets tells where each one is, and what becomes of it.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import {
  discover,
  type Discovery,
  type DiscoveryInput,
  type SurveyInput,
  VROUTER,
} from "../kernel/functions.ts";
import type { PacketFunction } from "../kernel/packet_function.ts";
import { VMLINUX } from "../kernel/symbols.ts";
import { LIFE, type LifeTarget, withLife } from "./packet_life.ts";
import { type Target, withAddress } from "./target.ts";

/** One of them. */
export interface PacketProbe {
  readonly name: string;
  readonly module: typeof VROUTER | typeof VMLINUX;
  /**
   * Whether its return is recorded, where probes can do without: at the bounds of stages, and for the
   * lookups inside it, which take no packet.
   */
  readonly returns: boolean;
  /** Packets begin to be traced there. In the others, only those that are. */
  readonly isDoor: boolean;
}

function probes(
  module: PacketProbe["module"],
  returns: boolean,
  isDoor: boolean,
  names: readonly string[],
): PacketProbe[] {
  return names.map((name) => ({ name, module, returns, isDoor }));
}

/** Gets packets from their devices, those of RPS a second time. */
export const ARRIVES = "linux_rx_handler";

/** All of them, in an order that means nothing. Modules and kernels lack some. */
export const PACKET_FUNCTIONS: readonly PacketProbe[] = [
  ...probes(VROUTER, true, true, [
    ARRIVES,
    "vhost_dev_xmit",
    "pkt_rps_dev_rx_handler",
    "pkt_gro_dev_rx_handler",
    "nh_output",
    "linux_if_rx",
  ]),
  ...probes(VROUTER, false, true, ["linux_if_tx", "lh_pfree", "lh_pfree_skb"]),
  ...probes(VROUTER, true, false, [
    "vr_flow_forward",
    "vr_reinject_packet",
    "vr_bridge_input",
    "vr_forward",
  ]),
  ...probes(VROUTER, false, false, [
    "linux_get_rxq",
    "vr_flow_fill_pnode",
    "vr_flow_action",
    "vr_ip_input",
    "vr_ip6_input",
    "vr_mpls_input",
    "vr_vxlan_input",
    "lh_gro_process",
    "linux_enqueue_pkt_for_gro",
    "nh_encap_l2",
    "nh_encap_l3",
    "nh_encap_l3_mcast",
    "nh_gre_tunnel",
    "nh_mpls_udp_tunnel",
    "nh_udp_tunnel",
    "nh_vxlan_tunnel",
    "nh_pbb_tunnel",
    "eth_tx",
    "vhost_tx",
    "vlan_tx",
    "agent_tx",
  ]),
  ...probes(VMLINUX, false, false, ["__dev_queue_xmit"]),
  ...probes(VMLINUX, true, false, ["dev_hard_start_xmit"]),
];

const BY_NAME = new Map(PACKET_FUNCTIONS.map((probe) => [probe.name, probe]));

/** The one of that name; `undefined` for functions that are probed for the ends and copies of packets. */
export function packetProbe({ name, module }: PacketFunction): PacketProbe | undefined {
  const probe = BY_NAME.get(name);
  return probe?.module === module ? probe : undefined;
}

/**
 * Finds them, and those that show the ends and copies of packets, which are not recorded.
 *
 * @param sources those without a known address are left out
 * @param debug told which there are none of
 * @throws {Failure} if the BTF is damaged
 */
export function findPacketFunctions(
  sources: Pick<DiscoveryInput, keyof SurveyInput | "survey">,
  debug: (message: string) => void,
): LifeTarget[] {
  const { functions, also } = discovered(sources, debug);
  return withLife(withAddress(functions.filter(isProbed)), withAddress(also));
}

/**
 * As {@linkcode findPacketFunctions}, but by BTF alone, which is all that trampolines need. Addresses are 0.
 *
 * @throws {Failure} if the BTF is damaged
 */
export function describedPacketFunctions(
  kernel: Btf,
  vrouter: Btf,
  debug: (message: string) => void,
): LifeTarget[] {
  const modules = [{ module: VMLINUX, btf: kernel }, { module: VROUTER, btf: vrouter }];
  const only = new Set([...PACKET_FUNCTIONS.map(({ name }) => name), ...LIFE]);
  const btf = { modules, leftOut: [], kallsyms: null, filterFunctions: null, only };
  const { functions, also } = discovered(btf, debug);
  const addressed = (fn: PacketFunction): Target => ({ ...fn, address: 0n });
  return withLife(functions.filter(isProbed).map(addressed), also.map(addressed));
}

function discovered(
  sources: Parameters<typeof findPacketFunctions>[0],
  debug: (message: string) => void,
): Discovery {
  const functions = PACKET_FUNCTIONS.map(({ name }) => name);
  const discovery = discover({ ...sources, functions, excludes: [], also: LIFE });
  for (const { name, reason } of discovery.skipped) debug(`Does without ${name}: ${reason}`);
  return discovery;
}

function isProbed(fn: PacketFunction): boolean {
  return packetProbe(fn) !== undefined;
}
