/**
 * vrft as a library: find the functions that take a packet, trace them, and build call trees.
 *
 * @module
 */

export {
  discover,
  type Discovery,
  type DiscoveryInput,
  type ModuleBtf,
} from "./src/kernel/functions.ts";
export type { PacketFunction, SkippedFunction } from "./src/kernel/packet_function.ts";
export { type KernelSources, readSources, type SourceOptions } from "./src/kernel/sources.ts";
export { Btf, BtfError } from "./src/kernel/btf.ts";
export {
  NO_PACKET_OFFSETS,
  type PacketOffsets,
  packetOffsets,
} from "./src/kernel/packet_offsets.ts";
export type { BackendName, ObjectName, ObjectReader } from "./src/probe/backend.ts";
export { readObject } from "./src/probe/object_file.ts";
export { type Target, withAddress } from "./src/probe/target.ts";
export type { ChosenInterface } from "./src/probe/filter.ts";
export type { RecordSink } from "./src/probe/record.ts";
export { isSampled, RELEASING, sampledTargets } from "./src/probe/sampling.ts";
export { Failure } from "./src/sys/failure.ts";
export type { CallSink, Incomplete } from "./src/trace/call_sink.ts";
export {
  type Consumer,
  type Recording,
  type TraceCounts,
  Tracer,
  type TracerOptions,
} from "./src/trace/tracer.ts";
export { CallTree, type CallTreeOptions } from "./src/trace/tree.ts";
export { readVifs, type Vif, VrouterAbsentError } from "./src/vrouter/interfaces.ts";
export { type SelectedInterface, selectFromSystem } from "./src/vrouter/selection.ts";
