/**
 * What the commands that trace select and read before they attach.
 *
 * @module
 */

import type { CaptureOptions } from "../cli/invocation.ts";
import { whyNoModuleBtf } from "../kernel/module_btf.ts";
import { NO_PACKET_OFFSETS, type PacketOffsets, packetOffsets } from "../kernel/packet_offsets.ts";
import {
  type DescribedKernel,
  type KernelSources,
  readBtfOnly,
  readSurveyed,
} from "../kernel/sources.ts";
import type { Log } from "../output/log.ts";
import { Progress } from "../output/progress.ts";
import type { Conditions } from "../packet/conditions.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { User } from "../probe/backend_choice.ts";
import type { ChosenInterface } from "../probe/filter.ts";
import { findNamespaces } from "../probe/initial_namespace.ts";
import { type Connection, describeConnection } from "../sys/connections.ts";
import { Failure } from "../sys/failure.ts";
import { SystemError } from "../sys/libc.ts";
import {
  INITIAL_NAMESPACE,
  namespaceOfFile,
  type NetworkNamespaces,
  networkNamespaces,
} from "../sys/network.ts";
import { printable } from "../sys/printable.ts";
import type { CommonTracerOptions, Tracer } from "../trace/tracer.ts";
import { readVifs, type Vif } from "../vrouter/interfaces.ts";
import { selectAmong } from "../vrouter/selection.ts";
import { keepingOf } from "./keeping.ts";
import { resolveConditions } from "./trace_conditions.ts";
import type { Output } from "./trace_output.ts";
import type { Surroundings } from "./session.ts";

const KALLSYMS = "/proc/kallsyms";

/** The packets to trace. */
export interface Selection {
  readonly namespaces: NetworkNamespaces;
  /** All vifs; `null` without vrouter. */
  readonly vifs: readonly Vif[] | null;
  readonly conditions: Conditions | null;
  readonly interfaces: readonly ChosenInterface[];
}

/**
 * Looks up the vifs and devices of the options.
 *
 * @throws {Failure} if one does not exist, or the module does not answer
 */
export function selectPackets(
  options: CaptureOptions,
  { log, vifWatch }: Surroundings,
): Selection {
  const namespaces = namespacesFor(options, log);
  const vifs = options.vrouter ? readVifs(namespaces) : null;
  const conditions = resolveConditions(options.conditions, vifs ?? []);
  const names = options.interfaces;
  const interfaces = selectAmong(
    names,
    vifs,
    namespaces,
    options.netns ?? INITIAL_NAMESPACE,
    (message) => log.info(message),
  );
  if (vifs !== null) vifWatch?.begin({ vifs, names, interfaces });
  return { namespaces, vifs, conditions, interfaces };
}

/**
 * Reads what describes the kernel and the module, and logs where it comes from.
 *
 * @throws {Failure} if it cannot be read or used
 */
export async function readKernel(options: CaptureOptions, log: Log): Promise<KernelSources> {
  const sources = await readSurveyed(options, keepingOf((message) => log.debug(message)));
  for (const note of sources.notes) log.debug(note);
  describeSources(log, options, sources, () => whyNoModuleBtf(sources));
  return sources;
}

/**
 * Like {@linkcode readKernel}, but only the BTF of the kernel and the module, which is fast.
 *
 * @throws {Failure} if it cannot be read or used
 */
export async function readKernelBtf(
  options: CaptureOptions,
  log: Log,
): Promise<DescribedKernel> {
  const sources = await readBtfOnly(options);
  describeSources(
    log,
    options,
    sources,
    () => whyNoModuleBtf({ modules: [], leftOut: [], kallsyms: Deno.readFileSync(KALLSYMS) }),
  );
  return sources;
}

/** Logs what is about to be traced. */
export function announceSelection(
  { interfaces }: Selection,
  options: CaptureOptions,
  log: Log,
): void {
  const kind = options.vrouter ? "vrouter kernel" : "this network namespace";
  const noun = interfaces.length === 1 ? "interface" : "interfaces";
  log.info(`Filter events with ${interfaces.length} ${noun} on ${kind}...`);
}

/**
 * Options of a tracer that follow from those of the command.
 *
 * @param filter those of the options, compiled
 */
