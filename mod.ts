/**
 * vrft as a library: find the functions that take a packet, trace them, and build call trees; read the
 * interfaces of the vrouter module. Nothing is loaded or opened at import. Expected failures throw a
 * {@linkcode Failure}, whose `kind` tells them apart.
 *
 * - {@linkcode readSources} and {@linkcode discover}: which functions take a packet. No root needed.
 * - {@linkcode Tracer}: a trace, from loading programs to detaching probes. As root.
 * - {@linkcode CallTree}: call trees from the records of a trace, for any {@linkcode View}, with what
 *   happens to packets.
 * - {@linkcode readVifs}, and {@linkcode listVifs} over any transport: vrouter's interfaces.
 *
 * examples/library.ts uses all but the tracer, and needs no root.
 *
 * @module
 */

export {
  discover,
  type Discovery,
  type DiscoveryInput,
  type ModuleBtf,
} from "./src/kernel/functions.ts";
export type {
  PacketFunction,
  PacketStruct,
  SkippedFunction,
} from "./src/kernel/packet_function.ts";
export {
  type KernelSources,
  numberedModules,
  readSources,
  type SourceOptions,
  type SourcePaths,
} from "./src/kernel/sources.ts";
export type { LeftOutModule } from "./src/kernel/left_out.ts";
export { Btf, BtfError, type TypeIndex } from "./src/kernel/btf.ts";
export {
  NO_PACKET_OFFSETS,
  type PacketOffsets,
  packetOffsets,
} from "./src/kernel/packet_offsets.ts";
export {
  compileFilters,
  type Expressions,
  type Filters,
  type PacketFilter,
} from "./src/packet/expression.ts";
export type { Instruction } from "./src/packet/ebpf.ts";
export type { AttachProgress, BackendName, ObjectName, ObjectReader } from "./src/probe/backend.ts";
export type { ObjectSource, User } from "./src/probe/backend_choice.ts";
export type { Counts, PacketCounts } from "./src/probe/counters.ts";
export type { LifeRole } from "./src/probe/layout.ts";
export { readObject } from "./src/probe/object_file.ts";
export { type Target, withAddress } from "./src/probe/target.ts";
export type { ChosenInterface } from "./src/probe/filter.ts";
export {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  FUNCTION_MASK,
  KIND_ENTRY,
  KIND_RETURN,
  type RecordSink,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "./src/probe/record.ts";
export { LIFE, type LifeTarget, withLife } from "./src/probe/packet_life.ts";
export { Failure, type FailureKind, type FailureOptions } from "./src/sys/failure.ts";
export { NetlinkError, type NetlinkTransport } from "./src/sys/netlink.ts";
export type { NetworkDevice, NetworkNamespaces } from "./src/sys/network.ts";
export {
  type EventSink,
  type Incomplete,
  NONE,
  type PacketDetails,
  type Step,
  type View,
} from "./src/trace/events.ts";
export { packetId, PacketTable, type PacketTotals, UNKNOWN_PACKET } from "./src/trace/packets.ts";
export {
  type Consumer,
  type Recording,
  type SlowOutput,
  type TraceCounts,
  Tracer,
  type TracerOptions,
  type Watched,
} from "./src/trace/tracer.ts";
export { CallTree, type CallTreeOptions } from "./src/trace/tree.ts";
export { listVifs, readVifs, type Vif, VrouterAbsentError } from "./src/vrouter/interfaces.ts";
export { type SelectedInterface, selectFromSystem } from "./src/vrouter/selection.ts";
