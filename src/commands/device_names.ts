/**
 * Names of network devices by what the kernel's records have.
 *
 * @module
 */

import { type NetworkNamespaces, readNetworkDevices } from "../sys/network.ts";
import { Failure } from "../sys/failure.ts";
import type { Vif } from "../vrouter/interfaces.ts";

/** Least milliseconds between two listings, which are made where a device is not known. */
const PAUSE_MS = 1000;

/**
 * Makes a function that looks up a device's name, by inode number of its network namespace and ifindex.
 * It knows the devices of vifs, and those of this process's namespace; for others it returns `null`.
 *
 * @param vifs as they are at the moment
 */
export function deviceNames(
  { current, initial }: NetworkNamespaces,
  vifs: () => readonly Pick<Vif, "ifindex" | "device">[],
): (netns: number, ifindex: number) => string | null {
  let names = new Map<number, string>();
  let listed = -Infinity;
  return (netns, ifindex) => {
    if (netns === initial) {
      const vif = vifs().find((one) => one.ifindex === ifindex);
      if (vif?.device) return vif.device;
    }
    if (netns !== current) return null;
    if (!names.has(ifindex) && performance.now() - listed > PAUSE_MS) {
      listed = performance.now();
      names = listNames();
    }
    return names.get(ifindex) ?? null;
  };
}

function listNames(): Map<number, string> {
  try {
    return new Map(readNetworkDevices().map(({ ifindex, name }) => [ifindex, name]));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return new Map();
  }
}
