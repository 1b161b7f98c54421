/**
 * Fields of the vrouter module's messages, by their numbers.
 *
 * @module
 */

import type { SandeshMessage, SandeshValue } from "./sandesh.ts";

/** A message that is Sandesh, and not what the module sends. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

/** Values by the numbers of their fields. */
export type MessageFields = ReadonlyMap<number, SandeshValue>;

export function fieldsOf(message: SandeshMessage): MessageFields {
  return new Map(message.fields.map((field) => [field.id, field.value]));
}

/** A 32-bit or smaller integer; 0 if absent, as in the module. @throws {MessageError} */
export function integer(fields: MessageFields, id: number): number {
  const field = fields.get(id);
  if (field === undefined) return 0;
  switch (field.type) {
    case "byte":
    case "i16":
    case "u16":
    case "i32":
    case "u32":
      return field.value;
    default:
      throw new MessageError(`field ${id} is of type ${field.type}`);
  }
}

/** A 64-bit counter, unsigned in the module; rounded above 2^53. @throws {MessageError} */
export function counter(fields: MessageFields, id: number): number {
  return Number(word(fields, id));
}

/** A 64-bit number, unsigned in the module; 0 if absent. @throws {MessageError} */
export function word(fields: MessageFields, id: number): bigint {
  const field = fields.get(id);
  if (field === undefined) return 0n;
  switch (field.type) {
    case "i64":
    case "u64":
      return BigInt.asUintN(64, field.value);
    default:
      throw new MessageError(`field ${id} is of type ${field.type}`);
  }
}

/** A list of bytes; empty if absent. @throws {MessageError} */
export function byteList(fields: MessageFields, id: number): Uint8Array {
  const field = fields.get(id);
  if (field === undefined) return new Uint8Array();
  if (field.type !== "list") throw new MessageError(`field ${id} is of type ${field.type}`);
  if (field.items.length > 0 && field.element !== "byte") {
    throw new MessageError(`field ${id} is a list of ${field.element}`);
  }
  return Uint8Array.from(field.items, (item) => item.type === "byte" ? item.value : 0);
}

/** A list of 32-bit integers; empty if absent. @throws {MessageError} */
export function integerList(fields: MessageFields, id: number): readonly number[] {
  const field = fields.get(id);
  if (field === undefined) return [];
  if (field.type !== "list") throw new MessageError(`field ${id} is of type ${field.type}`);
  return field.items.map((item) => {
    if (item.type !== "i32") throw new MessageError(`field ${id} is a list of ${item.type}`);
    return item.value;
  });
}
