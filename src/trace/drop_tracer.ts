/**
 * A trace of drops alone.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { dropOffsets } from "../kernel/drop_offsets.ts";
import { NO_PACKET_OFFSETS, packetOffsets } from "../kernel/packet_offsets.ts";
import { dropProbes } from "../probe/drop_probes.ts";
import { Failure } from "../sys/failure.ts";
import { type CommonTracerOptions, Tracer, type TracerOptions } from "./tracer.ts";

/** What to trace: as of any trace, but for what follows from there being drops alone. */
export interface DropTracerOptions
  extends CommonTracerOptions, Pick<TracerOptions, "kernel" | "readObject"> {
  /** BTF of vrouter; `null` for the kernel's drops alone. */
  readonly vrouter: Btf | null;
  /**
   * Whether flows and routes of dropped packets are to be known. That costs something for every packet,
   * dropped or not: see docs/drops.md.
   */
  readonly lookups: boolean;
}

/**
 * Loads the programs; its records are for a `DropReader`. Conditions are those that a packet meets when it
 * is dropped.
 *
 * @throws {Failure} if the kernel refuses them, or the BTF is not vrouter's
 */
export function loadDropTracer(options: DropTracerOptions): Promise<Tracer> {
  const { vrouter, lookups, ...rest } = options;
  const offsets = vrouter === null
    ? NO_PACKET_OFFSETS
    : packetOffsets([{ module: "vrouter", btf: vrouter }]);
  if (offsets === null) {
    throw new Failure(
      "vrouter_btf",
      "Cannot use the BTF of vrouter: it does not describe vr_packet.vp_if and vr_interface.vif_idx",
    );
  }
  return Tracer.load({
    ...rest,
    ...offsets,
    dropOffsets: vrouter === null ? null : dropOffsets(vrouter),
    targets: [],
    sample: 1,
    backend: dropProbes({ kernel: options.kernel, vrouter, lookups }),
  });
}