export function commonTracerOptions(
  options: CaptureOptions,
  selection: Selection,
  filter: PacketFilter | null,
  output: Output,
  { log, stop }: Surroundings,
): CommonTracerOptions {
  return {
    interfaces: selection.interfaces,
    filter,
    conditions: selection.conditions,
    own: ownConnections(output, log),
    ringBytes: options.bufferBytes,
    vrouterNetns: options.vrouter ? selection.namespaces.initial ?? 0 : 0,
    kernelBtf: options.kernelBtf,
    user: userOf(log, stop),
  };
}

/**
 * Lets a trace of all vifs follow those that are added or deleted.
 *
 * @param tracer loaded for the selection
 */
export function followVifs(
  tracer: Pick<Tracer, "follow">,
  options: CaptureOptions,
  { namespaces }: Selection,
  { vifWatch }: Surroundings,
): void {
  if (options.interfaces.length > 0) return;
  vifWatch?.follow((vifs) => {
    // All are gone: there is nothing to select.
    if (vifs.length === 0) return tracer.follow([]);
    try {
      const file = options.netns ?? INITIAL_NAMESPACE;
      return tracer.follow(selectAmong([], vifs, namespaces, file));
    } catch (error) {
      if (!(error instanceof Failure || error instanceof SystemError)) throw error;
      return false;
    }
  });
}

/** What attaches with a progress bar. */
type Attaching = Pick<Tracer, "attach" | "attachMs">;

/**
 * Attaches.
 *
 * @param count number of functions
 * @throws {AttachCancelled} if the user interrupts; nothing is attached then
 */
export async function attach(
  tracer: Attaching,
  count: number,
  { log, stop }: Surroundings,
): Promise<void> {
  using progress = new Progress(count);
  const refused = await tracer.attach({
    report: (done) => progress.update(done),
    ...userOf(log, stop),
  });
  progress.finish(count - refused.length);
  log.debug(`Attached in ${Math.round(tracer.attachMs)} ms`);
  for (const { name, module, reason } of refused) {
    log.debug(`Skipped ${name} [${module}]: ${reason}`);
  }
  if (refused.length > 0) log.info(`${refused.length} functions could not be probed`);
}

/** The user, as those see it who report to one. */
export function userOf(log: Log, stop: AbortSignal): User {
  return {
    cancelled: () => stop.aborted,
    info: (message) => log.info(message),
    debug: (message) => log.debug(message),
  };
}

/** @throws {Failure} if the given file is not that of a network namespace */
function namespacesFor({ netns, vrouter, kernelBtf }: CaptureOptions, log: Log): NetworkNamespaces {
  if (vrouter && netns === null) return findNamespaces(kernelBtf, (message) => log.debug(message));
  const { current, initial } = networkNamespaces();
  return { current, initial: netns === null ? initial : namespaceOfFile(netns) };
}

/** The connections that carry the output, as far as they can be determined; logs them. */
function ownConnections(output: Output, log: Log): readonly Connection[] {
  const own = output.connections();
  for (const connection of own) {
    log.info(
      `Leaves out packets between ${
        describeConnection(connection)
      }, which carry this trace's output`,
    );
  }
  return own;
}

/** @param why the module's BTF cannot be found */
function describeSources(
  log: Log,
  options: CaptureOptions,
  sources: Pick<KernelSources, "kernelBtf" | "vrouterBtf" | "warnings">,
  why: () => string,
): void {
  if (options.kernelBtf === null) log.info("DEBUG_INFO_BTF is enabled");
  log.info(`Linux Debug info: ${sources.kernelBtf}`);
  if (sources.vrouterBtf !== null) log.info(`tf-vrouter Debug info: ${sources.vrouterBtf}`);
  for (const warning of sources.warnings) log.info(warning);
  if (options.vrouter && sources.vrouterBtf === null) {
    throw new Failure(
      "vrouter_btf",
      `Cannot find the BTF of the vrouter module: ${why()}; make a file with pahole -J and pass it ` +
        "to --vrouter-btf",
    );
  }
}

/**
 * Where the module's structs have what a trace reads.
 *
 * @throws {Failure} if what was passed as vrouter's BTF is not vrouter's
 */
export function requireOffsets({ modules, vrouterBtf }: KernelSources): PacketOffsets {
  const offsets = packetOffsets(modules);
  if (offsets !== null) return offsets;
  if (vrouterBtf === null) return NO_PACKET_OFFSETS;
  throw new Failure(
    "vrouter_btf",
    `Cannot use "${printable(vrouterBtf)}": it does not describe vr_packet.vp_if and ` +
      "vr_interface.vif_idx, so it is not vrouter's",
  );
}
