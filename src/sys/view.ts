/**
 * Views over bytes.
 *
 * @module
 */

/** A view to read or write the numbers of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
