import assert from "node:assert/strict";
import { parseMessages } from "../../src/sys/netlink.ts";
import { sandeshOf } from "../../src/vrouter/genetlink.ts";
import {
  decodeMessages,
  encodeMessages,
  SandeshError,
  type SandeshField,
  type SandeshMessage,
  type SandeshType,
  type SandeshValue,
} from "../../src/vrouter/sandesh.ts";
import type { Random } from "../support/random.ts";
import { capturedPayloads } from "./captured_payloads.ts";
import { forRandomCases } from "../support/property.ts";
import { vector } from "./vectors.ts";

/** "m" with one field 7 of the given type code and value bytes, in hexadecimal. */
function fieldBytes(code: number, valueHex: string): Uint8Array {
  const type = code.toString(16).padStart(2, "0");
  return Uint8Array.fromHex(`000000016d${type}0007${valueHex}00`);
}

function messageWith(value: SandeshValue): SandeshMessage {
  return { name: "m", fields: [{ id: 7, value }] };
}

Deno.test("decodeMessages() and encodeMessages() keep every captured payload, byte for byte", () => {
  const payloads = capturedPayloads();
  assert.equal(payloads.size, 32);
  for (const [name, payload] of payloads) {
    assert.equal(encodeMessages(decodeMessages(payload)).toHex(), payload.toHex(), name);
  }
});

Deno.test("decodeMessages() reads the fields of a captured vif", () => {
  const [response, vif, ...rest] = decodeMessages(
    sandeshOf(parseMessages(vector("vif_get1-03-rsp"))[0]!.payload),
  );
  assert.deepEqual(rest, []);
  assert.deepEqual(response, {
    name: "vr_response",
    fields: [
      { id: 1, value: { type: "i32", value: 4 } },
      { id: 2, value: { type: "i32", value: 0 } },
    ],
  });
  assert.equal(vif?.name, "vr_interface_req");
  assert.equal(vif.fields.length, 85);
  const field = (id: number): SandeshValue | undefined =>
    vif.fields.find((field) => field.id === id)?.value;
  assert.deepEqual(field(2), { type: "u32", value: 0xffffffff });
  assert.deepEqual(field(10), { type: "string", value: new TextEncoder().encode("tap1") });
  assert.deepEqual(field(12), { type: "i64", value: 8n });
  assert.deepEqual(field(38), {
    type: "list",
    element: "byte",
    items: [0, 0, 0x5e, 0, 1, 0].map((value) => ({ type: "byte", value })),
  });
  assert.deepEqual(field(49), { type: "list", element: "i32", items: [] });
});

const SAMPLES: readonly {
  name: string;
  code: number;
  hex: string;
  value: SandeshValue;
}[] = [
  { name: "bool", code: 2, hex: "01", value: { type: "bool", value: true } },
  { name: "byte", code: 3, hex: "80", value: { type: "byte", value: -128 } },
  { name: "double", code: 4, hex: "3ff8000000000000", value: { type: "double", value: 1.5 } },
  { name: "i16", code: 6, hex: "fffe", value: { type: "i16", value: -2 } },
  { name: "i32", code: 8, hex: "80000000", value: { type: "i32", value: -0x80000000 } },
  {
    name: "u64",
    code: 9,
    hex: "ffffffffffffffff",
    value: { type: "u64", value: 0xffffffffffffffffn },
  },
  { name: "i64", code: 10, hex: "fffffffffffffffd", value: { type: "i64", value: -3n } },
  {
    name: "string",
    code: 11,
    hex: "00000002ff41",
    value: { type: "string", value: Uint8Array.of(0xff, 0x41) },
  },
  {
    name: "struct, which has no name inside a message",
    code: 12,
    hex: "02000100" + "00",
    value: { type: "struct", fields: [{ id: 1, value: { type: "bool", value: false } }] },
  },
  {
    name: "map",
    code: 13,
    hex: "0302" + "00000001" + "05" + "01",
    value: {
      type: "map",
      key: "byte",
      mapped: "bool",
      entries: [[{ type: "byte", value: 5 }, { type: "bool", value: true }]],
    },
  },
  {
    name: "set",
    code: 14,
    hex: "06" + "00000002" + "00010002",
    value: {
      type: "set",
      element: "i16",
      items: [{ type: "i16", value: 1 }, { type: "i16", value: 2 }],
    },
  },
  {
    name: "list of lists",
    code: 15,
    hex: "0f" + "00000001" + "0900000000",
    value: {
      type: "list",
      element: "list",
      items: [{ type: "list", element: "u64", items: [] }],
    },
  },
  { name: "utf8", code: 16, hex: "00000000", value: { type: "utf8", value: new Uint8Array(0) } },
  { name: "u16", code: 19, hex: "fffe", value: { type: "u16", value: 0xfffe } },
  { name: "u32", code: 20, hex: "fffffffe", value: { type: "u32", value: 0xfffffffe } },
  { name: "xml", code: 21, hex: "0000000158", value: { type: "xml", value: Uint8Array.of(0x58) } },
  { name: "ipv4", code: 22, hex: "0a010102", value: { type: "ipv4", value: 0x0a010102 } },
  {
    name: "uuid",
    code: 23,
    hex: "000102030405060708090a0b0c0d0e0f",
    value: { type: "uuid", value: Uint8Array.from({ length: 16 }, (_, index) => index) },
  },
  {
    name: "ipaddr of IPv4",
    code: 24,
    hex: "020a010101",
    value: { type: "ipaddr", value: Uint8Array.of(10, 1, 1, 1) },
  },
  {
    name: "ipaddr of IPv6",
    code: 24,
    hex: "0a20010db8000000000000000000000001",
    value: {
      type: "ipaddr",
      value: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    },
  },
];

