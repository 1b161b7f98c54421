/**
 * The BPF object of a backend: opens, configures and loads it, and gives access to its maps.
 *
 * @module
 */

import { DECISION_PLACES, type DecisionOffsets } from "../kernel/decision_offsets.ts";
import type { DropOffsets } from "../kernel/drop_offsets.ts";
import type { PacketOffsets } from "../kernel/packet_offsets.ts";
import type { Conditions } from "../packet/conditions.ts";
import { INSTRUCTION_BYTES } from "../packet/ebpf.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { disposedError } from "../sys/disposed.ts";
import { Failure } from "../sys/failure.ts";
import type { Connection } from "../sys/connections.ts";
import { onlineCpus } from "../sys/cpus.ts";
import { addressOf, cString } from "../sys/libc.ts";
import { SharedMemory } from "../sys/shared_memory.ts";
import { RECORD_VERSION } from "./record.ts";
import {
  CONFIG_BYTES,
  CONFIG_DECISION,
  CONFIG_DROP,
  CONFIG_DROPS,
  CONFIG_FILTERS,
  CONFIG_FMD_DVRF_OFFSET,
  CONFIG_GRO_DEVICES,
  CONFIG_NH_ID_OFFSET,
  CONFIG_ONLY_NETNS,
  CONFIG_PACKET_EVENTS,
  CONFIG_PLAIN,
  CONFIG_RECORD_VERSION,
  CONFIG_RECORDED,
  CONFIG_RPS_DEVICE,
  CONFIG_SAMPLE,
  CONFIG_SHARED,
  CONFIG_SHOW,
  CONFIG_SIGHT_NETNS,
  CONFIG_UNIT_MASK,
  CONFIG_VIF_IDX_OFFSET,
  CONFIG_VIF_VRF_OFFSET,
  CONFIG_VP_IF_OFFSET,
  CONFIG_VP_NH_OFFSET,
  CONFIG_VROUTER_NETNS,
  CONTROL_BYTES,
  CONTROL_RINGS,
  DROP_OFFSETS,
  placeWord,
  RINGS_BYTES,
  SHOW_PLACE,
  SHOW_RESULT,
  UNKNOWN,
} from "./layout.ts";
import { setConnections } from "./own_connections.ts";
import { setConditions } from "./conditions.ts";
import type { Libbpf } from "./libbpf.ts";
import { filterBits, withFilter } from "./packet_filter.ts";
import { type RingLayout, ringLayout, setRings } from "./ring_layout.ts";

/** A program to load, by its name in the object. */
export interface ProgramChoice {
  readonly name: string;
  /** `enum bpf_prog_type`, if libbpf does not know the section's name. */
  readonly type?: number;
  /** `enum bpf_attach_type`, if it differs from the section's. */
  readonly attachType?: number;
}

/** Devices with packets of both selected and other vifs, by ifindex in vrouter's namespace. */
export interface SharedDevices {
  /** 0 if there is none. */
  readonly rps: number;
  /** At most two. */
  readonly gro: readonly number[];
}

/** Settings that are fixed at load time. */
export interface ObjectOptions extends PacketOffsets {
  /** Bytes of the ring buffers of all CPUs together. */
  readonly ringBytes: number;
  /** Entries of the table of probes by address; 0 if the backend has none. */
  readonly places: number;
  /** Entries of the table of selected interfaces. */
  readonly interfaces: number;
  /** Inode number of the network namespace of the vifs' devices; 0 without vrouter. */
  readonly vrouterNetns: number;
  /** Network namespace of all selected interfaces, or 0: see `onlyNetns()` in filter.ts. */
  readonly onlyNetns: number;
  /** Network namespace that packets of the trace are followed in, or 0 for all: `sightNetns()` there. */
  readonly sightNetns: number;
  /** Functions that are recorded; those after them are attached to for what they do with packets. */
  readonly recorded: number;
  /** What packets have to meet at some call, for which their events are recorded. */
  readonly conditions?: Conditions | null;
  /** Whether the begin, the copies and the end of packets are recorded; `false` by default. */
  readonly packetEvents?: boolean;
  /** Whether vrouter's drops are recorded; `false` by default. */
  readonly drops?: boolean;
  /** Where vrouter's structs have what explains a drop. */
  readonly dropOffsets?: DropOffsets | null;
  /** Where vrouter's structs have what decisions are about. */
  readonly decisionOffsets?: DecisionOffsets | null;
  /** Whether entries are recorded with the vif and the nexthop of vrouter's calls; `false` by default. */
  readonly showPlaces?: boolean;
  /** Whether returns are recorded with the results of calls; `false` by default. */
  readonly showResults?: boolean;
  /** See `sharedDevices()` in filter.ts. */
  readonly shared?: SharedDevices | null;
  /** N to keep one packet in N, below 2^32; 1, the default, keeps all. */
  readonly sample?: number;
  /** Connections that carry the trace's output, at most {@linkcode OWN_CONNECTIONS}; not traced. */
  readonly own?: readonly Connection[];
  /** Packets to trace; `null`, the default, for all. */
  readonly filter?: PacketFilter | null;
  /** File with the kernel's BTF, for relocation; `null` lets libbpf find it. */
  readonly kernelBtf: string | null;
}

