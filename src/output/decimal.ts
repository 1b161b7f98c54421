/**
 * Writes decimal digits directly into a buffer: no allocation, and no BigInt for a u64.
 *
 * @module
 */

/** Eight blanks, as the double with their bits, to store eight bytes at once. */
export const BLANKS = new Float64Array(new Uint8Array(8).fill(0x20).buffer)[0]!;

/**
 * By number below 1000: its three digits and a blank, as a little-endian word.
 */
export const THREE_DIGITS = new Uint32Array(1000);
// A plain loop, as a function per entry took as long as parsing the command line.
for (let number = 0; number < 1000; number++) {
  const hundreds = (number / 100) | 0;
  const tens = ((number / 10) | 0) % 10;
  THREE_DIGITS[number] = 0x20303030 + hundreds + tens * 0x100 + (number % 10) * 0x10000;
}

/** Bytes that {@linkcode Decimal64.write} may touch. */
export const DECIMAL64_BYTES = 24;

const BILLION = 1e9;
const TWO_TO_32 = 2 ** 32;

/**
 * Writes u64 numbers that mostly share their leading digits, such as the timestamps of a trace: all but
 * the last nine digits are cached.
 */
export class Decimal64 {
  /** The number of the cached digits followed by nine zeros. */
  #baseLow = 0;
  #baseHigh = 0;
  /** Number of cached digits; none for numbers below a billion, as initially. */
  #kept = 0;
  /** The cached digits, up to eleven, followed by blanks. */
  readonly #digits = new DataView(new ArrayBuffer(16));

  /**
   * Writes a number's digits, followed by blanks.
   *
   * @param view buffer with {@linkcode DECIMAL64_BYTES} from `at`, all of which are overwritten
   * @param at index of the first digit
   * @param low the number's low 32 bits, signed or not
   * @param high its high 32 bits, signed or not
   * @returns number of digits
   */
  write(view: DataView, at: number, low: number, high: number): number {
    let rest = this.#above(low, high);
    // Exact whenever it is in range: the difference is then below 2**30.
    if (!(rest >= 0 && rest < BILLION)) {
      this.#keep(low >>> 0, high >>> 0);
      rest = this.#above(low, high);
    }
    if (this.#kept === 0) return writeSmall(view, at, rest);
    view.setFloat64(at, this.#digits.getFloat64(0, true), true);
    view.setFloat64(at + 8, this.#digits.getFloat64(8, true), true);
    view.setFloat64(at + 16, BLANKS, true);
    const millions = (rest / 1e6) | 0;
    const below = rest - millions * 1e6;
    const thousands = (below / 1e3) | 0;
    const end = at + this.#kept;
    view.setUint32(end, THREE_DIGITS[millions]!, true);
    view.setUint32(end + 3, THREE_DIGITS[thousands]!, true);
    view.setUint32(end + 6, THREE_DIGITS[below - thousands * 1000]!, true);
    return this.#kept + 9;
  }

  #above(low: number, high: number): number {
    return ((high >>> 0) - this.#baseHigh) * TWO_TO_32 + ((low >>> 0) - this.#baseLow);
  }

  /** Caches the leading digits of a number, found by long division in base 2**16. */
  #keep(low: number, high: number): void {
    let billions = 0;
    let rest = 0;
    for (const digit of [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff]) {
      const dividend = rest * 0x10000 + digit; // below 2**46
      const quotient = Math.floor(dividend / BILLION);
      billions = billions * 0x10000 + quotient;
      rest = dividend - quotient * BILLION;
    }
    const borrow = low < rest ? 1 : 0;
    this.#baseLow = low - rest + borrow * TWO_TO_32;
    this.#baseHigh = high - borrow;
    const digits = billions === 0 ? "" : String(billions);
    this.#kept = digits.length;
    for (let index = 0; index < 16; index++) {
      this.#digits.setUint8(index, index < digits.length ? digits.charCodeAt(index) : 0x20);
    }
  }
}

/** Writes a number below a billion, as {@linkcode Decimal64.write} does. */
function writeSmall(view: DataView, at: number, number: number): number {
  for (let index = 0; index < DECIMAL64_BYTES; index += 8) {
    view.setFloat64(at + index, BLANKS, true);
  }
  let length = 1;
  for (let power = 10; power <= number; power *= 10) length++;
  for (let index = length - 1; index >= 0; index--) {
    view.setUint8(at + index, 0x30 + number % 10);
    number = Math.floor(number / 10);
  }
  return length;
}
