/**
 * The data of the page, as they are in it.
 *
 * @module
 */

import { type PageCall, readCalls } from "../output/html/calls.ts";
import { PAGE_VERSION, type PageData, type Tone, TONES } from "../output/html/page_data.ts";

const JSON_LENGTH_BYTES = 4;

/** A trace. */
export class Trace {
  /** By packet: where its stages, lines and calls begin. */
  readonly #stages: Uint32Array;
  readonly #lines: Uint32Array;
  readonly #calls: Uint32Array;

  /** @param calls those of all packets, as bytes */
  constructor(readonly data: PageData, readonly calls: Uint8Array) {
    const { packets } = data;
    this.#stages = starts(packets.stages);
    this.#lines = starts(packets.lines);
    this.#calls = starts(packets.callBytes);
  }

  /** Packets in the page. */
  get length(): number {
    return this.data.packets.number.length;
  }

  /** A text; empty for none. */
  text(index: number): string {
    return this.data.texts[index] ?? "";
  }

  tone(row: number): Tone {
    return TONES[this.data.packets.tone[row]!]!;
  }

  /** Stages of a packet, in their order: name and nanoseconds. */
  stagesOf(row: number): { readonly name: string; readonly duration: number }[] {
    const { packets, stageNames } = this.data;
    const from = this.#stages[row]!;
    return Array.from({ length: packets.stages[row]! }, (_, at) => ({
      name: stageNames[packets.stage[from + at]!]!,
      duration: packets.stageTime[from + at]!,
    }));
  }

  /** Lines of a packet's way, as indexes in `data.lines`. */
  linesOf(row: number): readonly number[] {
    const { packets } = this.data;
    const from = this.#lines[row]!;
    return packets.line.slice(from, from + packets.lines[row]!);
  }

  callsOf(row: number): PageCall[] {
    return readCalls(this.calls.subarray(this.#calls[row]!), this.data.packets.calls[row]!);
  }

  /** Row of the packet with this number; -1 if there is none. */
  rowOf(number: number): number {
    return this.data.packets.number.indexOf(number);
  }
}

/** Reads the block that the page has. @param base64 its text */
export async function readTrace(base64: string): Promise<Trace> {
  const packed = fromBase64(base64);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const json = bytes.subarray(JSON_LENGTH_BYTES, JSON_LENGTH_BYTES + length);
  const data = JSON.parse(new TextDecoder().decode(json)) as PageData;
  if (data.version !== PAGE_VERSION) throw new Error(`The data are of version ${data.version}`);
  return new Trace(data, bytes.subarray(JSON_LENGTH_BYTES + length));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  // Browsers before 2025 have no other.
  const { fromBase64 } = Uint8Array as Partial<Pick<typeof Uint8Array, "fromBase64">>;
  return fromBase64?.call(Uint8Array, text) ??
    Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function starts(counts: readonly number[]): Uint32Array {
  const result = new Uint32Array(counts.length);
  let sum = 0;
  for (let row = 0; row < counts.length; row++) {
    result[row] = sum;
    sum += counts[row]!;
  }
  return result;
}
