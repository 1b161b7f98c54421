/**
 * What a recording has besides records: all that a view asks this machine for.
 *
 * @module
 */

import type { RecordOptions } from "../cli/invocation.ts";
import type { Btf } from "../kernel/btf.ts";
import { dropOffsets } from "../kernel/drop_offsets.ts";
import { readDistribution } from "../kernel/platform.ts";
import type { Log } from "../output/log.ts";
import { RECORD_VERSION } from "../probe/record.ts";
import type { ResultType } from "../kernel/result_type.ts";
import type { LifeTarget } from "../probe/packet_life.ts";
import { OccurringDevices } from "../recording/device_names.ts";
import { OccurringFunctions } from "../recording/occurring_functions.ts";
import { recordedResults } from "../recording/results.ts";
import type {
  ClockPair,
  EnumNames,
  RecordedDevice,
  RecordedPlaces,
  RecordedWords,
  Section,
  Selection as RecordedSelection,
} from "../recording/sections.ts";
import { monotonicClock, wallClockOffset } from "../sys/clock.ts";
import { Failure } from "../sys/failure.ts";
import { type NetworkNamespaces, readNetworkDevices } from "../sys/network.ts";
import { KERNEL_ENUMS, reasonsOfModules } from "../trace/kernel_reasons.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { type Nexthop, readNexthops } from "../vrouter/nexthops.ts";
import { deviceNames } from "./device_names.ts";
import { kernelBtfOf } from "./drop_sources.ts";
import type { Selection } from "./trace_setup.ts";

/** Any name of each enum of vrouter's that records have numbers of. */
const VROUTER_ENUMS = ["VP_DROP_DISCARD", "NH_DISCARD", "FLOW_FORWARD"] as const;

/** What is recorded, and by what. */
export interface RecordedTrace {
  readonly options: RecordOptions;
  /** Version of vrft. */
  readonly version: string;
  readonly selection: Selection;
  readonly targets: readonly LifeTarget[];
  readonly kernel: Btf;
  readonly vrouter: Btf | null;
  /** What the targets return, if results are recorded; else empty. */
  readonly results: readonly (ResultType | null)[];
}

/** What a recording starts with. The header is the first. */
export function firstSections(trace: RecordedTrace, log: Log): Section[] {
  const { options, version, selection, kernel, vrouter } = trace;
  const { name, version: release } = readDistribution();
  const { namespaces, vifs } = selection;
  const time = now();
  const sections: Section[] = [
    {
      name: "header",
      value: {
        vrft: version,
        recordVersion: RECORD_VERSION,
        host: Deno.hostname(),
        kernel: Deno.osRelease(),
        distribution: `${name} ${release}`.trim(),
        vrouterNetns: options.vrouter ? namespaces.initial ?? 0 : 0,
        currentNetns: namespaces.current,
      },
    },
    { name: "selection", value: selectionOf(options) },
    { name: "clocks", value: [clockPair()] },
    { name: "words", value: wordsOf(kernel, vrouter) },
    { name: "devices", value: devicesOf(namespaces, vifs ?? []) },
  ];
  if (vrouter !== null) sections.push({ name: "places", value: placesOf(vrouter) });
  if (vifs !== null) {
    sections.push({ name: "vifs", value: { time, all: vifs } });
    sections.push(...nexthopSections(log));
  }
  return sections;
}

/** The nexthops as they are; nothing if the module does not say. */
export function nexthopSections(log: Log): Section[] {
  const all = nexthopsOf(log);
  return all === null ? [] : [nexthopSection(all)];
}

/** These nexthops, as they are from now on. */
export function nexthopSection(all: readonly Nexthop[]): Section {
  return { name: "nexthops", value: { time: now(), all } };
}

/** The functions of the trace, of which those are recorded that occur. */
export function occurringFunctions(
  { options, targets, results }: Pick<RecordedTrace, "options" | "targets" | "results">,
): OccurringFunctions {
  return new OccurringFunctions(
    targets.map(({ name, module }) => ({ name, module, returns: true })),
    options.show.includes("return") ? recordedResults(results) : null,
  );
}

/** The network devices of the trace, of which those are recorded that occur later. */
export function occurringDevices(
  namespaces: NetworkNamespaces,
  vifs: () => readonly Vif[],
): OccurringDevices {
  return new OccurringDevices(deviceNames(namespaces, vifs), devicesOf(namespaces, vifs()));
}

/** Nanoseconds of the clock of records. */
function now(): bigint {
  return BigInt(Math.round(monotonicClock()()));
}

/** Both clocks as they are. */
export function clockPair(): ClockPair {
  const monotonic = now();
  return { monotonic, realtime: monotonic + wallClockOffset() };
}

/** The vifs and devices as they are from now on. */
export function vifSections(vifs: readonly Vif[], namespaces: NetworkNamespaces): Section[] {
  return [
    { name: "vifs", value: { time: now(), all: vifs } },
    { name: "devices", value: devicesOf(namespaces, vifs) },
  ];
}

function selectionOf(options: RecordOptions): RecordedSelection {
  const { filters, conditions, interfaces, functions, excludes, sample, vrouter, backend, show } =
    options;
  const { vif, vrf, nh, label, vni } = conditions;
  return {
    expression: filters.any,
    outer: filters.outer,
    inner: filters.inner,
    interface: interfaces,
    vif,
    vrf,
    nh,
    label,
    vni,
    function: functions,
    exclude: excludes,
    sample,
    vrouter,
    backend,
    show,
  };
}

function devicesOf(
  { current, initial }: NetworkNamespaces,
  vifs: readonly Pick<Vif, "ifindex" | "device">[],
): RecordedDevice[] {
  const devices: RecordedDevice[] = [];
  if (initial !== null && initial !== current) {
    for (const { ifindex, device } of vifs) {
      if (ifindex !== 0 && device !== null) devices.push([initial, ifindex, device]);
    }
  }
  try {
    for (const { ifindex, name } of readNetworkDevices()) devices.push([current, ifindex, name]);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  return devices;
}

function nexthopsOf(log: Log): ReturnType<typeof readNexthops> | null {
  try {
    return readNexthops();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log.debug(`Records no nexthops: ${error.message}`);
    return null;
  }
}

function wordsOf(kernel: Btf, vrouter: Btf | null): RecordedWords {
  const names = (btf: Btf | null, member: string): EnumNames[] => {
    const found = btf?.enumNames(member);
    return found === undefined ? [] : [[...found]];
  };
  return {
    kernel: [
      ...KERNEL_ENUMS.flatMap((member) => names(kernel, member)),
      ...reasonsOfModules().flatMap(({ module, member }) =>
        names(kernelBtfOf(module, kernel) ?? kernel, member)
      ),
    ],
    vrouter: VROUTER_ENUMS.flatMap((member) => names(vrouter, member)),
  };
}

function placesOf(vrouter: Btf): RecordedPlaces {
  const known = Object.entries(dropOffsets(vrouter)).filter(([, place]) => place !== undefined);
  return { drop: Object.fromEntries(known) };
}
