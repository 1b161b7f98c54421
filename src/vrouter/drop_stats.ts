/**
 * The vrouter module's drop counters, all together and by vif.
 *
 * Message and field names are those of the module's vr.sandesh.
 *
 * @module
 */

import type { NetlinkTransport } from "../sys/netlink.ts";
import { KNOWN_REASONS } from "./known_drop_reasons.ts";
import { counter, fieldsOf, integer, MessageError } from "./message_fields.ts";
import { ModuleClient, type ModuleTask } from "./module_client.ts";
import type { SandeshMessage } from "./sandesh.ts";

/** What the module has counted of one reason. */
export interface DropCount {
  /** `VP_DROP_DISCARD`; of a counter that vrft does not know its field's name, `vds_…`. */
  readonly name: string;
  /** As `dropstats` prints it; the name if vrft does not know it. */
  readonly label: string;
  /** Since the counters were cleared; rounded above 2^53. */
  readonly count: number;
}

/** Which field of `vr_drop_stats_req` counts which reason. */
export type DropCounterFields = ReadonlyMap<number, Omit<DropCount, "count">>;

/** Of the request and the answer; also the module's struct. */
export const DROP_STATS_MESSAGE = "vr_drop_stats_req";
const SANDESH_OP_GET = 1;
/** In vifr_flags of a request: send the vif's drop counters along. */
const VIF_FLAG_GET_DROP_STATS = 1;
/** Asks for the vif by its own index, not by that of its device. */
const NO_DEVICE = -1;
/** vif_idx is an unsigned short in the module. */
const MAXIMUM_INDEX = 0xffff;
/** vds_core is a short in the module. */
const MAXIMUM_CPU = 0x7ffe;
const ENOENT = 2;
const ENODEV = 19;

const OPERATION = 1;
/** Field of vr_drop_stats_req. */
const CORE = 3;
/** Fields of vr_interface_req. */
const VIF = { core: 2, flags: 4, index: 6, ifindex: 8 } as const;

/** Field of the first counter; behind it is one that counts no drops. */
const FIRST_COUNTER = 4;

/** The fields of the release that vrft's table of reasons is from. */
export const DROP_COUNTERS: DropCounterFields = new Map(
  KNOWN_REASONS.map(({ name, label }, index) => [
    index === 0 ? FIRST_COUNTER : FIRST_COUNTER + 1 + index,
    { name, label },
  ]),
);

/**
 * The fields of the module that runs: Sandesh numbers them from 1 in the order of the struct.
 *
 * @param members names of the members of `struct vr_drop_stats_req`, from the module's BTF; of a struct
 * without known counters {@linkcode DROP_COUNTERS} are taken
 */
export function dropCounterFields(members: readonly string[]): DropCounterFields {
  if (members[FIRST_COUNTER - 1] !== "vds_discard") return DROP_COUNTERS;
  const known = new Map(KNOWN_REASONS.map((reason) => [`vds_${reason.counter}`, reason]));
  return new Map(
    members.flatMap((member, index) => {
      const id = index + 1;
      if (!member.startsWith("vds_") || id < FIRST_COUNTER || NOT_DROPS.test(member)) return [];
      const { name, label } = known.get(member) ?? { name: member, label: member };
      return [[id, { name, label }] as const];
    }),
  );
}

/** vds_pcpu_stats_failure_status says that memory for the counters is missing. */
const NOT_DROPS = /^vds_pcpu_/;

/**
 * What the module has dropped.
 *
 * @param transport a NETLINK_GENERIC transport
 * @param cpu only on this CPU, from 0; one that the machine does not have has dropped nothing
 * @returns a count for each reason, 0 included. Head Alloc Fails is always 0: the module does not send it
 * @throws {VrouterAbsentError} if the module is not loaded
 * @throws {Failure} `drop_stats` if the module refuses, its answer is invalid, or it does not know the
 * request
 */
export function readDropStats(
  transport: NetlinkTransport,
  cpu: number | null = null,
  fields: DropCounterFields = DROP_COUNTERS,
): DropCount[] {
  if (cpu !== null && !(Number.isInteger(cpu) && cpu >= 0 && cpu <= MAXIMUM_CPU)) {
    throw new RangeError(`${cpu} is not the number of a CPU`);
  }
  const client = clientOf(transport, "read the drop counters");
  return reading(client, () => {
    const { objects } = client.request({
      name: DROP_STATS_MESSAGE,
      fields: [
        { id: OPERATION, value: { type: "i32", value: SANDESH_OP_GET } },
        // Core 0 means the sum over all cores.
        { id: CORE, value: { type: "i16", value: cpu === null ? 0 : cpu + 1 } },
      ],
    });
    const message = objects.find(({ name }) => name === DROP_STATS_MESSAGE);
    if (message === undefined) throw new MessageError("it has no drop counters");
    return countsIn(message, fields);
  });
}

/**
 * What the module has dropped of one vif's packets, on all CPUs.
 *
 * @param index N of `vif0/N`
 * @throws {Failure} `drop_stats` as {@linkcode readDropStats}, also if there is no such vif
 */
export function readVifDropStats(
  transport: NetlinkTransport,
  index: number,
  fields: DropCounterFields = DROP_COUNTERS,
): DropCount[] {
  if (!(Number.isInteger(index) && index >= 0 && index <= MAXIMUM_INDEX)) {
    throw new RangeError(`${index} is not the index of a vif`);
  }
  const client = clientOf(transport, `read the drop counters of vif0/${index}`);
  return reading(client, () => {
    const { objects } = client.request({
      name: "vr_interface_req",
      fields: [
        { id: OPERATION, value: { type: "i32", value: SANDESH_OP_GET } },
        { id: VIF.core, value: { type: "u32", value: 0 } },
        { id: VIF.flags, value: { type: "i32", value: VIF_FLAG_GET_DROP_STATS } },
        { id: VIF.index, value: { type: "i32", value: index } },
        { id: VIF.ifindex, value: { type: "i32", value: NO_DEVICE } },
      ],
    }, { [ENOENT]: "there is no such vif", [ENODEV]: "there is no such vif" });
    const vif = objects.find(({ name }) => name === "vr_interface_req");
    if (vif === undefined) throw new MessageError("it has no vif");
    const answered = integer(fieldsOf(vif), VIF.index);
    if (answered !== index) throw new MessageError(`it is about vif0/${answered}`);
    const message = objects.find(({ name }) => name === DROP_STATS_MESSAGE);
    if (message === undefined) {
      throw client.failure(
        "the vrouter module does not send them: it is too old, and has only the sum that vrft " +
          "interfaces prints",
      );
    }
    return countsIn(message, fields);
  });
}

function clientOf(transport: NetlinkTransport, task: string): ModuleClient {
  const options: ModuleTask = { kind: "drop_stats", task, withoutModule: "", recent: true };
  return new ModuleClient(transport, options);
}

function reading<T>(client: ModuleClient, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw client.describe(cause);
  }
}

function countsIn(message: SandeshMessage, fields: DropCounterFields): DropCount[] {
  const values = fieldsOf(message);
  return [...fields].filter(([id]) => values.has(id))
    .map(([id, words]) => ({ ...words, count: counter(values, id) }));
}
