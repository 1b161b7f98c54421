/**
 * The vrouter module's internal devices. A packet received by a physical vif is passed to another CPU
 * through pkt2 (RPS, unless the module's vr_perfr3 is 0), and to a virtual machine through pkt1 or pkt3
 * (GRO of IP packets and of frames). Packets of other vifs never use them.
 *
 * @module
 */

import type { NetworkLink, NetworkNamespaces } from "../sys/network.ts";
import type { Vif } from "./interfaces.ts";
import type { SelectedInterface } from "./selected_interface.ts";

/** ARPHRD_VOID of linux/if_arp.h: the hardware type of these devices, rarely used by others. */
const ARPHRD_VOID = 0xffff;
/** vrouter's name for its RPS device, which can be renamed. */
const RPS_NAME = "pkt2";

/** Where to find them. */
export interface OwnDeviceSources {
  readonly vifs: readonly Vif[] | null;
  readonly vrouterDevices: readonly NetworkLink[];
  readonly namespaces: NetworkNamespaces;
}

/**
 * The internal devices used by packets of the selected vifs, except those that are selected themselves.
 * If not all physical vifs are selected, the devices are marked as shared with the others.
 */
export function ownDevices(
  selected: readonly SelectedInterface[],
  { vifs, vrouterDevices, namespaces }: OwnDeviceSources,
): SelectedInterface[] {
  const indexes = new Set(selected.map(({ vifIndex }) => vifIndex));
  const physical = vifs?.filter(({ type }) => type === "physical") ?? [];
  const chosen = physical.filter(({ index }) => indexes.has(index));
  const netns = namespaces.initial;
  if (vifs === null || netns === null || chosen.length === 0) return [];
  const device = (ifindex: number, use: "rps" | "gro"): SelectedInterface => {
    const plain = { netns, ifindex, vifIndex: null };
    return chosen.length === physical.length ? plain : { ...plain, shared: use };
  };
  const rps = findRpsDevice(vifs, vrouterDevices);
  return [
    ...(rps === null ? [] : [device(rps, "rps")]),
    ...vifs.filter(isGro).map(({ ifindex }) => device(ifindex, "gro")),
  ].filter((own) => !selected.some((one) => one.netns === netns && one.ifindex === own.ifindex));
}

/** pkt1 and pkt3 have vifs, so vrouter reports their ifindexes. */
function isGro({ type, ifindex }: Vif): boolean {
  return type === "stats" && ifindex > 0;
}

/**
 * pkt2 has no vif and is found by its hardware type and name; if it was renamed, only if no other device
 * has that type.
 */
function findRpsDevice(vifs: readonly Vif[], devices: readonly NetworkLink[]): number | null {
  const known = new Set(vifs.map(({ ifindex }) => ifindex));
  const candidates = devices.filter(({ hardware, ifindex }) =>
    hardware === ARPHRD_VOID && !known.has(ifindex)
  );
  const named = candidates.find(({ name }) => name === RPS_NAME);
  const found = named ?? (candidates.length === 1 ? candidates[0] : undefined);
  return found?.ifindex ?? null;
}
