/**
 * Attributes of OTLP: names with values.
 *
 * Format: opentelemetry/proto/common/v1/common.proto of https://github.com/open-telemetry/opentelemetry-proto
 *
 * @module
 */

import type { Message } from "../protobuf.ts";

/** What an attribute may have; `null` leaves it out. */
export type AttributeValue = string | number | boolean | readonly string[] | null;

// Fields of KeyValue.
const KEY = 1;
const VALUE = 2;
// Fields of AnyValue.
const STRING = 1;
const BOOL = 2;
const INT = 3;
const ARRAY = 5;
/** Of ArrayValue. */
const VALUES = 1;

/**
 * Writes an attribute.
 *
 * @param field number of the attributes in the message that they are of
 * @param value numbers are whole, and not negative
 */
export function putAttribute(
  out: Message,
  field: number,
  key: string,
  value: AttributeValue,
): void {
  if (value === null) return;
  const attribute = out.begin(field);
  out.text(KEY, key);
  const any = out.begin(VALUE);
  if (typeof value === "string") out.text(STRING, value);
  else if (typeof value === "number") out.number(INT, value);
  else if (typeof value === "boolean") out.number(BOOL, value ? 1 : 0);
  else {
    const array = out.begin(ARRAY);
    for (const text of value) {
      const one = out.begin(VALUES);
      out.text(STRING, text);
      out.end(one);
    }
    out.end(array);
  }
  out.end(any);
  out.end(attribute);
}
