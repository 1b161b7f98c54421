/**
 * Addresses in words.
 *
 * @module
 */

/** `02:00:00:00:00:01`, `10.1.1.5` or `2001:db8::1` (RFC 5952), by the number of bytes: 6, 4 or 16. */
export function address(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 6) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
  }
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(2 * index).toString(16));
  return shortened(groups);
}

/** The longest run of zeroes, of at least two, is left out. */
function shortened(groups: readonly string[]): string {
  let [start, length] = [0, 1];
  for (let from = 0; from < groups.length; from++) {
    let to = from;
    while (groups[to] === "0") to++;
    if (to - from > length) [start, length] = [from, to - from];
  }
  if (length < 2) return groups.join(":");
  const [before, after] = [groups.slice(0, start), groups.slice(start + length)];
  return `${before.join(":")}::${after.join(":")}`;
}
