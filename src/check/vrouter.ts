/**
 * Checks of the vrouter module and its interfaces.
 *
 * @module
 */

import type { Vif } from "../vrouter/interfaces.ts";
import { amount } from "../sys/amount.ts";
import { printable } from "../sys/printable.ts";
import { DPDK_ADVICE, type DpdkVrouter } from "../vrouter/dpdk.ts";
import { failed, ok, type Outcome } from "./outcome.ts";

/** Number of vifs listed by name. */
const NAMED = 5;

/**
 * Checks that the module is loaded.
 *
 * @param version of the module, if it has one
 * @param dpdk what runs in place of the module
 */
export function checkModule(
  loaded: boolean,
  version: string | null,
  dpdk: DpdkVrouter | null = null,
): Outcome {
  if (loaded) return ok(version === null ? "loaded" : `loaded, version ${version.trim()}`);
  if (dpdk !== null) {
    return failed(
      `this host's vRouter runs in user space, on DPDK (${printable(dpdk.program)}, process ` +
        `${dpdk.pid}): vrft traces the kernel, and cannot reach it`,
      `${DPDK_ADVICE}; plain network devices can be traced with --no-vrouter`,
    );
  }
  return failed(
    "the vrouter kernel module is not loaded",
    "load it, or trace plain network devices with --no-vrouter",
  );
}

/** Checks the module's netlink family. @param failure why it does not answer; `null` if it does */
export function checkNetlink(failure: string | null): Outcome {
  if (failure === null) return ok('family "vrouter" answers');
  return failed(
    `family "vrouter" does not answer: ${failure}`,
    "load a vrouter module that speaks Sandesh over generic netlink; see the kernel log (dmesg)",
  );
}

/**
 * Checks that there are vifs to trace.
 *
 * @param located whether it is known which network namespace their devices are in
 */
export function checkInterfaces(vifs: readonly Vif[], located: boolean): Outcome {
  if (vifs.length === 0) {
    return failed(
      "the vrouter module has no vifs",
      "add some, or select a network device with -i",
    );
  }
  if (!located) {
    return failed(
      "the host's network namespace, where the vifs' devices are, is unknown",
      "pass it to --netns, or run vrft in the host's pid namespace",
    );
  }
  const names = vifs.slice(0, NAMED).map(({ index, name }) => name === "" ? `vif0/${index}` : name);
  return ok(
    `${amount(vifs.length)}: ${names.join(", ")}${vifs.length > NAMED ? ", …" : ""}`,
  );
}