const OPEN_OPTIONS_BYTES = 80;
const OPEN_OPTIONS_NAME = 8;
const OPEN_OPTIONS_BTF_PATH = 48;

/**
 * A loaded object. Disposing it unloads programs and maps without other users. After that, every other
 * method throws a ReferenceError.
 */
export class BpfObject implements Disposable {
  readonly #libbpf: Libbpf;
  /** `struct bpf_object *`; `null` once closed. */
  #pointer: Deno.PointerValue;
  // libbpf reads these until the object is closed.
  readonly #keepAlive: Uint8Array<ArrayBuffer>[];
  /** How the memory of the ring buffers is divided. */
  readonly ringLayout: RingLayout;
  readonly #options: ObjectOptions;
  /** Kept separately, because `libbpf` may be disposed first. */
  readonly #close: Libbpf["c"]["bpf_object__close"];
  #control: SharedMemory | undefined;

  private constructor(
    libbpf: Libbpf,
    pointer: NonNullable<Deno.PointerValue>,
    keepAlive: Uint8Array<ArrayBuffer>[],
    ringLayout: RingLayout,
    options: ObjectOptions,
  ) {
    this.#libbpf = libbpf;
    this.#options = options;
    this.#pointer = pointer;
    this.#keepAlive = keepAlive;
    this.ringLayout = ringLayout;
    this.#close = libbpf.c.bpf_object__close;
  }

