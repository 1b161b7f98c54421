/**
 * Checks of the tracing facilities of the kernel, and of the switches that disable them.
 *
 * @module
 */

import type { BackendName } from "../probe/backend.ts";
import type { Target } from "../probe/target.ts";
import { amount } from "../sys/amount.ts";
import { failed, note, ok, type Outcome } from "./outcome.ts";

/** Facts about tracefs. */
export interface TracefsFacts {
  /** Where it is mounted; `null` if it is not. */
  readonly mount: string | null;
  /** Whether this kernel has it (/proc/filesystems). */
  readonly offered: boolean;
  /** Contents of available_filter_functions; `null` if unreadable. */
  readonly filterFunctions: Uint8Array | null;
  /** Why it cannot be read, as found by another check; `null` otherwise. */
  readonly forbidden: string | null;
}

/** Checks that tracefs lists the functions that can be traced. */
export function checkTracefs(
  { mount, offered, filterFunctions, forbidden }: TracefsFacts,
): Outcome {
  if (filterFunctions !== null && filterFunctions.length > 0) {
    const place = mount === null ? "" : `${mount}: `;
    return ok(`${place}${amount(lines(filterFunctions))} functions can be traced`);
  }
  if (!offered) {
    return failed(
      "this kernel has none",
      "use a kernel built with CONFIG_FUNCTION_TRACER=y",
    );
  }
  if (mount === null) {
    return failed("not mounted", "mount it: mount -t tracefs nodev /sys/kernel/tracing");
  }
  if (forbidden !== null) return note(`${mount}: ${forbidden}`);
  return failed(
    `${mount}: cannot read available_filter_functions`,
    "use a kernel built with CONFIG_DYNAMIC_FTRACE=y",
  );
}

/**
 * Checks that /proc/kallsyms shows addresses, whatever kernel.kptr_restrict says.
 *
 * @param kallsyms its contents; `null` if unreadable
 * @param restriction contents of /proc/sys/kernel/kptr_restrict; `null` if unreadable
 */
export function checkAddresses(
  kallsyms: Uint8Array | null,
  restriction: string | null,
  privileged: boolean,
): Outcome {
  const setting = restriction === null ? "" : ` (kernel.kptr_restrict is ${restriction.trim()})`;
  if (kallsyms === null) {
    return failed("cannot read /proc/kallsyms", "mount /proc, on a kernel with CONFIG_KALLSYMS");
  }
  if (showsAddresses(kallsyms)) return ok(`shown by /proc/kallsyms${setting}`);
  if (!privileged) return note("hidden: only root sees them");
  return failed(
    `hidden by /proc/kallsyms${setting}`,
    "sysctl -w kernel.kptr_restrict=1",
  );
}

/** Whether any address is not zero. */
function showsAddresses(kallsyms: Uint8Array): boolean {
  const newline = 0x0a, zero = 0x30, space = 0x20;
  for (let at = 0; at < kallsyms.length;) {
    let end = at;
    while (kallsyms[end] === zero) end++;
    if (end < kallsyms.length && kallsyms[end] !== space) return true;
    const next = kallsyms.indexOf(newline, end);
    if (next < 0) return false;
    at = next + 1;
  }
  return false;
}

/**
 * Checks the global switch of kprobes. If it is off they attach, but never fire. The other backends do
 * not use kprobes.
 *
 * @param enabled contents of /sys/kernel/debug/kprobes/enabled; `null` if unreadable
 * @param optimization contents of /proc/sys/debug/kprobes-optimization; `null` if unreadable
 * @param backend that a trace will use; `null` if none works
 */
export function checkKprobeSwitch(
  enabled: string | null,
  optimization: string | null,
  backend: BackendName | null,
): Outcome {
  const jumps = optimization?.trim() === "0"
    ? ", but not optimized (debug.kprobes-optimization is 0)"
    : "";
  if (enabled === null) return note("unknown: debugfs is not mounted or not readable");
  if (enabled.trim() !== "0") return ok(`on${jumps}`);
  const off = "off (/sys/kernel/debug/kprobes/enabled is 0)";
  if (backend !== null && backend !== "kprobe") return note(`${off}: not needed by ${backend}`);
  return failed(`${off}: kprobes are never hit`, "echo 1 >/sys/kernel/debug/kprobes/enabled");
}

/**
 * Checks the switch of ftrace. If it is off, the probes of all backends but kprobe attach, but never fire.
 *
 * @param enabled contents of /proc/sys/kernel/ftrace_enabled; `null` if unreadable
 * @param backend that a trace will use; `null` if none works
 */
export function checkFtraceSwitch(enabled: string | null, backend: BackendName | null): Outcome {
  if (enabled === null) return note("unknown: there is no kernel.ftrace_enabled");
  if (enabled.trim() !== "0") return ok("on");
  const off = "off (kernel.ftrace_enabled is 0)";
  // Its probes avoid the ftrace sites, except in functions that it cannot disassemble.
  if (backend === "kprobe") {
    return note(`${off}: backend kprobe misses calls of a few functions`);
  }
  return failed(`${off}: probes are never hit`, "sysctl -w kernel.ftrace_enabled=1");
}

/**
 * Counts the functions on the kernel's kprobe blacklist.
 *
 * @param blacklist contents of /sys/kernel/debug/kprobes/blacklist, lines `0xFIRST-0xEND name`
 * (`kprobe_blacklist_seq_show()` in kernel/kprobes.c); `null` if unreadable
 */
export function checkBlacklist(blacklist: string | null, targets: readonly Target[]): Outcome {
  if (blacklist === null) return note("unknown: debugfs is not mounted or not readable");
  if (targets.length === 0) return note("no functions to trace");
  const ranges = [...blacklist.matchAll(/^0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\s/gm)].map(
    ([, first, end]) => ({ first: BigInt(`0x${first}`), end: BigInt(`0x${end}`) }),
  ).sort((a, b) => compare(a.first, b.first));
  const sorted = targets.toSorted((a, b) => compare(a.address, b.address));
  const listed: Target[] = [];
  // Both are sorted by address; the ranges do not overlap.
  let next = 0;
  for (const target of sorted) {
    while (next < ranges.length && ranges[next]!.end <= target.address) next++;
    if (next < ranges.length && ranges[next]!.first <= target.address) listed.push(target);
  }
  const among = `of ${amount(ranges.length)} places`;
  if (listed.length === 0) return ok(`none ${among} is in a traced function`);
  const names = listed.slice(0, 3).map(({ name }) => name).join(", ");
  return note(
    `${listed.length} functions to trace are blacklisted: ${names}${
      listed.length > 3 ? ", …" : ""
    }`,
  );
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}

/** Number of lines; the last may lack its newline. */
function lines(bytes: Uint8Array): number {
  let count = bytes.at(-1) === 0x0a ? 0 : 1;
  for (let at = -1; (at = bytes.indexOf(0x0a, at + 1)) >= 0;) count++;
  return count;
}
