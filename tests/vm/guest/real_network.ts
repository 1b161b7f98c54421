/**
 * The network in which the real module was recorded: see ../real_network.sh. The VMs are in VRF 1.
 *
 * @module
 */

import { must, settle } from "./support.ts";
import { FLAG, setLabel, setMac, setNexthop, setRoute, setVnid, TYPE } from "./requests.ts";

/** MAC addresses: of the VMs, of their gateway, of the fabric and of its other end. */
export const MAC = {
  vm1: "02:00:00:00:00:01",
  vm2: "02:00:00:00:00:02",
  vm3: "02:00:00:00:00:03",
  /** Behind VXLAN. */
  far: "02:00:00:00:00:09",
  /** In no table. */
  unknown: "02:00:00:00:00:50",
  gateway: "00:00:5e:00:01:00",
  fabric: "02:00:00:00:02:00",
  peer: "02:00:00:00:02:01",
  broadcast: "ff:ff:ff:ff:ff:ff",
} as const;

/** The ends of the tunnels: this host, and the namespace fab. */
export const HOST = "172.16.0.1";
export const PEER = "172.16.0.2";

/** The VRF of the VMs. */
export const VRF = 1;

const SCRIPT = new URL("../real_network.sh", import.meta.url).pathname;
/** Routes of VRF 0, where other tests have none. */
const UNDERLAY = [[`${HOST}/32`, 60], [`${PEER}/32`, 61]] as const;

function nexthops(): void {
  const out = [MAC.peer, MAC.fabric] as const;
  const tunnel = [HOST, PEER] as const;
  for (const [id, vif] of [[11, 1], [12, 2], [13, 5]] as const) {
    setNexthop({ id, type: TYPE.ENCAP, vrf: VRF, l2: true, vif });
  }
  for (const [id, vif, mac] of [[21, 1, MAC.vm1], [22, 2, MAC.vm2]] as const) {
    setNexthop({ id, type: TYPE.ENCAP, vrf: VRF, vif, macs: [mac, MAC.gateway] });
  }
  setNexthop({ id: 30, type: TYPE.L2_RCV, vrf: VRF, l2: true });
  const flood = { type: TYPE.COMPOSITE, vrf: VRF, l2: true };
  setNexthop({ id: 42, ...flood, flags: FLAG.ENCAP, components: [11, 12, 13] });
  setNexthop({ id: 43, ...flood, flags: FLAG.MCAST, components: [42] });
  setNexthop({ id: 50, type: TYPE.TUNNEL, flags: FLAG.VXLAN, vif: 0, macs: out, tunnel });
  setNexthop({ id: 51, type: TYPE.TUNNEL, flags: FLAG.GRE, vif: 0, macs: out, tunnel });
  setNexthop({ id: 55, type: TYPE.VRF_TRANSLATE, vrf: VRF, l2: true });
  setNexthop({ id: 60, type: TYPE.RCV });
  setNexthop({ id: 61, type: TYPE.ENCAP, vif: 0, macs: out });
  setNexthop({ id: 70, type: TYPE.DISCARD, vrf: VRF });
}

function routes(): void {
  for (const [prefix, nexthop] of UNDERLAY) setRoute(0, prefix, nexthop);
  for (
    const [address, nexthop] of [["10.1.1.1", 21], ["10.1.1.2", 22], ["10.1.7.7", 70]] as const
  ) {
    setRoute(VRF, `${address}/32`, nexthop);
  }
  setRoute(VRF, "10.1.1.9/32", 50, 5001);
  setRoute(VRF, "10.1.3.3/32", 51, 99);
  for (const [mac, nexthop] of [[MAC.vm1, 11], [MAC.vm2, 12], [MAC.vm3, 13]] as const) {
    setMac(VRF, mac, nexthop);
  }
  setMac(VRF, MAC.gateway, 30);
  setMac(VRF, MAC.broadcast, 43);
  setMac(VRF, MAC.far, 50, 5001);
  setVnid(5001, 55);
  setLabel(25, 21);
}

/** Sets the flags of tap1's vif: 1 is policy, by which its packets have flows. */
export async function setTap1(flags: number): Promise<void> {
  await must("vif-add", "tap1", "1", "3", `${VRF}`, `${flags}`);
}

/** Adds the agent's vif. */
export async function addAgent(): Promise<void> {
  await must("vif-add", "pkt0", "4", "1", "65535");
}

/** Sets the network up; disposing of it brings back the network of the other tests. */
export async function realNetwork(): Promise<AsyncDisposable> {
  await settle();
  await must("sh", SCRIPT);
  await setTap1(0);
  await must("vif-add", "tap2", "2", "3", `${VRF}`);
  await must("vif-add", "tap3", "5", "3", `${VRF}`);
  await addAgent();
  nexthops();
  routes();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      for (const [prefix] of UNDERLAY) setRoute(0, prefix, undefined);
      setVnid(5001, undefined);
      await must("sh", SCRIPT, "undo");
      await must("vif-add", "tap1", "1", "3");
      await must("vif-add", "tap2", "2", "3");
    },
  };
}
