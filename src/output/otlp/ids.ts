/**
 * Ids of traces and spans, from what they are of: whoever sends a packet twice sends the same trace, and a
 * packet can refer to another one of which nothing is kept.
 *
 * @module
 */

/** Bytes of an id of a trace, and of a span. */
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;

/** Ids of one run. Those returned are overwritten by the next call of the same method. */
export class TraceIds {
  readonly #seeds = new Uint32Array(4);
  readonly #trace = new DataView(new ArrayBuffer(TRACE_BYTES));
  readonly #span = new DataView(new ArrayBuffer(SPAN_BYTES));
  readonly #traceBytes = new Uint8Array(this.#trace.buffer);
  readonly #spanBytes = new Uint8Array(this.#span.buffer);

  /** @param run what makes packets of this run, on this host, differ from those of others */
  constructor(run: string) {
    for (let word = 0; word < this.#seeds.length; word++) this.#seeds[word] = hash(run, word);
  }

  /** Of a packet. @param number of the packet, from 1 to 2^53 - 1 */
  trace(number: number): Uint8Array {
    for (let word = 0; word < TRACE_BYTES / 4; word++) {
      this.#trace.setUint32(4 * word, mixed(this.#seeds[word]!, number, 0));
    }
    // All zero is no id.
    if (this.#traceBytes.every((byte) => byte === 0)) this.#traceBytes[0] = 1;
    return this.#traceBytes;
  }

  /**
   * Of a part of a packet's way.
   *
   * @param number of the packet
   * @param place a whole number of 32 bits, another one for each part
   */
  span(number: number, place: number): Uint8Array {
    for (let word = 0; word < SPAN_BYTES / 4; word++) {
      this.#span.setUint32(4 * word, mixed(this.#seeds[word]! ^ SPAN_SALT, number, place));
    }
    if (this.#spanBytes.every((byte) => byte === 0)) this.#spanBytes[0] = 1;
    return this.#spanBytes;
  }

  /** Whether a packet is among one in `every`, chosen by its number. */
  isChosen(number: number, every: number): boolean {
    return mixed(this.#seeds[3]! ^ CHOICE_SALT, number, 0) % every === 0;
  }
}

/** So that an id of a span is not a part of that of its trace. */
const SPAN_SALT = 0x5bd1e995;
const CHOICE_SALT = 0x27d4eb2f;
const TWO_32 = 2 ** 32;

/** FNV-1a of the units of a text, another one for each `word`. */
function hash(text: string, word: number): number {
  let sum = 0x811c9dc5 ^ scattered(word + 1);
  for (let at = 0; at < text.length; at++) {
    sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193);
  }
  return scattered(sum);
}

function mixed(seed: number, number: number, place: number): number {
  const low = scattered(seed ^ scattered(number | 0));
  const high = scattered(low + Math.floor(number / TWO_32) + 0x9e3779b9);
  return scattered(high ^ scattered(place + 0x7f4a7c15)) >>> 0;
}

/** The last step of MurmurHash3: each bit of the result depends on all bits of `value`. */
function scattered(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ bits >>> 16, 0x85ebca6b);
  bits = Math.imul(bits ^ bits >>> 13, 0xc2b2ae35);
  return bits ^ bits >>> 16;
}
