import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { elfSection } from "../../src/kernel/elf.ts";
import { ELSEWHERE, RETURN } from "../../src/kernel/exits.ts";
import { FRAME_BYTES } from "../../src/packet/ebpf.ts";
import { FILTER_ROOM } from "../../src/packet/expression.ts";
import { DECISION_PLACES } from "../../src/kernel/decision_offsets.ts";
import type { PacketFunction } from "../../src/kernel/packet_function.ts";
import { setFilter } from "../../src/probe/filter.ts";
import { CONDITIONS, MAX_VALUES } from "../../src/packet/conditions.ts";
import * as layout from "../../src/probe/layout.ts";
import * as decision from "../../src/probe/decision_record.ts";
import * as packet from "../../src/probe/packet_record.ts";
import { COOKIE_UNKNOWN } from "../../src/probe/own_program.ts";
import * as record from "../../src/probe/record.ts";
import { bpfSource, builtObject } from "../support/built_object.ts";
import { enumValues } from "../support/btf_enum.ts";
import { symbolOffsets } from "../support/elf_symbols.ts";

// What TypeScript believes of bpf/vrft.h, held against what clang made of it: the types against the
// object for tests, which alone has all of them; what lies where, against each object.

const OBJECTS = [
  "session",
  "session_6.10",
  "multi",
  "kprobe",
  "packets",
  "packets_5.11",
  "test",
] as const;

const object = builtObject();
const section = elfSection(object, ".BTF")!;
const btf = Btf.parse(section);

/** Offsets of a struct's members, for those asked for. */
function offsets(struct: string, members: readonly string[]): Record<string, number | undefined> {
  return Object.fromEntries(members.map((member) => [member, btf.memberOffset(struct, member)]));
}

/** The value of a `#define` in bpf/vrft.h. */
function defined(name: string): bigint {
  const text = new RegExp(`^#define ${name}\\s+(\\S.*?)\\s*(?:/\\*.*)?$`, "m")
    .exec(bpfSource("vrft.h"))?.[1];
  assert.ok(text, name);
  const shift = /^\(1ULL << (\d+)\)$/.exec(text);
  return shift === null ? BigInt(text.replace(/U?L*$/, "")) : 1n << BigInt(shift[1]!);
}

