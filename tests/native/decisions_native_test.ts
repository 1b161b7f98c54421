import assert from "node:assert/strict";
import type { MemberPlace } from "../../src/kernel/btf.ts";
import { DECISION_PLACES, type DecisionOffsets } from "../../src/kernel/decision_offsets.ts";
import type { DropOffsets } from "../../src/kernel/drop_offsets.ts";
import { readBtfOnly } from "../../src/kernel/sources.ts";
import { decisionCookie, type DecisionPoint } from "../../src/probe/decision_functions.ts";
import * as decided from "../../src/probe/decision_record.ts";
import { CONTROL_ENABLED, CONTROL_PACKETS, PACKET_SLOTS, UNKNOWN } from "../../src/probe/layout.ts";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import { withCookie } from "../../src/probe/own_program.ts";
import { CALL, CPU_AND_KIND, KIND_DECISION } from "../../src/probe/record.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { RingMapping } from "../../src/probe/ring_mapping.ts";
import { monotonicClock } from "../../src/sys/clock.ts";
import { onlineCpus } from "../../src/sys/cpus.ts";
import {
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  bpfTest,
  loadInstructions,
  runProgram,
  stayOn,
} from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { SMALL } from "../support/loaded_object.ts";

// Decisions about an artificial packet, with artificial structs of vrouter. Members lie where those of
// the real ones could not, some at odd places.

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

const PLACES: Partial<Record<typeof DECISION_PLACES[number], [number, number, true?]>> = {
  nh_id: [4, 4],
  nh_type: [0, 1],
  nh_flags: [9, 4],
  nh_dev: [16, 8],
  tun_sip: [24, 4],
  tun_dip: [28, 4],
  vif_idx: [2, 2],
  vif_vrf: [4, 2],
  vif_type: [6, 1],
  vif_mtu: [8, 2],
  vp_head: [0, 8],
  vp_if: [8, 8],
  vp_network_h: [32, 2],
  fmd_fe: [0, 8],
  fmd_flow_index: [8, 4, true],
  fmd_label: [12, 4, true],
  fmd_flags: [16, 1],
  fmd_ecmp_nh_index: [17, 1, true],
  fmd_dvrf: [18, 2, true],
  fmd_outer_src_ip: [20, 4],
  fe_action: [33, 2],
  fe_flags: [31, 2],
  fe_rflow: [27, 4, true],
  fe_drop_reason: [39, 1],
  fe_src_nh_index: [35, 4],
  fe_dvrf: [41, 2],
  fe_ecmp_nh_index: [43, 1, true],
  fe_key_nh_id: [46, 4],
  be_nh: [8, 8],
  be_label: [0, 4],
  be_flags: [4, 2],
  rtr_family: [0, 4, true],
  rtr_prefix: [8, 8],
  rtr_prefix_len: [16, 4],
  rtr_label: [20, 4],
  rtr_label_flags: [24, 2],
};
const OFFSETS = Object.fromEntries(DECISION_PLACES.map((name) => {
  const place = PLACES[name];
  if (place === undefined) return [name, undefined];
  const [offset, bytes, isSigned] = place;
  const found: MemberPlace = { offset, bytes, ...(isSigned ? { isSigned } : {}) };
  return [name, found];
})) as DecisionOffsets;

// Where the structs are in the memory that the test object has for a packet, behind its sk_buff.
const [NEXTHOP, VIF, METADATA, FLOW, ENTRY, REQUEST, KEY, HEADER] = [
  1024,
  1088,
  1152,
  1216,
  1280,
  1344,
  1408,
  1536,
] as const;
const MEMORY_BYTES = 2048;
const SLOT_GENERATION = 0x1234;
const KEPT = 1n << 40n;
const CPU = onlineCpus()[0]!;

