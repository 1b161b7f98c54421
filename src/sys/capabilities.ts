/**
 * The capabilities of this process: capabilities(7).
 *
 * @module
 */

/** Numbers of include/uapi/linux/capability.h. */
const NUMBERS = {
  CAP_NET_ADMIN: 12n,
  CAP_SYS_ADMIN: 21n,
  CAP_SYS_RESOURCE: 24n,
  CAP_SYSLOG: 34n,
  CAP_PERFMON: 38n, // Linux 5.8, as CAP_BPF
  CAP_BPF: 39n,
} as const;

/** A capability that this program uses. */
export type Capability = keyof typeof NUMBERS;

/** Those that CAP_SYS_ADMIN includes. */
const OF_SYS_ADMIN: readonly Capability[] = ["CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG"];

/** What a trace needs, with or without the vrouter module. */
export function traceCapabilities(vrouter: boolean): Capability[] {
  return vrouter
    ? ["CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG", "CAP_NET_ADMIN"]
    : ["CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG"];
}

/**
 * Those of `wanted` that this process does not have. CAP_SYS_ADMIN includes CAP_BPF, CAP_PERFMON and
 * CAP_SYSLOG.
 *
 * @param status contents of /proc/self/status
 */
export function missingCapabilities(status: string, wanted: readonly Capability[]): Capability[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const has = (capability: Capability): boolean => (effective >> NUMBERS[capability] & 1n) === 1n;
  return wanted.filter((capability) =>
    !has(capability) && !(OF_SYS_ADMIN.includes(capability) && has("CAP_SYS_ADMIN"))
  );
}
