/**
 * A trace of packets: what vrouter decides about each, and where it is when.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { decisionOffsets } from "../kernel/decision_offsets.ts";
import { dropOffsets } from "../kernel/drop_offsets.ts";
import { packetOffsets } from "../kernel/packet_offsets.ts";
import { decisionProbes } from "../probe/decision_probes.ts";
import { kernelDropProbes } from "../probe/kernel_drops.ts";
import { type BackendName, together } from "../probe/backend.ts";
import {
  describedPacketFunctions,
  findPacketFunctions,
  packetProbe,
} from "../probe/packet_functions.ts";
import { packetProbes } from "../probe/packet_probes.ts";
import type { LifeTarget } from "../probe/packet_life.ts";
import { Failure } from "../sys/failure.ts";
import { type CommonTracerOptions, Tracer, type TracerOptions } from "./tracer.ts";

/** What to trace: as of any trace, but for what follows from its being one of packets. */
export interface PacketTracerOptions
  extends CommonTracerOptions, Pick<TracerOptions, "kernel" | "readObject" | "sample"> {
  readonly vrouter: Btf;
  /**
   * What the addresses of the functions of `PACKET_FUNCTIONS` are known from, for an ordinary backend; `null`
   * for trampolines, which need none.
   */
  readonly sources: Parameters<typeof findPacketFunctions>[0] | null;
  /** Calls to record, and how; `null` for those alone that tell a packet's way: see `PACKET_FUNCTIONS`. */
  readonly calls: {
    /** As of {@linkcode TracerOptions.targets}. */
    readonly targets: readonly LifeTarget[];
    /** As of {@linkcode TracerOptions}. */
    readonly numbered?: ReadonlySet<string>;
    readonly backend: BackendName | "auto";
    /** As of {@linkcode TracerOptions}. */
    readonly showPlaces: boolean;
    readonly showResults: boolean;
  } | null;
}

/** A trace of packets, and what its records refer to. */
export interface PacketTrace {
  readonly tracer: Tracer;
  /** Functions by their numbers in records, also those that only show the copies and ends of packets. */
  readonly functions: readonly TracedFunction[];
}

/** A function of such a trace. */
export interface TracedFunction {
  readonly name: string;
  /** `vmlinux`, or the name of the module. */
  readonly module: string;
  /** Whether its returns are recorded: otherwise a call is over with the next record of its task. */
  readonly returns: boolean;
}

/**
 * Loads the programs; its records are for a `CallTree`.
 *
 * @throws {Failure} if the kernel refuses them, or the BTF is not vrouter's
 * @throws {AttachCancelled} if the user interrupts; nothing is left in the kernel then
 */
export async function loadPacketTracer(options: PacketTracerOptions): Promise<PacketTrace> {
  const { vrouter, calls, sources, ...rest } = options;
  const offsets = packetOffsets([{ module: "vrouter", btf: vrouter }]);
  if (offsets === null) {
    throw new Failure(
      "vrouter_btf",
      "Cannot use the BTF of vrouter: it does not describe vr_packet.vp_if and vr_interface.vif_idx",
    );
  }
  const { kernel, user: { debug } } = options;
  const isSmall = calls === null && sources === null;
  const targets = calls?.targets ??
    (sources === null
      ? describedPacketFunctions(kernel, vrouter, debug)
      : findPacketFunctions(sources, debug));
  const tracer = await Tracer.load({
    ...rest,
    ...offsets,
    showPlaces: calls?.showPlaces ?? false,
    showResults: calls?.showResults ?? false,
    numbered: calls?.numbered ?? new Set(),
    targets,
    packetEvents: true,
    drops: true,
    decisionOffsets: decisionOffsets(vrouter),
    dropOffsets: dropOffsets(vrouter),
    companion: isSmall
      ? null
      : together([decisionProbes({ kernel, vrouter, debug }), kernelDropProbes(kernel)]),
    backend: isSmall ? packetProbes({ kernel, vrouter }) : calls?.backend ?? "auto",
  });
  const functions = targets.map((fn) => ({
    name: fn.name,
    module: fn.module,
    returns: !isSmall || (packetProbe(fn)?.returns ?? false),
  }));
  return { tracer, functions };
}
