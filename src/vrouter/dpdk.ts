/**
 * A vRouter that runs in user space, on DPDK, instead of the kernel module.
 *
 * @module
 */

import { readText } from "../sys/files.ts";

/** A running DPDK vRouter. */
export interface DpdkVrouter {
  readonly pid: number;
  /** Name of its program: `contrail-vrouter-dpdk`. */
  readonly program: string;
}

/** Its utilities that show what vrft cannot. */
export const DPDK_ADVICE = "use its own tools: vifdump (packets of a vif), dropstats (drops), flow";

/** The program's name differs between distributions of vRouter by what stands in front. */
const PROGRAM = /^(?:.*[-_])?vrouter-dpdk$/;

/**
 * Looks for a running DPDK vRouter. Takes some 30 µs a process.
 *
 * @param proc where procfs is mounted
 * @returns `null` if there is none, or processes cannot be seen
 */
export function findDpdkVrouter(proc: string = "/proc"): DpdkVrouter | null {
  for (const name of namesIn(proc)) {
    if (!/^\d+$/.test(name)) continue;
    // Not comm, which has only 15 bytes, and is that of the main thread.
    const [command = ""] = (readText(`${proc}/${name}/cmdline`) ?? "").split("\0", 1);
    const program = command.slice(command.lastIndexOf("/") + 1);
    if (PROGRAM.test(program)) return { pid: Number(name), program };
  }
  return null;
}

function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch {
    return [];
  }
}
