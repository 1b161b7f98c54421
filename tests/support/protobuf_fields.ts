/**
 * Fields of messages of Protocol Buffers, where there is no protoc.
 *
 * Format: https://protobuf.dev/programming-guides/encoding/
 *
 * @module
 */

import assert from "node:assert/strict";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Values of a field that are bytes: texts and messages. */
export function fieldsIn(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = message[at++];
      assert.ok(byte !== undefined, "a message that is cut");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === VARINT) varint();
    else if (type === FIXED64) at += 8;
    else if (type === FIXED32) at += 4;
    else {
      assert.equal(type, BYTES);
      const end = varint() + at;
      assert.ok(end <= message.length, "a message that is cut");
      if (Math.floor(tag / 8) === wanted) found.push(message.subarray(at, end));
      at = end;
    }
  }
  return found;
}

/** Values of the fields on a path, from the outermost message on. */
export function fieldsAt(message: Uint8Array, ...path: readonly number[]): Uint8Array[] {
  return path.reduce(
    (messages, field) => messages.flatMap((one) => fieldsIn(one, field)),
    [message],
  );
}
