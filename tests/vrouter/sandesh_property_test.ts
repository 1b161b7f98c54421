import assert from "node:assert/strict";
import {
  decodeMessages,
  encodeMessages,
  SandeshError,
  type SandeshField,
  type SandeshMessage,
  type SandeshValue,
} from "../../src/vrouter/sandesh.ts";
import { attack } from "../support/hostile.ts";
import { capturedPayloads } from "./captured_payloads.ts";
import { forRandomCases } from "../support/property.ts";

/** What messages are made of. */
class Size {
  values = 0;
  stringBytes = 0;
  depth = 0;

  add({ name, fields }: SandeshMessage): void {
    this.stringBytes += name.length;
    this.#fields(fields, 0);
  }

  #fields(fields: readonly SandeshField[], depth: number): void {
    for (const { value } of fields) this.#value(value, depth);
  }

  #value(value: SandeshValue, depth: number): void {
    this.values++;
    this.depth = Math.max(this.depth, depth);
    switch (value.type) {
      case "struct":
        return this.#fields(value.fields, depth + 1);
      case "list":
      case "set":
        for (const item of value.items) this.#value(item, depth + 1);
        return;
      case "map":
        for (const entry of value.entries) for (const item of entry) this.#value(item, depth + 1);
        return;
      default:
        if (value.value instanceof Uint8Array) this.stringBytes += value.value.length;
    }
  }
}

/** Decodes, and checks that there is no more in the result than there was in the bytes. */
function decodeWithinBounds(bytes: Uint8Array): SandeshMessage[] {
  let messages: SandeshMessage[];
  try {
    messages = decodeMessages(bytes);
  } catch (error) {
    if (error instanceof SandeshError) assert.ok(error.offset >= 0 && error.offset <= bytes.length);
    throw error;
  }
  const size = new Size();
  for (const message of messages) size.add(message);
  assert.ok(5 * messages.length + size.values + size.stringBytes <= bytes.length);
  assert.ok(size.depth <= 16);
  return messages;
}

const rejects = (error: unknown): boolean => error instanceof SandeshError;

Deno.test("decodeMessages() takes or rejects damaged payloads, within its bounds", () => {
  attack({
    title: "Sandesh",
    seed: 6,
    originals: [...capturedPayloads().values(), everyType(), nested(16)],
    use: (bytes) => {
      const messages = decodeWithinBounds(bytes);
      // What was read can be written: whole, or there would be less of it.
      assert.equal(encodeMessages(messages).length, bytes.length);
    },
    rejects,
  });
});

/** A message of structs inside each other. */
function nested(levels: number): Uint8Array {
  let value: SandeshValue = { type: "struct", fields: [] };
  for (let level = 1; level < levels; level++) {
    value = { type: "struct", fields: [{ id: 1, value }] };
  }
  return encodeMessages([{ name: "m", fields: [{ id: 1, value }] }]);
}

/** A message with a value of each type, some of them inside each other. */
function everyType(): Uint8Array {
  const byte = { type: "byte", value: 1 } as const;
  const name = { type: "string", value: new Uint8Array(3) } as const;
  const inner = { type: "struct", fields: [{ id: 1, value: byte }] } as const;
  const values: readonly SandeshValue[] = [
    { type: "bool", value: true },
    { type: "i16", value: -2 },
    { type: "u16", value: 2 },
    { type: "u64", value: 5n },
    { type: "double", value: 0.5 },
    { type: "ipv4", value: 0x7f000001 },
    { type: "uuid", value: new Uint8Array(16) },
    { type: "ipaddr", value: new Uint8Array(4) },
    { type: "ipaddr", value: new Uint8Array(16) },
    { type: "utf8", value: new Uint8Array(2) },
    { type: "xml", value: new Uint8Array(1) },
    inner,
    { type: "list", element: "struct", items: [inner, inner] },
    { type: "set", element: "bool", items: [{ type: "bool", value: false }] },
    { type: "map", key: "string", mapped: "struct", entries: [[name, inner], [name, inner]] },
    { type: "list", element: "list", items: [{ type: "list", element: "byte", items: [byte] }] },
  ];
  return encodeMessages([{ name: "m", fields: values.map((value, id) => ({ id, value })) }]);
}

Deno.test("decodeMessages() makes no more of the smallest elements than there are bytes", () => {
  // An element type of each size, and as many elements as can be claimed.
  for (const [code, size] of [[2, 1], [12, 1], [11, 4], [13, 6], [14, 5], [15, 5], [24, 5]]) {
    const list = new Uint8Array(14 + 60_000);
    list.set([0, 0, 0, 1, 0x6d, 15, 0, 7, code!]);
    const view = new DataView(list.buffer);
    view.setInt32(9, Math.floor(60_001 / size!));
    try {
      decodeWithinBounds(list);
    } catch (error) {
      if (!rejects(error)) throw error;
    }
    view.setInt32(9, 0x7fffffff);
    assert.throws(() => decodeWithinBounds(list), /^SandeshError: Invalid length 2147483647/);
  }
});

Deno.test("decodeMessages() takes or rejects random bytes, within its bounds", () => {
  forRandomCases(7, (random) => {
    // A good name in front gets the random bytes to the field decoder.
    const bytes = Uint8Array.of(0, 0, 0, 1, 0x6d, ...random.bytes(random.int(64)));
    try {
      decodeWithinBounds(bytes);
    } catch (error) {
      if (!rejects(error)) throw error;
    }
  });
});
