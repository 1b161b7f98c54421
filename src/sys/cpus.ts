/**
 * CPUs of this machine.
 *
 * @module
 */

import { Failure } from "./failure.ts";
import { readText } from "./files.ts";

const ONLINE = "/sys/devices/system/cpu/online";

/**
 * Numbers of the CPUs in use, in ascending order.
 *
 * @throws {Failure} if the kernel's list cannot be read
 */
export function onlineCpus(): number[] {
  const cpus = parseCpuList(readText(ONLINE) ?? "");
  if (cpus === null) {
    throw new Failure("system_call", `Cannot find the CPUs in use: ${ONLINE} cannot be read`);
  }
  return cpus;
}

/** The CPUs of a list such as `0-3,5`; `null` if it is none, or empty. */
export function parseCpuList(text: string): number[] | null {
  const cpus: number[] = [];
  for (const part of text.trim().split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (match === null) return null;
    const last = Number(match[2] ?? match[1]);
    for (let cpu = Number(match[1]); cpu <= last; cpu++) cpus.push(cpu);
  }
  return cpus;
}
