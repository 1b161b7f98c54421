/**
 * What a trace attaches to.
 *
 * @module
 */

import type { TraceOptions } from "../cli/invocation.ts";
import { discover } from "../kernel/functions.ts";
import { leftOutLines } from "../kernel/left_out.ts";
import type { SkippedFunction } from "../kernel/packet_function.ts";
import type { KernelSources } from "../kernel/sources.ts";
import type { Log } from "../output/log.ts";
import { mayUseTrampolines } from "../probe/backends/trampoline.ts";
import { LIFE, type LifeTarget, seesEnds, withLife } from "../probe/packet_life.ts";
import { type Target, withAddress } from "../probe/target.ts";
import { Failure } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";

/**
 * Finds the functions to attach to, among them those that show what becomes of packets.
 *
 * @throws {Failure} if there are none, or the kernel hides their addresses
 */
export function findTargets(
  log: Log,
  options: TraceOptions,
  sources: KernelSources,
): readonly LifeTarget[] {
  const { chosen, others } = discoverTargets(log, options, sources);
  const targets = withLife(chosen, others);
  for (const { name } of targets.slice(chosen.length)) {
    log.debug(`Also attaching to ${name}, to see what becomes of packets`);
  }
  if (!seesEnds(targets)) {
    log.info(
      "None of the functions that free packets can be traced on this kernel: a packet may be taken for " +
        "the previous one at its address",
    );
  }
  return targets;
}

/** The functions that the user chose, and those of {@linkcode LIFE} that the user did not. */
function discoverTargets(
  log: Log,
  options: TraceOptions,
  sources: KernelSources,
): { chosen: Target[]; others: Target[] } {
  const trampolines = mayUseTrampolines(options.backend, sources.kernel);
  const discovery = discover({ ...sources, ...options, also: LIFE, trampolines });
  const { functions, skipped } = discovery;
  for (const line of leftOutLines(discovery.leftOut)) log.info(line);
  log.debug(
    `${functions.length} functions take a packet and can be traced, ${skipped.length} cannot: see ` +
      "vrft functions --skipped",
  );
  if (functions.length === 0) {
    throw new Failure(
      "functions",
      hasGlobs(options)
        ? `Cannot trace: no traceable function with a packet matches ${globs(options)}` +
          `${firstOf(skipped)}; see vrft functions`
        : "Cannot trace: no function takes a packet; see vrft functions --skipped",
    );
  }
  if (!discovery.traceabilityKnown) {
    throw new Failure(
      "tracefs",
      "Cannot trace: the kernel does not list the functions that can be traced: it lacks " +
        "CONFIG_FUNCTION_TRACER, or tracefs is not mounted (mount -t tracefs nodev " +
        "/sys/kernel/tracing)",
    );
  }
  const chosen = withAddress(functions);
  if (chosen.length > 0) return { chosen, others: withAddress(discovery.also) };
  throw new Failure(
    "addresses",
    "Cannot trace: /proc/kallsyms hides function addresses; set kernel.kptr_restrict to 0 " +
      "or 1 (sysctl -w kernel.kptr_restrict=1)",
  );
}

/**
 * Checks that packets can be seen in calls of these functions.
 *
 * @throws {Failure} `functions` if one of them is not traced
 */
export function requireTraced(
  names: readonly string[],
  targets: readonly Pick<Target, "name">[],
): void {
  const missing = names.find((name) => targets.every((target) => target.name !== name));
  if (missing === undefined) return;
  throw new Failure(
    "functions",
    `Cannot show packets in calls of "${
      printable(missing)
    }": no such function is traced; see vrft ` +
      "functions",
  );
}

/** Why one of those that match is not traced, for a message. */
function firstOf([skipped]: readonly SkippedFunction[]): string {
  return skipped === undefined ? "" : ` (${printable(skipped.name)}: ${skipped.reason})`;
}

function hasGlobs({ functions, excludes }: TraceOptions): boolean {
  return functions.length > 0 || excludes.length > 0;
}

/** Options that choose functions, in words: `-f "vr_*" -x "vr_drop"`. */
export function globs(
  { functions, excludes }: Pick<TraceOptions, "functions" | "excludes">,
): string {
  return [
    ...functions.map((glob) => `-f "${printable(glob)}"`),
    ...excludes.map((glob) => `-x "${printable(glob)}"`),
  ].join(" ");
}
