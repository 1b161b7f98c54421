/**
 * Addresses in bytes to text.
 *
 * @module
 */

/** `02:00:00:00:00:01`. @param at of the first of 6 bytes */
export function macAt(view: DataView, at: number): string {
  const bytes = Array.from({ length: 6 }, (_, index) => view.getUint8(at + index));
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** `10.1.1.1`. @param at of the first of 4 bytes */
export function ipv4At(view: DataView, at: number): string {
  return Array.from({ length: 4 }, (_, index) => view.getUint8(at + index)).join(".");
}

/** As RFC 5952 writes it: `2001:db8::1`, `::ffff:10.1.1.1`. @param at of the first of 16 bytes */
export function ipv6At(view: DataView, at: number): string {
  const words = Array.from({ length: 8 }, (_, index) => view.getUint16(at + 2 * index));
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    return `::ffff:${ipv4At(view, at + 12)}`;
  }
  const [start, length] = longestZeros(words);
  const text = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  // A single zero is not shortened.
  if (length < 2) return text(words);
  return `${text(words.slice(0, start))}::${text(words.slice(start + length))}`;
}

/** Start and length of the longest run of zeros, of equal ones the first. */
function longestZeros(words: readonly number[]): [start: number, length: number] {
  let longest: [number, number] = [0, 0];
  let start = 0;
  for (const [index, word] of words.entries()) {
    if (word !== 0) start = index + 1;
    else if (index + 1 - start > longest[1]) longest = [start, index + 1 - start];
  }
  return longest;
}
