/**
 * Sandesh, the encoding of the vrouter module's netlink messages ("buffer sandesh", Thrift's binary
 * protocol without a message header). All numbers are big endian:
 *
 * ```text
 * message := i32 length of name, name, fields
 * fields  := { u8 type, u16 id, value }*, u8 0 (stop)
 * string  := i32 length, bytes without NUL
 * list    := u8 element type, i32 count, values           (a set likewise)
 * map     := u8 key type, u8 value type, i32 count, { key, value }*
 * struct  := fields                                      (a nested one has no name)
 * ```
 *
 * Types and sizes are those of the sandesh C library that the module is built with; `ipaddr` is from
 * the C++ library.
 *
 * @module
 */

/** Type codes on the wire: ThriftType of the library. */
const CODES = {
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  u64: 9,
  i64: 10,
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
  utf8: 16,
  u16: 19,
  u32: 20,
  xml: 21,
  ipv4: 22,
  uuid: 23,
  ipaddr: 24,
} as const;

/** Name of a Sandesh type. */
export type SandeshType = keyof typeof CODES;

/** A value with its type; 64-bit integers are bigint, strings are their bytes. */
export type SandeshValue =
  | { readonly type: "bool"; readonly value: boolean }
  | {
    readonly type: "byte" | "i16" | "i32" | "u16" | "u32" | "ipv4" | "double";
    readonly value: number;
  }
  | { readonly type: "i64" | "u64"; readonly value: bigint }
  /** `uuid` has 16 bytes; `ipaddr` has 4 or 16, without the address family. */
  | {
    readonly type: "string" | "utf8" | "xml" | "uuid" | "ipaddr";
    readonly value: Uint8Array;
  }
  | { readonly type: "struct"; readonly fields: readonly SandeshField[] }
  | {
    readonly type: "list" | "set";
    readonly element: SandeshType;
    readonly items: readonly SandeshValue[];
  }
  | {
    readonly type: "map";
    readonly key: SandeshType;
    readonly mapped: SandeshType;
    readonly entries: readonly (readonly [SandeshValue, SandeshValue])[];
  };

/** A field of a message or struct. */
export interface SandeshField {
  /** Number of the field in its struct, 0 to 65535. */
  readonly id: number;
  readonly value: SandeshValue;
}

/** A message: a struct with its name. */
export interface SandeshMessage {
  readonly name: string;
  readonly fields: readonly SandeshField[];
}

/** Bytes that are not Sandesh. */
export class SandeshError extends Error {
  override readonly name = "SandeshError";

  /** @param offset of the first invalid byte */
  constructor(problem: string, readonly offset: number) {
    super(`${problem} at byte ${offset}`);
  }
}

const STOP = 0;
const AF_INET = 2;
const AF_INET6 = 10;
const UUID_BYTES = 16;
/** Maximum nesting of structs, lists, sets and maps; vrouter's messages have two levels. */
const MAXIMUM_DEPTH = 16;
const MESSAGE_NAME = /^[\w.]{1,128}$/;

const TYPES: ReadonlyMap<number, SandeshType> = new Map(
  Object.entries(CODES).map(([type, code]) => [code, type as SandeshType]),
);

/** Minimum size of each type in bytes; bounds counts before anything is allocated. */
const SMALLEST: Readonly<Record<SandeshType, number>> = {
  bool: 1,
  byte: 1,
  double: 8,
  i16: 2,
  i32: 4,
  u64: 8,
  i64: 8,
  string: 4,
  struct: 1,
  map: 6,
  set: 5,
  list: 5,
  utf8: 4,
  u16: 2,
  u32: 4,
  xml: 4,
  ipv4: 4,
  uuid: UUID_BYTES,
  ipaddr: 5,
};

/** Minimum and maximum of the integer types represented by numbers. */
const RANGES = {
  byte: [-0x80, 0x7f],
  i16: [-0x8000, 0x7fff],
  u16: [0, 0xffff],
  i32: [-0x80000000, 0x7fffffff],
  u32: [0, 0xffffffff],
  ipv4: [0, 0xffffffff],
} as const;

/**
 * Decodes the messages in `bytes`, one after the other. Keeps all fields, including those unknown to
 * callers.
 *
 * Each value takes at least one byte of input, so there are no more values than bytes; a count is
 * rejected if that many values cannot follow. All strings together are no longer than the input. The
 * worst input, a list of booleans or of empty structs, takes less than 200 bytes of memory per byte.
 *
 * @param bytes the payload of vrouter's netlink attribute
 * @returns the messages; their strings are copies
 * @throws {SandeshError} if the bytes are truncated, have an unknown type, or nest too deeply
 */