/** The programs of one object, and the memory. */
class Decider implements Disposable {
  readonly #resources: DisposableStack;
  readonly #object: BpfObject;
  readonly #memory: BpfObject;
  readonly #reader: RingReader;
  readonly #cb: number;
  /** Where the memory is. */
  readonly base: bigint;
  readonly bytes = new Uint8Array(MEMORY_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  readonly slot: number;

  private constructor(
    libbpf: Libbpf,
    name: "packets" | "packets_5.11",
    cb: number,
    drops: boolean,
    resources: DisposableStack,
  ) {
    this.#cb = cb;
    this.#object = resources.use(
      BpfObject.load(libbpf, builtObject(name), [{ name: "vrft_decision" }], {
        ...SMALL,
        decisionOffsets: OFFSETS,
        packetEvents: true,
        drops,
        dropOffsets: { nh_reach_nh: { offset: 40, bytes: 8 } } as DropOffsets,
      }),
    );
    const address = [{ name: "vrft_test_address" }];
    this.#memory = resources.use(BpfObject.load(libbpf, builtObject(), address, SMALL));
    const { memory } = resources.use(new RingMapping(this.#object));
    this.#reader = new RingReader(memory, monotonicClock());
    const half = (shift: bigint): bigint =>
      BigInt(runProgram(this.#memory.programFd("vrft_test_address"), [shift], CPU));
    this.base = half(0n) | half(32n) << 32n;
    const tag = this.base >> 6n & (1n << 40n) - 1n;
    const hash = BigInt.asUintN(64, tag * 11400714819323198485n);
    this.slot = Number(hash >> 48n) & ~1;
    const packets = new BigUint64Array(this.#object.control, CONTROL_PACKETS, PACKET_SLOTS);
    packets[this.slot] = tag | KEPT | BigInt(SLOT_GENERATION) << 48n;
    new Int32Array(this.#object.control)[CONTROL_ENABLED / 4] = 1;
    this.#resources = resources.move();
    this.#fill();
  }

  static async open(name: "packets" | "packets_5.11", drops = false): Promise<Decider> {
    using resources = new DisposableStack();
    const { kernel } = await readBtfOnly({ kernelBtf: null, vrouterBtf: null, vrouter: false });
    const cb = kernel.memberOffset("sk_buff", "cb")!;
    return new Decider(resources.use(await Libbpf.open()), name, cb, drops, resources);
  }

  /** Address of a struct. */
  at(offset: number): bigint {
    return this.base + BigInt(offset);
  }

  /** Address of the `vr_packet`. */
  get packet(): bigint {
    return this.at(this.#cb);
  }

  #fill(): void {
    // What lies between members counts as nothing.
    this.bytes.fill(0xa5, NEXTHOP);
    const pointer = (at: number, to: number): void => this.view.setBigUint64(at, this.at(to), true);
    const [nh, md, fe] = [NEXTHOP, METADATA, FLOW];
    const u32 = (at: number, value: number): void => this.view.setUint32(at, value, true);
    const u16 = (at: number, value: number): void => this.view.setUint16(at, value, true);
    u32(nh + 4, 57);
    this.bytes[nh] = 3;
    u32(nh + 9, 0x41);
    pointer(nh + 16, VIF);
    this.bytes.set([10, 0, 0, 1, 10, 0, 0, 2], nh + 24);
    u16(VIF + 2, 4);
    u16(VIF + 4, 2);
    this.bytes[VIF + 6] = 3;
    u16(VIF + 8, 1500);
    pointer(md, FLOW);
    u32(md + 8, 184224);
    u32(md + 12, 25);
    this.bytes.set([1, 0xff], md + 16);
    u16(md + 18, 7);
    this.bytes.set([192, 0, 2, 9], md + 20);
    u32(fe + 27, 512);
    u16(fe + 31, 0x1001);
    u16(fe + 33, 3);
    u32(fe + 35, 21);
    this.bytes[fe + 39] = 0x17;
    u16(fe + 41, 9);
    this.bytes[fe + 43] = 2;
    u32(fe + 46, 18);
    u32(ENTRY, 26);
    u16(ENTRY + 4, 1);
    pointer(ENTRY + 8, NEXTHOP);
    u32(REQUEST, 2);
    pointer(REQUEST + 8, KEY);
    u32(REQUEST + 16, 24);
    u32(REQUEST + 20, 27);
    u16(REQUEST + 24, 3);
    this.bytes.set([10, 1, 1, 7], KEY);
    const packet = this.#cb;
    pointer(packet, HEADER - 100);
    pointer(packet + 8, VIF);
    u16(packet + 32, 100);
  }

  /**
   * Runs the program of a function.
   *
   * @param result of the function, at its return
   */
  decide(point: DecisionPoint, parameters: readonly bigint[], result: bigint | null = null): void {
    this.#memory.update("test_packet", new Uint8Array(4), this.bytes);
    const cookie = decisionCookie(point, 11);
    const instructions = withCookie(this.#object.instructions("vrft_decision"), cookie);
    using program = loadInstructions(BPF_PROG_TYPE_RAW_TRACEPOINT, instructions);
    runProgram(program.number, result === null ? parameters : [...parameters, result], CPU);
  }

  /** The records since the last call. */
  records(): Uint32Array[] {
    const records: Uint32Array[] = [];
    this.#reader.drain({
      record: (words, at, bytes) => records.push(words.slice(at, at + bytes / 4)),
    }, Infinity);
    return records;
  }

  /** The only record. */
  one(): Uint32Array {
    const records = this.records();
    assert.equal(records.length, 1);
    const [record] = records as [Uint32Array];
    assert.equal(record[CPU_AND_KIND]! >>> 16 & 0xff, KIND_DECISION);
    return record;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** A point of a function that takes the packet first. */
function point(
  decision: number,
  at: "entry" | "return",
  more: Partial<DecisionPoint>,
): DecisionPoint {
  return { fn: "any", parameters: 3, packet: 1, decision, at, ...more };
}

const TUNNEL = [57, 3, 0x41, 4, 0x0100000a, 0x0200000a];
/** Big endian in memory. */
const KEY_WORD = 0x0701010a;

for (const name of ["packets", "packets_5.11"] as const) {
  test(`decisions are read from vrouter's structs (${name})`, async () => {
    using decider = await Decider.open(name);
    const { packet } = decider;
    const [nh, md, fe] = [decider.at(NEXTHOP), decider.at(METADATA), decider.at(FLOW)];

    decider.decide(point(decided.DECIDED_NEXTHOP, "entry", {}), [packet, nh, md]);
    const nexthop = decider.one();
    assert.equal(nexthop[CALL], (11 | decider.slot << 16) >>> 0);
    assert.equal(nexthop[CPU_AND_KIND]! >>> 24, SLOT_GENERATION & 0xff);
    assert.deepEqual([...nexthop.subarray(6, 16)], [decided.DECIDED_NEXTHOP, 7, ...TUNNEL, 25, 1]);
    assert.equal(nexthop[decided.ECMP_MEMBER], UNKNOWN);

    decider.decide(
      point(decided.DECIDED_SOURCE, "return", { parameters: 4 }),
      [packet, nh, md, 0n],
      2n,
    );
    assert.deepEqual(
      [...decider.one().subarray(6, 17)],
      [decided.DECIDED_SOURCE, 7, ...TUNNEL, 2, 4, 0x090200c0],
    );

    const flow = [512, 3, 0x17, 0x1001];
    const rest = [21, 9, 2, UNKNOWN, 18];
    decider.decide(
      point(decided.DECIDED_FLOW, "return", { parameters: 4, packet: 3 }),
      [0n, 0n, packet, md],
      1n,
    );
    assert.deepEqual(
      [...decider.one().subarray(6, 19)],
      [decided.DECIDED_FLOW, 7, 184224, ...flow, 1, ...rest],
    );
    // Where the look-up starts, nothing is decided yet: a drop in it reads where the flow will be named.
    decider.decide(
      point(decided.DECIDED_FLOW, "entry", { parameters: 4, packet: 3 }),
      [0n, 0n, packet, md],
    );
    assert.deepEqual(decider.records(), []);
    decider.decide(
      point(decided.DECIDED_FLOW, "entry", { parameters: 5, packet: 4, isSecond: true }),
      [0n, fe, 99n, packet, md],
    );
    assert.deepEqual(
      [...decider.one().subarray(6, 19)],
      [decided.DECIDED_FLOW, 7, 99, ...flow, UNKNOWN, ...rest],
    );

    decider.decide(point(decided.DECIDED_TRAP, "entry", { parameters: 4 }), [
      packet,
      0xffff0002n,
      0xffff000bn,
      decider.at(VIF + 8),
    ]);
    const trap = decider.one();
    assert.deepEqual([...trap.subarray(6, 9)], [decided.DECIDED_TRAP, 2, 11]);
    assert.equal(trap[decided.TRAP_PARAMETER]! & 0xffff, 1500);

    decider.decide(
      point(decided.DECIDED_FRAGMENT, "return", { packet: 2 }),
      [decider.at(VIF), packet, 50n],
      0xffffff01n,
    );
    assert.deepEqual(
      [...decider.one().subarray(6, 10)],
      [decided.DECIDED_FRAGMENT, UNKNOWN, 1, 1500],
    );

    for (const isSecond of [false, true]) {
      decider.decide(
        point(decided.DECIDED_VIF, "entry", { parameters: 2, packet: 2, isSecond }),
        [decider.at(VIF), packet],
      );
      assert.deepEqual(
        [...decider.one().subarray(6, 11)],
        [decided.DECIDED_VIF, 2, 4, 3, Number(isSecond)],
      );
    }
  });

  test(`addresses and ports are read before and after NAT (${name})`, async () => {
    using decider = await Decider.open(name);
    const { bytes, packet } = decider;
    const nat = (at: "entry" | "return"): Uint32Array => {
      const { base } = decider;
      decider.decide(
        point(decided.DECIDED_NAT, at, { packet: 2 }),
        [base, packet, decider.at(METADATA)],
        at === "return" ? 1n : null,
      );
      return decider.one();
    };
    // IPv4 with one word of options, TCP.
    bytes.fill(0, HEADER, HEADER + 60);
    bytes[HEADER] = 0x46;
    bytes[HEADER + 9] = 6;
    bytes.set([10, 1, 1, 5, 10, 2, 0, 9], HEADER + 12);
    bytes.set([0x9c, 0xa0, 0x01, 0xbb], HEADER + 24);
    assert.deepEqual(
      [...nat("entry").subarray(6, 13)],
      [decided.DECIDED_NAT, 7, 0, 4, 6, 0xbb01a09c, 0x0501010a],
    );
    bytes.set([198, 51, 100, 3], HEADER + 12);
    const after = nat("return");
    assert.equal(after[decided.NAT_IS_AFTER], 1);
    assert.equal(after[decided.NAT_FROM], 0x036433c6);
    assert.equal(after[decided.NAT_TO], 0x0900020a);
    // A fragment that is not the first has no ports.
    bytes[HEADER + 7] = 5;
    assert.equal(nat("entry")[decided.NAT_PORTS], 0);
    // IPv6, UDP.
    bytes.fill(0, HEADER, HEADER + 60);
    bytes[HEADER] = 0x60;
    bytes[HEADER + 6] = 17;
    bytes.fill(0x11, HEADER + 8, HEADER + 24);
    bytes.fill(0x22, HEADER + 24, HEADER + 40);
    bytes.set([1, 2, 3, 4], HEADER + 40);
    assert.deepEqual([...nat("entry").subarray(decided.NAT_VERSION, 20)], [
      6,
      17,
      0x04030201,
      ...new Array<number>(4).fill(0x11111111),
      ...new Array<number>(4).fill(0x22222222),
    ]);
  });

  test(`lookups are recorded while vrouter works on a packet of the trace (${name})`, async () => {
    using _cpu = stayOn(CPU);
    using decider = await Decider.open(name);
    const [md, entry, request] = [METADATA, ENTRY, REQUEST].map((at) => decider.at(at)) as [
      bigint,
      bigint,
      bigint,
    ];
    const work = { ...point(0, "entry", {}), decision: null };
    const bridge = point(decided.DECIDED_BRIDGE, "return", { parameters: 2, packet: 0 });
    const prefix = point(decided.DECIDED_PREFIX, "return", { parameters: 2, packet: 0 });

    decider.decide(bridge, [decider.at(KEY), md], entry);
    assert.deepEqual(decider.records(), []);

    decider.decide(work, [decider.packet]);
    decider.decide(bridge, [decider.at(KEY), md], entry);
    const mac = decider.one();
    assert.deepEqual([...mac.subarray(6, 16)], [decided.DECIDED_BRIDGE, 7, ...TUNNEL, 26, 1]);
    assert.deepEqual([...mac.subarray(decided.LOOKUP_KEY, 22)], [KEY_WORD, 0xa5a5, 0, 0]);
    assert.equal(mac[CALL], 0x7fff);

    decider.decide(bridge, [decider.at(KEY), md], 0n);
    const none = decider.one();
    assert.deepEqual([...none.subarray(8, 16)], new Array<number>(8).fill(UNKNOWN));

    decider.decide(prefix, [0xffff0005n, request], decider.at(NEXTHOP));
    const route = decider.one();
    assert.deepEqual(
      [...route.subarray(6, 22)],
      [decided.DECIDED_PREFIX, 5, ...TUNNEL, 27, 3, 24, 2, KEY_WORD, 0, 0, 0],
    );

    // What explains a drop costs nothing where no drops are recorded.
    for (const record of [mac, none, route]) assert.equal(record[decided.ROUTE_REACH], 0);
    using explaining = await Decider.open(name, true);
    explaining.view.setBigUint64(NEXTHOP + 40, 0xffff_ffff_c0de_1234n, true);
    explaining.decide(work, [explaining.packet]);
    for (const found of [explaining.at(ENTRY), 0n]) {
      explaining.decide(bridge, [explaining.at(KEY), explaining.at(METADATA)], found);
    }
    explaining.decide(prefix, [5n, explaining.at(REQUEST)], explaining.at(NEXTHOP));
    const reached = explaining.records().map((record) => record[decided.ROUTE_REACH]);
    assert.deepEqual(reached, [0xc0de_1234, 0, 0xc0de_1234]);

    // Another packet.
    decider.decide(work, [decider.packet + 4096n]);
    decider.decide(prefix, [5n, request], decider.at(NEXTHOP));
    assert.deepEqual(decider.records(), []);
  });
}