for (const { name, code, hex, value } of SAMPLES) {
  Deno.test(`decodeMessages() and encodeMessages() agree on ${name}`, () => {
    assert.deepEqual(decodeMessages(fieldBytes(code, hex)), [messageWith(value)]);
    assert.equal(encodeMessages([messageWith(value)]).toHex(), fieldBytes(code, hex).toHex());
  });
}

Deno.test("decodeMessages() reads no messages from no bytes", () => {
  assert.deepEqual(decodeMessages(new Uint8Array(0)), []);
});

const REJECTED: readonly { name: string; bytes: Uint8Array; message: string; offset: number }[] = [
  {
    name: "an unknown type, because nothing tells its size",
    bytes: fieldBytes(99, "00"),
    message: "Unknown type 99",
    offset: 5,
  },
  {
    name: "an unknown element type, also of an empty list",
    bytes: fieldBytes(15, "6300000000"),
    message: "Unknown type 99",
    offset: 8,
  },
  {
    name: "a value that is cut off",
    bytes: fieldBytes(10, "000000").subarray(0, 11),
    message: "Truncated message",
    offset: 8,
  },
  {
    name: "a message without stop",
    bytes: fieldBytes(2, "01").subarray(0, 9),
    message: "Truncated message",
    offset: 9,
  },
  {
    name: "a string that is longer than what follows",
    bytes: fieldBytes(11, "00000005"),
    message: "Invalid length 5",
    offset: 8,
  },
  {
    name: "a negative length",
    bytes: fieldBytes(11, "ffffffff"),
    message: "Invalid length -1",
    offset: 8,
  },
  {
    name: "a count that the bytes left cannot hold, before anything is allocated",
    bytes: fieldBytes(15, "0a7fffffff"),
    message: "Invalid length 2147483647",
    offset: 9,
  },
  {
    name: "a count of larger elements than the bytes left can hold",
    bytes: fieldBytes(15, "0a00000002" + "00".repeat(14)),
    message: "Invalid length 2",
    offset: 9,
  },
  {
    name: "an unknown address family",
    bytes: fieldBytes(24, "0300000000"),
    message: "Unknown address family 3",
    offset: 8,
  },
  {
    name: "a name that is none",
    bytes: Uint8Array.fromHex("000000021b5b00"),
    message: "Not a message name",
    offset: 0,
  },
  {
    name: "an empty name",
    bytes: Uint8Array.fromHex("0000000000"),
    message: "Not a message name",
    offset: 0,
  },
];

for (const { name, bytes, message, offset } of REJECTED) {
  Deno.test(`decodeMessages() rejects ${name}`, () => {
    assert.throws(() => decodeMessages(bytes), (error) => {
      assert(error instanceof SandeshError);
      assert.equal(error.message, `${message} at byte ${offset}`);
      assert.equal(error.offset, offset);
      return true;
    });
  });
}

Deno.test("decodeMessages() rejects values that nest too deeply", () => {
  const nested = (levels: number): Uint8Array =>
    fieldBytes(12, "0c0001".repeat(levels - 1) + "00".repeat(levels));
  assert.equal(decodeMessages(nested(16)).length, 1);
  assert.throws(() => decodeMessages(nested(100_000)), /^SandeshError: Values nest too deeply/);
});