  /**
   * Opens and loads an object.
   *
   * @param bytes the ELF file compiled from the backend's source
   * @param programs those to load; all others are skipped
   * @throws {LibbpfError} with the verifier's log if the kernel refuses
   */
  static load(
    libbpf: Libbpf,
    bytes: Uint8Array<ArrayBuffer>,
    programs: readonly ProgramChoice[],
    options: ObjectOptions,
  ): BpfObject {
    const layout = ringLayout(options.ringBytes, onlineCpus());
    const object = BpfObject.#open(libbpf, bytes, layout, options);
    try {
      object.#choose(programs);
      object.#prepare(options);
      libbpf.check("Cannot load the BPF object", libbpf.c.bpf_object__load(object.#object));
      object.#control = new SharedMemory(
        "the BPF object's data",
        object.mapFd("vrft.bss"),
        CONTROL_BYTES,
        { writable: true },
      );
      setRings(object.control, layout);
      return object;
    } catch (error) {
      object[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Opens and loads another object whose programs use the maps of this one, so that they share settings,
   * filters and rings. Its sections of data must have the same layout.
   *
   * @param bytes the ELF file
   * @param programs those to load
   * @returns the object; only its programs are of use
   * @throws {LibbpfError} with the verifier's log if the kernel refuses
   */
  loadBeside(bytes: Uint8Array<ArrayBuffer>, programs: readonly ProgramChoice[]): BpfObject {
    const { c } = this.#libbpf;
    const object = BpfObject.#open(this.#libbpf, bytes, this.ringLayout, this.#options);
    try {
      object.#choose(programs);
      for (
        let map = c.bpf_object__next_map(object.#object, null);
        map !== null;
        map = c.bpf_object__next_map(object.#object, map)
      ) {
        const name = Deno.UnsafePointerView.getCString(c.bpf_map__name(map)!);
        this.#libbpf.check(
          `Cannot share the map "${name}"`,
          c.bpf_map__reuse_fd(map, this.mapFd(name)),
        );
      }
      this.#libbpf.check("Cannot load the BPF object", c.bpf_object__load(object.#object));
      return object;
    } catch (error) {
      object[Symbol.dispose]();
      throw error;
    }
  }

  static #open(
    libbpf: Libbpf,
    bytes: Uint8Array<ArrayBuffer>,
    layout: RingLayout,
    options: ObjectOptions,
  ): BpfObject {
    const file = withFilter(bytes, options.filter ?? null);
    const name = cString("vrft");
    const btfPath = options.kernelBtf === null ? undefined : cString(options.kernelBtf);
    const open = new Uint8Array(OPEN_OPTIONS_BYTES);
    const view = new DataView(open.buffer);
    view.setBigUint64(0, BigInt(OPEN_OPTIONS_BYTES), true);
    view.setBigUint64(OPEN_OPTIONS_NAME, addressOf(name), true);
    if (btfPath) view.setBigUint64(OPEN_OPTIONS_BTF_PATH, addressOf(btfPath), true);
    libbpf.takeMessages();
    const pointer = libbpf.checkPointer(
      "Cannot open the BPF object",
      libbpf.c.bpf_object__open_mem(file, BigInt(file.length), open),
    );
    const keepAlive = btfPath ? [file, name, open, btfPath] : [file, name, open];
    return new BpfObject(libbpf, pointer, keepAlive, layout, options);
  }

  /** Has these programs loaded, and no others. */
  #choose(programs: readonly ProgramChoice[]): void {
    const { c } = this.#libbpf;
    for (
      let program = c.bpf_object__next_program(this.#object, null);
      program !== null;
      program = c.bpf_object__next_program(this.#object, program)
    ) {
      c.bpf_program__set_autoload(program, false);
    }
    for (const { name, type, attachType } of programs) {
      const program = this.#program(name);
      c.bpf_program__set_autoload(program, true);
      if (type !== undefined) c.bpf_program__set_type(program, type);
      if (attachType !== undefined) c.bpf_program__set_expected_attach_type(program, attachType);
    }
  }

  #prepare(options: ObjectOptions): void {
    const { c } = this.#libbpf;
    const { cpus, blocks, blockUnits, blockBytes } = this.ringLayout;
    this.#resize("ring_blocks", cpus.length * blocks);
    this.#libbpf.check(
      `Cannot size the values of the map "ring_blocks"`,
      c.bpf_map__set_value_size(this.#map("ring_blocks"), blockBytes),
    );
    if (options.places > 0) this.#resize("places", options.places);
    this.#resize("interfaces", options.interfaces);

    const config = new DataView(this.#readOnlyData());
    const version = config.getUint32(CONFIG_RECORD_VERSION, true);
    if (version !== RECORD_VERSION) {
      throw new Failure(
        "object",
        `The BPF object writes records of version ${version}, but this vrft reads version ` +
          `${RECORD_VERSION}: build both from the same source`,
      );
    }
    config.setUint32(CONFIG_VP_IF_OFFSET, options.vpIfOffset, true);
    config.setUint32(CONFIG_VIF_IDX_OFFSET, options.vifIdxOffset, true);
    config.setUint32(CONFIG_VIF_VRF_OFFSET, options.vifVrfOffset, true);
    config.setUint32(CONFIG_VP_NH_OFFSET, options.vpNhOffset, true);
    config.setUint32(CONFIG_NH_ID_OFFSET, options.nhIdOffset, true);
    config.setUint32(CONFIG_FMD_DVRF_OFFSET, options.fmdDvrfOffset, true);
    config.setUint32(CONFIG_VROUTER_NETNS, options.vrouterNetns, true);
    config.setUint32(CONFIG_ONLY_NETNS, options.onlyNetns, true);
    config.setUint32(CONFIG_SAMPLE, options.sample ?? 1, true);
    config.setUint32(CONFIG_UNIT_MASK, blockUnits - 1, true);
    config.setUint32(CONFIG_SIGHT_NETNS, options.sightNetns, true);
    config.setUint32(CONFIG_RECORDED, options.recorded, true);
    config.setUint32(CONFIG_PACKET_EVENTS, Number(options.packetEvents ?? false), true);
    config.setUint32(CONFIG_DROPS, Number(options.drops ?? false), true);
    for (const [index, name] of DROP_OFFSETS.entries()) {
      const offset = options.dropOffsets?.[name]?.offset ?? UNKNOWN;
      config.setUint32(CONFIG_DROP + 4 * index, offset, true);
    }
    for (const [index, name] of DECISION_PLACES.entries()) {
      const place = placeWord(options.decisionOffsets?.[name]);
      config.setUint32(CONFIG_DECISION + 4 * index, place, true);
    }
    const show = (options.showPlaces ? SHOW_PLACE : 0) | (options.showResults ? SHOW_RESULT : 0);
    config.setUint32(CONFIG_SHOW, show, true);
    setConnections(config, options.own ?? []);
    const { conditions, filter, onlyNetns, shared } = options;
    const isPlain = onlyNetns !== 0 && !shared && !conditions;
    config.setUint32(CONFIG_PLAIN, Number(isPlain), true);
    if (conditions) setConditions(config, conditions);
    if (filter) config.setUint32(CONFIG_FILTERS, filterBits(filter), true);
    if (shared === undefined || shared === null) return;
    config.setUint32(CONFIG_SHARED, 1, true);
    config.setUint32(CONFIG_RPS_DEVICE, shared.rps, true);
    for (const [index, ifindex] of shared.gro.slice(0, 2).entries()) {
      config.setUint32(CONFIG_GRO_DEVICES + 4 * index, ifindex, true);
    }
  }

  #resize(map: string, entries: number): void {
    this.#libbpf.check(
      `Cannot size the map "${map}"`,
      this.#libbpf.c.bpf_map__set_max_entries(this.#map(map), Math.max(1, entries)),
    );
  }

  /** The initial contents of `.rodata`. */
  #readOnlyData(): ArrayBuffer {
    const size = new BigUint64Array(1);
    const pointer = this.#libbpf.c.bpf_map__initial_value(this.#map("vrft.rodata"), size);
    if (pointer === null || size[0]! < BigInt(CONFIG_BYTES)) {
      throw new Failure(
        "object",
        "The BPF object's .rodata is not the one this vrft was built for",
      );
    }
    return Deno.UnsafePointerView.getArrayBuffer(pointer, CONFIG_BYTES);
  }

  get #object(): NonNullable<Deno.PointerValue> {
    if (this.#pointer === null) throw disposedError("The BPF object");
    return this.#pointer;
  }

  #map(name: string): NonNullable<Deno.PointerValue> {
    return this.#libbpf.checkPointer(
      `Cannot find the map "${name}" in the BPF object`,
      this.#libbpf.c.bpf_object__find_map_by_name(this.#object, cString(name)),
    );
  }