export function decodeMessages(bytes: Uint8Array): SandeshMessage[] {
  const reader = new Reader(bytes);
  const messages: SandeshMessage[] = [];
  while (!reader.atEnd) {
    const start = reader.offset;
    const name = String.fromCharCode(...reader.string().subarray(0, 129));
    if (!MESSAGE_NAME.test(name)) throw new SandeshError("Not a message name", start);
    messages.push({ name, fields: reader.fields(0) });
  }
  return messages;
}

/**
 * Encodes `messages` one after the other, with the fields in the given order.
 *
 * @throws {RangeError} if a value does not fit its type
 */
export function encodeMessages(messages: readonly SandeshMessage[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  for (const message of messages) {
    if (!MESSAGE_NAME.test(message.name)) {
      throw new RangeError(`"${message.name}" is not a valid name of a Sandesh message`);
    }
    writer.string(new TextEncoder().encode(message.name));
    writer.fields(message.fields);
  }
  return writer.bytes();
}

class Reader {
  #offset = 0;
  readonly #view: DataView;

  constructor(private readonly input: Uint8Array) {
    this.#view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get atEnd(): boolean {
    return this.#offset === this.input.length;
  }

  /** Consumes `size` bytes and returns their offset. */
  #take(size: number): number {
    const start = this.#offset;
    if (size > this.input.length - start) throw new SandeshError("Truncated message", start);
    this.#offset = start + size;
    return start;
  }

  #copy(size: number): Uint8Array {
    const start = this.#take(size);
    return this.input.slice(start, start + size);
  }

  string(): Uint8Array {
    return this.#copy(this.#count(1));
  }

  /** Reads a length, or a count of items of at least `smallest` bytes each. */
  #count(smallest: number): number {
    const start = this.#take(4);
    const count = this.#view.getInt32(start);
    if (count < 0 || count * smallest > this.input.length - this.#offset) {
      throw new SandeshError(`Invalid length ${count}`, start);
    }
    return count;
  }

  #type(): SandeshType {
    const start = this.#take(1);
    const code = this.#view.getUint8(start);
    const type = TYPES.get(code);
    if (type === undefined) throw new SandeshError(`Unknown type ${code}`, start);
    return type;
  }

  fields(depth: number): SandeshField[] {
    const fields: SandeshField[] = [];
    for (;;) {
      if (this.input[this.#offset] === STOP) {
        this.#offset++;
        return fields;
      }
      const type = this.#type();
      const id = this.#view.getUint16(this.#take(2));
      fields.push({ id, value: this.#value(type, depth) });
    }
  }

  #value(type: SandeshType, depth: number): SandeshValue {
    if (depth > MAXIMUM_DEPTH) throw new SandeshError("Values nest too deeply", this.#offset);
    switch (type) {
      case "bool":
        return { type, value: this.#view.getUint8(this.#take(1)) !== 0 };
      case "byte":
        return { type, value: this.#view.getInt8(this.#take(1)) };
      case "i16":
        return { type, value: this.#view.getInt16(this.#take(2)) };
      case "u16":
        return { type, value: this.#view.getUint16(this.#take(2)) };
      case "i32":
        return { type, value: this.#view.getInt32(this.#take(4)) };
      case "u32":
      case "ipv4":
        return { type, value: this.#view.getUint32(this.#take(4)) };
      case "i64":
        return { type, value: this.#view.getBigInt64(this.#take(8)) };
      case "u64":
        return { type, value: this.#view.getBigUint64(this.#take(8)) };
      case "double":
        return { type, value: this.#view.getFloat64(this.#take(8)) };
      case "string":
      case "utf8":
      case "xml":
        return { type, value: this.string() };
      case "uuid":
        return { type, value: this.#copy(UUID_BYTES) };
      case "ipaddr":
        return { type, value: this.#address() };
      case "struct":
        return { type, fields: this.fields(depth + 1) };
      case "list":
      case "set":
        return this.#list(type, depth);
      case "map":
        return this.#map(depth);
    }
  }

  #address(): Uint8Array {
    const start = this.#take(1);
    const family = this.#view.getUint8(start);
    if (family === AF_INET) return this.#copy(4);
    if (family === AF_INET6) return this.#copy(16);
    throw new SandeshError(`Unknown address family ${family}`, start);
  }

  #list(type: "list" | "set", depth: number): SandeshValue {
    const element = this.#type();
    const count = this.#count(SMALLEST[element]);
    const items: SandeshValue[] = [];
    for (let index = 0; index < count; index++) items.push(this.#value(element, depth + 1));
    return { type, element, items };
  }

  #map(depth: number): SandeshValue {
    const key = this.#type();
    const mapped = this.#type();
    const count = this.#count(SMALLEST[key] + SMALLEST[mapped]);
    const entries: [SandeshValue, SandeshValue][] = [];
    for (let index = 0; index < count; index++) {
      entries.push([this.#value(key, depth + 1), this.#value(mapped, depth + 1)]);
    }
    return { type: "map", key, mapped, entries };
  }
}

class Writer {
  #buffer = new Uint8Array(256);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(0, this.#length);
  }

  /** Appends `size` bytes and returns their offset. */
  #grow(size: number): number {
    const start = this.#length;
    this.#length += size;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#buffer.length));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }

  #append(bytes: Uint8Array): void {
    // Grow first, as that may replace the buffer.
    const start = this.#grow(bytes.length);
    this.#buffer.set(bytes, start);
  }

  #byte(value: number): void {
    const start = this.#grow(1);
    this.#view.setUint8(start, value);
  }

  #count(count: number): void {
    const start = this.#grow(4);
    this.#view.setInt32(start, count);
  }

  string(bytes: Uint8Array): void {
    this.#count(bytes.length);
    this.#append(bytes);
  }

  fields(fields: readonly SandeshField[]): void {
    for (const { id, value } of fields) {
      if (!Number.isInteger(id) || id < 0 || id > 0xffff) {
        throw new RangeError(`${id} is not a valid id of a Sandesh field`);
      }
      this.#byte(CODES[value.type]);
      const start = this.#grow(2);
      this.#view.setUint16(start, id);
      this.#value(value);
    }
    this.#byte(STOP);
  }

  #value(value: SandeshValue): void {
    switch (value.type) {
      case "bool":
        return this.#byte(value.value ? 1 : 0);
      case "byte":
      case "i16":
      case "u16":
      case "i32":
      case "u32":
      case "ipv4":
        return this.#integer(value.type, value.value);
      case "i64":
      case "u64":
        return this.#long(value.type, value.value);
      case "double": {
        const start = this.#grow(8);
        return this.#view.setFloat64(start, value.value);
      }
      case "string":
      case "utf8":
      case "xml":
        return this.string(value.value);
      case "uuid":
        if (value.value.length !== UUID_BYTES) throw new RangeError("A uuid has 16 bytes");
        return this.#append(value.value);
      case "ipaddr":
        return this.#address(value.value);
      case "struct":
        return this.fields(value.fields);
      case "list":
      case "set":
        this.#byte(CODES[value.element]);
        this.#count(value.items.length);
        for (const item of value.items) this.#element(value.element, item);
        return;
      case "map":
        this.#byte(CODES[value.key]);
        this.#byte(CODES[value.mapped]);
        this.#count(value.entries.length);
        for (const [key, mapped] of value.entries) {
          this.#element(value.key, key);
          this.#element(value.mapped, mapped);
        }
        return;
    }
  }

  #element(type: SandeshType, value: SandeshValue): void {
    if (value.type !== type) throw new RangeError(`A ${value.type} among elements of type ${type}`);
    this.#value(value);
  }

  #integer(type: keyof typeof RANGES, value: number): void {
    const [low, high] = RANGES[type];
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new RangeError(`${value} does not fit the Sandesh type ${type}`);
    }
    const size = SMALLEST[type];
    const start = this.#grow(size);
    // Two's complement: the low bytes of a signed and of an unsigned number are the same.
    if (size === 1) this.#view.setInt8(start, value);
    else if (size === 2) this.#view.setInt16(start, value);
    else this.#view.setInt32(start, value);
  }

  #long(type: "i64" | "u64", value: bigint): void {
    const fits = type === "i64" ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
    if (fits !== value) throw new RangeError(`${value} does not fit the Sandesh type ${type}`);
    const start = this.#grow(8);
    this.#view.setBigInt64(start, value);
  }

  #address(bytes: Uint8Array): void {
    if (bytes.length !== 4 && bytes.length !== 16) {
      throw new RangeError("An IP address has 4 or 16 bytes");
    }
    this.#byte(bytes.length === 4 ? AF_INET : AF_INET6);
    this.#append(bytes);
  }
}
