/**
 * Bytes in hexadecimal.
 *
 * @module
 */

/** Parses hexadecimal digits, ignoring blanks. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/gi) ?? [], (byte) => parseInt(byte, 16));
}