Deno.test("a record is laid out as struct vrft_event", () => {
  assert.equal(btf.structSize("vrft_event"), record.EVENT_BYTES);
  const members = [
    "timestamp",
    "task",
    "frame",
    "units",
    "function",
    "slot",
    "cpu",
    "kind",
    "generation",
  ];
  assert.deepEqual(offsets("vrft_event", members), {
    timestamp: 4 * record.TIMESTAMP_LOW,
    task: 4 * record.TASK,
    frame: 4 * record.FRAME,
    units: 4 * record.FRAME,
    // Bits 0-15 and 16-31 of one word.
    function: 4 * record.CALL,
    slot: 4 * record.CALL + 2,
    // Bits 0-15, 16-23 and 24-31 of one word.
    cpu: 4 * record.CPU_AND_KIND,
    kind: 4 * record.CPU_AND_KIND + 2,
    generation: 4 * record.CPU_AND_KIND + 3,
  });
  assert.equal(record.TIMESTAMP_HIGH, record.TIMESTAMP_LOW + 1);
  assert.equal(BigInt(record.MAX_UNITS), defined("VRFT_MAX_UNITS"));
  assert.equal(BigInt(record.FUNCTION_MASK), defined("VRFT_COOKIE_FUNCTION_MASK"));
  assert.equal(record.RECORD_FUNCTIONS, record.FUNCTION_MASK);
  assert.match(bpfSource("vrft.h"), /^#define VRFT_NO_RETURN\s+\(1U << 15\)$/m);
  assert.equal(record.NO_RETURN, 1 << 15);
});

Deno.test("a long record of a call is laid out as struct vrft_long_call", () => {
  assert.equal(btf.structSize("vrft_long_call"), record.LONG_BYTES);
  assert.deepEqual(offsets("vrft_long_call", ["event", "vif", "nexthop", "result"]), {
    event: 0,
    vif: 4 * record.VIF,
    nexthop: 4 * record.NEXTHOP_ID,
    result: 4 * record.RESULT_LOW,
  });
  assert.equal(record.RESULT_HIGH, record.RESULT_LOW + 1);
  assert.match(bpfSource("vrft.h"), /^#define VRFT_LONG\s+0x80$/m);
  assert.equal(record.KIND_LONG, 0x80);
});

Deno.test("records about packets are laid out as struct vrft_packet, vrft_copy and vrft_drop", () => {
  assert.deepEqual(
    offsets("vrft_packet", ["generation", "length", "netns", "ifindex", "captured", "bytes"]),
    {
      generation: 4 * packet.GENERATION,
      length: 4 * packet.LENGTH,
      netns: 4 * packet.NETNS,
      ifindex: 4 * packet.IFINDEX,
      captured: 4 * packet.CAPTURED,
      bytes: packet.PACKET_BYTES,
    },
  );
  assert.deepEqual(offsets("vrft_copy", ["generation", "parent_generation", "parent_slot"]), {
    generation: 4 * packet.GENERATION,
    parent_generation: 4 * packet.PARENT_GENERATION,
    parent_slot: 4 * packet.PARENT_SLOT,
  });
  const drop = {
    reason: packet.REASON,
    source: packet.SOURCE,
    location: packet.LOCATION_LOW,
    vif: packet.DROP_VIF,
    vrf: packet.DROP_VRF,
    nexthop: packet.NEXTHOP,
    nexthop_type: packet.NEXTHOP_TYPE,
    nexthop_reach: packet.NEXTHOP_REACH,
    flow: packet.FLOW,
    flow_reverse: packet.FLOW_REVERSE,
    flow_action: packet.FLOW_ACTION,
    flow_reason: packet.FLOW_REASON,
    flow_flags: packet.FLOW_FLAGS,
    route_kind: packet.ROUTE_KIND,
    route_vrf: packet.ROUTE_VRF,
    route_length: packet.ROUTE_LENGTH,
    route_key: packet.ROUTE_KEY,
    route_reach: packet.ROUTE_REACH,
    route_nexthop: packet.ROUTE_NEXTHOP,
    route_type: packet.ROUTE_TYPE,
    route_family: packet.ROUTE_FAMILY,
    netns: packet.DROP_NETNS,
    ifindex: packet.DROP_IFINDEX,
    iif: packet.DROP_IIF,
    length: packet.DROP_LENGTH,
    captured: packet.DROP_CAPTURED,
    stack: packet.DROP_STACK,
    bytes: packet.DROP_HEADER,
  };
  const bytes = Object.entries(drop).map(([name, word]) => [name, 4 * word]);
  assert.deepEqual(offsets("vrft_drop", Object.keys(drop)), Object.fromEntries(bytes));
  assert.deepEqual(offsets("vrft_drop", ["no_flow", "segmentation"]), {
    no_flow: 4 * packet.DROP_CAPTURED + packet.NO_FLOW_SHIFT / 8,
    segmentation: 4 * packet.DROP_CAPTURED + packet.SEGMENTATION_SHIFT / 8,
  });
  assert.equal(BigInt(packet.STACK_DEPTH), defined("VRFT_DROP_STACK"));
  assert.equal(packet.DROP_HEADER, packet.DROP_STACK + 2 * packet.STACK_DEPTH);
  assert.equal(BigInt(packet.RECORDED_BYTES), defined("VRFT_PACKET_BYTES"));
  assert.equal(BigInt(packet.DROPPED_BYTES), defined("VRFT_DROP_BYTES"));
  assert.ok(packet.DROP_BYTES + packet.DROPPED_BYTES <= record.MAX_UNITS * record.EVENT_BYTES);
  for (const struct of ["vrft_packet", "vrft_copy", "vrft_drop"]) {
    assert.equal(btf.memberOffset(struct, "event"), 0);
  }
  assert.ok(packet.COPY_BYTES <= btf.structSize("vrft_copy")!);
  assert.ok(packet.DROP_BYTES <= btf.structSize("vrft_drop")!);
  assert.equal(BigInt(packet.NO_FUNCTION), defined("VRFT_NO_FUNCTION"));
});

Deno.test("the record of a decision is laid out as struct vrft_decision", () => {
  const members = (names: Readonly<Record<string, number>>, at: number): unknown =>
    Object.fromEntries(Object.entries(names).map(([name, word]) => [name, 4 * (word - at)]));
  assert.equal(btf.structSize("vrft_decision"), decision.DECISION_BYTES);
  assert.equal(btf.memberOffset("vrft_decision", "decision"), 4 * decision.DECISION);
  assert.equal(btf.memberOffset("vrft_decision", "vrf"), 4 * decision.DECISION_VRF);
  const nexthop = {
    id: decision.NEXTHOP_ID,
    type: decision.NEXTHOP_TYPE,
    flags: decision.NEXTHOP_FLAGS,
    vif: decision.NEXTHOP_VIF,
    source: decision.NEXTHOP_SOURCE,
    destination: decision.NEXTHOP_DESTINATION,
  };
  assert.deepEqual(
    offsets("vrft_nexthop", Object.keys(nexthop)),
    members(nexthop, decision.NEXTHOP_ID),
  );
  const parts: Record<string, Record<string, number>> = {
    route: {
      nexthop: decision.NEXTHOP_ID,
      label: decision.ROUTE_LABEL,
      label_flags: decision.ROUTE_LABEL_FLAGS,
      prefix_length: decision.PREFIX_LENGTH,
      family: decision.PREFIX_FAMILY,
      key: decision.LOOKUP_KEY,
      member: decision.ECMP_MEMBER,
      reach: decision.ROUTE_REACH,
    },
    source: {
      expected: decision.NEXTHOP_ID,
      result: decision.SOURCE_RESULT,
      vif: decision.SOURCE_VIF,
      outer_source: decision.OUTER_SOURCE,
    },
    flow: {
      index: decision.FLOW_INDEX,
      reverse: decision.FLOW_REVERSE,
      action: decision.FLOW_ACTION,
      reason: decision.FLOW_REASON,
      flags: decision.FLOW_FLAGS,
      result: decision.FLOW_RESULT,
      source_nexthop: decision.FLOW_SOURCE_NEXTHOP,
      dvrf: decision.FLOW_DVRF,
      member: decision.FLOW_MEMBER,
      tcp_flags: decision.FLOW_TCP_FLAGS,
      key_nexthop: decision.FLOW_KEY_NEXTHOP,
    },
    nat: {
      is_after: decision.NAT_IS_AFTER,
      version: decision.NAT_VERSION,
      protocol: decision.NAT_PROTOCOL,
      ports: decision.NAT_PORTS,
      from: decision.NAT_FROM,
      to: decision.NAT_TO,
    },
    trap: { reason: decision.TRAP_REASON, parameter: decision.TRAP_PARAMETER },
    fragment: { result: decision.FRAGMENT_RESULT, mtu: decision.FRAGMENT_MTU },
    vif: {
      index: decision.VIF_INDEX,
      type: decision.VIF_TYPE,
      to_host: decision.VIF_TO_HOST,
    },
  };
  for (const [part, names] of Object.entries(parts)) {
    for (const [name, word] of Object.entries(names)) {
      const place = btf.memberPlace("vrft_decision", part)!.offset +
        btf.memberOffset(`vrft_decided_${part}`, name)!;
      assert.equal(place, 4 * word, `${part}.${name}`);
    }
  }
});

Deno.test("kinds of decisions are those of enum vrft_decision_kind", () => {
  const strings = section.subarray(24 + new DataView(section.slice().buffer).getUint32(16, true));
  assert.deepEqual(enumValues(btf, strings, "vrft_decision_kind"), {
    VRFT_DECIDED_BRIDGE: decision.DECIDED_BRIDGE,
    VRFT_DECIDED_PREFIX: decision.DECIDED_PREFIX,
    VRFT_DECIDED_NEXTHOP: decision.DECIDED_NEXTHOP,
    VRFT_DECIDED_SOURCE: decision.DECIDED_SOURCE,
    VRFT_DECIDED_FLOW: decision.DECIDED_FLOW,
    VRFT_DECIDED_NAT: decision.DECIDED_NAT,
    VRFT_DECIDED_TRAP: decision.DECIDED_TRAP,
    VRFT_DECIDED_FRAGMENT: decision.DECIDED_FRAGMENT,
    VRFT_DECIDED_VIF: decision.DECIDED_VIF,
  });
});

Deno.test("kinds of records are those of enum vrft_kind", () => {
  const strings = section.subarray(24 + new DataView(section.slice().buffer).getUint32(16, true));
  assert.deepEqual(enumValues(btf, strings, "vrft_kind"), {
    VRFT_ENTRY: record.KIND_ENTRY,
    VRFT_RETURN: record.KIND_RETURN,
    VRFT_PACKET: record.KIND_PACKET,
    VRFT_COPY: record.KIND_COPY,
    VRFT_DROP: record.KIND_DROP,
    VRFT_END: record.KIND_END,
    VRFT_MATCH: record.KIND_MATCH,
    VRFT_DECISION: record.KIND_DECISION,
  });
});

Deno.test("who drops a packet, and where it was looked up, are told by the enums' numbers", () => {
  const strings = section.subarray(24 + new DataView(section.slice().buffer).getUint32(16, true));
  assert.deepEqual(enumValues(btf, strings, "vrft_segmentation"), {
    VRFT_SEGMENTATION_UNKNOWN: packet.SEGMENTATION_UNKNOWN,
    VRFT_SEGMENTATION_OTHER: packet.SEGMENTATION_OTHER,
    VRFT_SEGMENTED: packet.SEGMENTED,
    VRFT_SEGMENTATION_FAILED: packet.SEGMENTATION_FAILED,
  });
  assert.deepEqual(enumValues(btf, strings, "vrft_drop_source"), {
    VRFT_DROP_VROUTER: packet.SOURCE_VROUTER,
    VRFT_DROP_KERNEL: packet.SOURCE_KERNEL,
  });
  assert.deepEqual(enumValues(btf, strings, "vrft_route_kind"), {
    VRFT_ROUTE_NONE: packet.ROUTE_NONE,
    VRFT_ROUTE_BRIDGE: packet.ROUTE_BRIDGE,
    VRFT_ROUTE_PREFIX: packet.ROUTE_PREFIX,
  });
  assert.match(bpfSource("vrft.h"), /^#define VRFT_UNKNOWN\s+0xffffffff$/m);
  assert.equal(layout.UNKNOWN, 0xffffffff);
});

Deno.test("kinds of conditions are those of enum vrft_condition, in their order", () => {
  const strings = section.subarray(24 + new DataView(section.slice().buffer).getUint32(16, true));
  const values = Object.fromEntries([
    ...CONDITIONS.map((kind, value) => [`VRFT_CONDITION_${kind.toUpperCase()}`, value]),
    ["VRFT_CONDITIONS", CONDITIONS.length],
  ]);
  assert.deepEqual(enumValues(btf, strings, "vrft_condition"), values);
});

Deno.test("the record version is that of bpf/vrft.h", () => {
  assert.equal(BigInt(record.RECORD_VERSION), defined("VRFT_RECORD_VERSION"));
});

Deno.test("the ring of a CPU is laid out as struct vrft_ring", () => {
  assert.equal(btf.structSize("vrft_ring"), layout.RING_BYTES);
  const members = [
    "head",
    "extra",
    "lost",
    "untracked",
    "packets_seen",
    "packets_kept",
    "packets_copied",
    "packets_ended",
    "packets_evicted",
    "packets_unfollowed",
    "tail",
    "limit",
    "first_block",
    "block_mask",
  ];
  assert.deepEqual(offsets("vrft_ring", members), {
    head: layout.RING_HEAD,
    extra: layout.RING_EXTRA,
    lost: layout.RING_LOST,
    untracked: layout.RING_UNTRACKED,
    packets_seen: layout.RING_PACKETS_SEEN,
    packets_kept: layout.RING_PACKETS_KEPT,
    packets_copied: layout.RING_PACKETS_COPIED,
    packets_ended: layout.RING_PACKETS_ENDED,
    packets_evicted: layout.RING_PACKETS_EVICTED,
    packets_unfollowed: layout.RING_PACKETS_UNFOLLOWED,
    tail: layout.RING_TAIL,
    limit: layout.RING_LIMIT,
    first_block: layout.RING_FIRST_BLOCK,
    block_mask: layout.RING_BLOCK_MASK,
  });
  assert.equal(BigInt(layout.MAX_CPUS), defined("VRFT_MAX_CPUS"));
  assert.equal(BigInt(layout.BLOCK_BITS), defined("VRFT_BLOCK_BITS"));
  assert.match(bpfSource("vrft.h"), /^#define VRFT_NESTING_UNITS\s+\(4 \* VRFT_MAX_UNITS\)$/m);
  assert.equal(layout.NESTING_UNITS, 4 * record.MAX_UNITS);
});

Deno.test("the control block is laid out as struct vrft_control, at the start of .bss", () => {
  assert.equal(btf.structSize("vrft_control"), layout.CONTROL_BYTES);
  const members = [
    "enabled",
    "reader_waits",
    "interface_bits",
    "vif_bits",
    "slot_factors",
    "cookies",
    "rings",
    "packets",
  ];
  assert.deepEqual(offsets("vrft_control", members), {
    enabled: layout.CONTROL_ENABLED,
    reader_waits: layout.CONTROL_READER_WAITS,
    interface_bits: layout.CONTROL_INTERFACE_BITS,
    vif_bits: layout.CONTROL_VIF_BITS,
    slot_factors: layout.CONTROL_SLOT_FACTORS,
    cookies: layout.CONTROL_COOKIES,
    rings: layout.CONTROL_RINGS,
    packets: layout.CONTROL_PACKETS,
  });
  assert.equal(BigInt(layout.BITMAP_BITS), defined("VRFT_BITMAP_BITS"));
  assert.equal(BigInt(layout.PACKET_SLOTS), 1n << defined("VRFT_PACKET_SLOT_BITS"));
  for (const name of OBJECTS) {
    assert.equal(symbolOffsets(builtObject(name)).get("control"), 0, name);
  }
});

Deno.test("the configuration is laid out as struct vrft_config, at the start of .rodata", () => {
  assert.equal(btf.structSize("vrft_config"), layout.CONFIG_BYTES);
  const members = [
    "record_version",
    "vp_if_offset",
    "vif_idx_offset",
    "vrouter_netns",
    "only_netns",
    "sample",
    "sight_netns",
    "recorded",
    "packet_events",
    "drops",
    "own",
    "shared",
    "rps_device",
    "gro_devices",
    "filters",
    "unit_mask",
    "conditions",
    "vif_vrf_offset",
    "vp_nh_offset",
    "nh_id_offset",
    "fmd_dvrf_offset",
    "wanted",
    "drop",
    "decision",
    "show",
    "plain",
  ];
  assert.deepEqual(offsets("vrft_config", members), {
    record_version: layout.CONFIG_RECORD_VERSION,
    vp_if_offset: layout.CONFIG_VP_IF_OFFSET,
    vif_idx_offset: layout.CONFIG_VIF_IDX_OFFSET,
    vrouter_netns: layout.CONFIG_VROUTER_NETNS,
    only_netns: layout.CONFIG_ONLY_NETNS,
    sample: layout.CONFIG_SAMPLE,
    sight_netns: layout.CONFIG_SIGHT_NETNS,
    recorded: layout.CONFIG_RECORDED,
    packet_events: layout.CONFIG_PACKET_EVENTS,
    drops: layout.CONFIG_DROPS,
    own: layout.CONFIG_OWN,
    shared: layout.CONFIG_SHARED,
    rps_device: layout.CONFIG_RPS_DEVICE,
    gro_devices: layout.CONFIG_GRO_DEVICES,
    filters: layout.CONFIG_FILTERS,
    unit_mask: layout.CONFIG_UNIT_MASK,
    conditions: layout.CONFIG_CONDITIONS,
    vif_vrf_offset: layout.CONFIG_VIF_VRF_OFFSET,
    vp_nh_offset: layout.CONFIG_VP_NH_OFFSET,
    nh_id_offset: layout.CONFIG_NH_ID_OFFSET,
    fmd_dvrf_offset: layout.CONFIG_FMD_DVRF_OFFSET,
    wanted: layout.CONFIG_WANTED,
    drop: layout.CONFIG_DROP,
    decision: layout.CONFIG_DECISION,
    show: layout.CONFIG_SHOW,
    plain: layout.CONFIG_PLAIN,
  });
  assert.equal(BigInt(layout.SHOW_PLACE), defined("VRFT_SHOW_PLACE"));
  assert.equal(BigInt(layout.SHOW_RESULT), defined("VRFT_SHOW_RESULT"));
  assert.deepEqual(
    offsets("vrft_decision_places", DECISION_PLACES),
    Object.fromEntries(DECISION_PLACES.map((name, index) => [name, 4 * index])),
  );
  assert.deepEqual(
    offsets("vrft_drop_offsets", layout.DROP_OFFSETS),
    Object.fromEntries(layout.DROP_OFFSETS.map((name, index) => [name, 4 * index])),
  );
  assert.equal(btf.structSize("vrft_numbers"), layout.NUMBERS_BYTES);
  assert.equal(BigInt(MAX_VALUES), defined("VRFT_MAX_NUMBERS"));
  assert.equal(btf.structSize("vrft_connection"), layout.CONNECTION_BYTES);
  assert.deepEqual(offsets("vrft_connection", ["address", "port", "version"]), {
    address: layout.CONNECTION_ADDRESS,
    port: layout.CONNECTION_PORT,
    version: layout.CONNECTION_VERSION,
  });
  assert.equal(BigInt(layout.OWN_CONNECTIONS), defined("VRFT_OWN_CONNECTIONS"));
  assert.equal(BigInt(layout.FILTER_ANY), defined("VRFT_FILTER_ANY"));
  assert.equal(BigInt(layout.FILTER_OUTER), defined("VRFT_FILTER_OUTER"));
  assert.equal(BigInt(layout.FILTER_INNER), defined("VRFT_FILTER_INNER"));
  assert.equal(BigInt(FILTER_ROOM), defined("VRFT_FILTER_ROOM"));
  assert.match(bpfSource("vrft.h"), /^#define VRFT_FRAME_BYTES\s+\(256 \+ 4\)$/m);
  assert.equal(FRAME_BYTES, 256 + 4);
  for (const name of OBJECTS) {
    assert.equal(symbolOffsets(builtObject(name)).get("config"), 0, name);
  }
});

Deno.test("the hashes of the table of cookies are those of bpf/vrft.h", () => {
  assert.equal(BigInt(layout.BUCKET_FACTOR), defined("VRFT_BUCKET_FACTOR"));
  assert.equal(BigInt(layout.BUCKET_BITS), defined("VRFT_BUCKET_BITS"));
  assert.equal(BigInt(layout.SLOT_BITS), defined("VRFT_SLOT_BITS"));
});

Deno.test("keys of the filter are laid out as struct vrft_interface", () => {
  const keys: Uint8Array[] = [];
  const target = {
    control: new ArrayBuffer(layout.CONTROL_BYTES),
    update: (_map: string, key: Uint8Array): void => void keys.push(key),
  };
  setFilter(target, [{ netns: 4026531840, ifindex: 7, vifIndex: null }]);
  const [key] = keys as [Uint8Array<ArrayBuffer>];
  assert.equal(btf.structSize("vrft_interface"), key.length);
  const view = new DataView(key.buffer);
  assert.equal(view.getUint32(btf.memberOffset("vrft_interface", "netns")!, true), 4026531840);
  assert.equal(view.getUint32(btf.memberOffset("vrft_interface", "ifindex")!, true), 7);
});

Deno.test("placeWord() sets the bits that bpf/vrft.h names", () => {
  assert.match(bpfSource("vrft.h"), /^#define VRFT_PLACE_OFFSET_MASK\s+0xffff$/m);
  assert.match(bpfSource("vrft.h"), /^#define VRFT_PLACE_SIGNED\s+\(1 << 24\)$/m);
  const shift = 1 << Number(defined("VRFT_PLACE_SHIFT"));
  assert.equal(layout.placeWord({ offset: 164, bytes: 4 }), 164);
  assert.equal(layout.placeWord({ offset: 3, bytes: 2 }), 3 + 16 * shift);
  assert.equal(
    layout.placeWord({ offset: 3, bytes: 1, isSigned: true }),
    3 + 24 * shift + (1 << 24),
  );
  assert.equal(layout.placeWord({ offset: 8, bytes: 8 }), 8);
  assert.equal(layout.placeWord({ offset: 65536, bytes: 4 }), layout.UNKNOWN);
  assert.equal(layout.placeWord(undefined), layout.UNKNOWN);
});

Deno.test("cookieOf() sets the bits that bpf/vrft.h names", () => {
  const skb: PacketFunction = {
    name: "ip_rcv",
    module: "vmlinux",
    struct: "sk_buff",
    position: 2,
    argument: 6,
    indirection: 1,
    address: null,
  };
  const argument = 6n << defined("VRFT_COOKIE_ARGUMENT_SHIFT");
  assert.equal(layout.cookieOf(skb, 32767), 32767n | argument);
  assert.equal(
    layout.cookieOf({ ...skb, struct: "vr_packet" }, 0),
    argument | defined("VRFT_COOKIE_VR_PACKET"),
  );
  assert.equal(
    layout.cookieOf({ ...skb, vifRegister: 3 }, 0),
    argument | 3n << defined("VRFT_COOKIE_VIF_SHIFT"),
  );
  assert.equal(
    layout.cookieOf({ ...skb, copies: true }, 0),
    argument | defined("VRFT_COOKIE_COPIES"),
  );
  assert.equal(
    layout.cookieOf({ ...skb, indirection: 2 }, 0),
    argument | defined("VRFT_COOKIE_INDIRECT"),
  );
  for (
    const [role, name] of [
      [{ end: "releases" }, "RELEASES"],
      [{ end: "frees" }, "FREES"],
      [{ silent: true }, "SILENT"],
      [{ drops: true }, "DROPS"],
    ] as const
  ) {
    const bit = defined(`VRFT_COOKIE_${name}`);
    assert.equal(layout.cookieOf({ ...skb, ...role }, 0), argument | bit);
  }
  assert.equal(
    layout.cookieOf({ ...skb, end: "finishes" }, 0),
    argument | defined("VRFT_COOKIE_RELEASES") | defined("VRFT_COOKIE_FREES"),
  );
  // No part reaches into another one.
  const stacked = layout.cookieOf({ ...skb, argument: 12 }, 0);
  assert.equal(stacked, 12n << defined("VRFT_COOKIE_ARGUMENT_SHIFT"));
  assert.equal(
    stacked & layout.ownBits({ result: 15, decision: 14, isSecond: true, returns: true }),
    0n,
  );
  assert.equal(argument & defined("VRFT_COOKIE_FUNCTION_MASK"), 0n);
});

Deno.test("ownBits() sets the bits that bpf/vrft.h names, beside those of cookieOf()", () => {
  const decision = record.KIND_DECISION;
  assert.equal(
    layout.ownBits({ decision }),
    BigInt(decision + 1) << defined("VRFT_COOKIE_DECISION_SHIFT"),
  );
  assert.equal(layout.ownBits({ decision: null }), 0n);
  assert.equal(layout.ownBits({ result: 5 }), 5n << defined("VRFT_COOKIE_RESULT_SHIFT"));
  assert.equal(layout.ownBits({ isSecond: true }), defined("VRFT_COOKIE_SECOND_KIND"));
  assert.equal(layout.ownBits({ returns: true }), defined("VRFT_COOKIE_RETURNS"));
  assert.equal(COOKIE_UNKNOWN, defined("VRFT_COOKIE_UNKNOWN"));
  const all = layout.ownBits({ result: 15, decision: 14, isSecond: true, returns: true });
  assert.equal(all & (1n << 50n) - 1n, 0n);
});

Deno.test("exitCookie() sets the bits that bpf/vrft.h names", () => {
  const shift = defined("VRFT_COOKIE_JUMP_SHIFT");
  assert.equal(BigInt(ELSEWHERE + 1), defined("VRFT_JUMP_ELSEWHERE"));
  for (const register of [RETURN, 0, 15, ELSEWHERE]) {
    const jump = layout.exitCookie(register) >> shift;
    assert.equal(jump, BigInt(register + 1));
    assert.equal(jump & defined("VRFT_COOKIE_JUMP_MASK"), jump);
  }
});