  #program(name: string): NonNullable<Deno.PointerValue> {
    return this.#libbpf.checkPointer(
      `Cannot find the program "${name}" in the BPF object`,
      this.#libbpf.c.bpf_object__find_program_by_name(this.#object, cString(name)),
    );
  }

  /** `struct vrft_control`, shared with the programs. */
  get control(): ArrayBuffer {
    if (this.#control === undefined) throw disposedError("The BPF object");
    return this.#control.view(0, CONTROL_BYTES);
  }

  /** `rings` of {@linkcode control}, by CPU. */
  get rings(): ArrayBuffer {
    if (this.#control === undefined) throw disposedError("The BPF object");
    return this.#control.view(CONTROL_RINGS, RINGS_BYTES);
  }

  /** fd of a loaded map, owned by the object. */
  mapFd(name: string): number {
    return this.#libbpf.c.bpf_map__fd(this.#map(name));
  }

  /** Instructions of a loaded program as the kernel got them, with the fds of maps in them. */
  instructions(name: string): Uint8Array<ArrayBuffer> {
    const { c } = this.#libbpf;
    const program = this.#program(name);
    const at = this.#libbpf.checkPointer(
      `Cannot read the instructions of "${name}"`,
      c.bpf_program__insns(program),
    );
    const bytes = Number(c.bpf_program__insn_cnt(program)) * INSTRUCTION_BYTES;
    return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(at, bytes).slice(0));
  }

  /** fd of a loaded program, owned by the object. */
  programFd(name: string): number {
    return this.#libbpf.c.bpf_program__fd(this.#program(name));
  }

  /** Closes the fd of a program, which is not of use any more. */
  unload(name: string): void {
    this.#libbpf.c.bpf_program__unload(this.#program(name));
  }

  /** Writes one element of a map. */
  update(map: string, key: Uint8Array<ArrayBuffer>, value: Uint8Array<ArrayBuffer>): void {
    this.#libbpf.check(
      `Cannot write to the map "${map}"`,
      this.#libbpf.c.bpf_map_update_elem(this.mapFd(map), key, value, 0n),
    );
  }

  [Symbol.dispose](): void {
    if (this.#pointer === null) return;
    this.#control?.[Symbol.dispose]();
    this.#close(this.#pointer);
    this.#pointer = null;
    this.#keepAlive.length = 0;
  }
}