const UNFIT: readonly { name: string; value: SandeshValue }[] = [
  { name: "a byte of 128", value: { type: "byte", value: 128 } },
  { name: "a u16 of -1", value: { type: "u16", value: -1 } },
  { name: "an i32 of 2^31", value: { type: "i32", value: 2 ** 31 } },
  { name: "a u32 of 2^32", value: { type: "u32", value: 2 ** 32 } },
  { name: "an i16 with a fraction", value: { type: "i16", value: 0.5 } },
  { name: "an i64 of 2^63", value: { type: "i64", value: 2n ** 63n } },
  { name: "a u64 of -1", value: { type: "u64", value: -1n } },
  { name: "a uuid of 15 bytes", value: { type: "uuid", value: new Uint8Array(15) } },
  { name: "an ipaddr of 5 bytes", value: { type: "ipaddr", value: new Uint8Array(5) } },
  {
    name: "a list with an element of another type",
    value: { type: "list", element: "i32", items: [{ type: "i16", value: 1 }] },
  },
];

for (const { name, value } of UNFIT) {
  Deno.test(`encodeMessages() rejects ${name}`, () => {
    assert.throws(() => encodeMessages([messageWith(value)]), RangeError);
  });
}

Deno.test("encodeMessages() rejects what is no name and no field id", () => {
  assert.throws(() => encodeMessages([{ name: "a b", fields: [] }]), RangeError);
  const field: SandeshField = { id: 65536, value: { type: "bool", value: true } };
  assert.throws(() => encodeMessages([{ name: "m", fields: [field] }]), RangeError);
});

const TYPES: readonly SandeshType[] = [
  ...["bool", "byte", "double", "i16", "i32", "u64", "i64", "string", "utf8", "u16"] as const,
  ...["u32", "xml", "ipv4", "uuid", "ipaddr", "struct", "map", "set", "list"] as const,
];

function randomValue(random: Random, type: SandeshType, depth: number): SandeshValue {
  const bytes = random.bytes(8);
  const view = new DataView(bytes.buffer as ArrayBuffer);
  const times = <T>(make: () => T): T[] => Array.from({ length: random.int(4) }, make);
  const inner = (): SandeshType => TYPES[random.int(depth < 5 ? TYPES.length : 15)]!;
  switch (type) {
    case "bool":
      return { type, value: random.int(2) === 1 };
    case "byte":
      return { type, value: view.getInt8(0) };
    case "i16":
      return { type, value: view.getInt16(0) };
    case "u16":
      return { type, value: view.getUint16(0) };
    case "i32":
      return { type, value: view.getInt32(0) };
    case "u32":
    case "ipv4":
      return { type, value: view.getUint32(0) };
    case "i64":
      return { type, value: view.getBigInt64(0) };
    case "u64":
      return { type, value: view.getBigUint64(0) };
    case "double":
      return { type, value: view.getInt32(0) / 8 };
    case "string":
    case "utf8":
    case "xml":
      return { type, value: random.bytes(random.int(20)) };
    case "uuid":
      return { type, value: random.bytes(16) };
    case "ipaddr":
      return { type, value: random.bytes(random.pick([4, 16])) };
    case "struct":
      return { type, fields: randomFields(random, depth + 1) };
    case "list":
    case "set": {
      const element = inner();
      return { type, element, items: times(() => randomValue(random, element, depth + 1)) };
    }
    case "map": {
      const key = inner();
      const mapped = inner();
      const entries = times((): [SandeshValue, SandeshValue] => [
        randomValue(random, key, depth + 1),
        randomValue(random, mapped, depth + 1),
      ]);
      return { type, key, mapped, entries };
    }
  }
}

function randomFields(random: Random, depth: number): SandeshField[] {
  return Array.from({ length: random.int(4) }, () => {
    const type = TYPES[random.int(depth < 5 ? TYPES.length : 15)]!;
    return { id: random.int(65536), value: randomValue(random, type, depth) };
  });
}

Deno.test("decodeMessages() gives back any message that encodeMessages() wrote", () => {
  forRandomCases(20261122, (random) => {
    const messages = [
      { name: "vr_first", fields: randomFields(random, 0) },
      { name: "vr_second", fields: randomFields(random, 0) },
    ];
    assert.deepEqual(decodeMessages(encodeMessages(messages)), messages);
  });
});
