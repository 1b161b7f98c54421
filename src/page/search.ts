/**
 * Which packets a search finds. All of its words have to apply:
 *
 *     10.1.1.7        the packet's lines have it
 *     !icmp           they do not
 *     #17             number of a packet
 *     >1ms  <20us     the time that it took
 *     fn:vr_flow      it has a call of such a function
 *
 * @module
 */

import type { Trace } from "./trace.ts";

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };
const TIME = /^([<>])(\d+(?:\.\d+)?)(ns|us|µs|ms|s)$/;

/** Whether a packet is found. */
type Test = (row: number) => boolean;

/** Texts in lower case, once one is searched for. */
const lowered = new WeakMap<Trace, string[]>();

/**
 * Rows of the packets that are found, in their order.
 *
 * @param type index of an outcome; `null` for any
 */
export function search(trace: Trace, query: string, type: number | null): Uint32Array {
  const tests = query.toLowerCase().split(/\s+/).filter((word) => word !== "").map((word) =>
    testOf(trace, word)
  );
  const { packets } = trace.data;
  const found = new Uint32Array(trace.length);
  let count = 0;
  for (let row = 0; row < trace.length; row++) {
    if (type !== null && packets.type[row] !== type) continue;
    if (tests.every((test) => test(row))) found[count++] = row;
  }
  return found.subarray(0, count);
}

function testOf(trace: Trace, word: string): Test {
  const { packets } = trace.data;
  if (word.length > 1 && word.startsWith("!")) {
    const test = testOf(trace, word.slice(1));
    return (row) => !test(row);
  }
  if (/^#\d+$/.test(word)) return (row) => packets.number[row] === Number(word.slice(1));
  if (word.startsWith("fn:")) return hasCall(trace, word.slice("fn:".length));
  const time = TIME.exec(word);
  if (time !== null) {
    const limit = Number(time[2]) * UNITS[time[3]!]!;
    return time[1] === ">"
      ? (row) => packets.duration[row]! > limit
      : (row) => packets.duration[row]! < limit;
  }
  return hasText(trace, word);
}

function hasText(trace: Trace, word: string): Test {
  const { data } = trace;
  const { packets } = data;
  const texts = lowered.get(trace) ?? data.texts.map((text) => text.toLowerCase());
  lowered.set(trace, texts);
  const hits = Uint8Array.from(texts, (text) => text.includes(word) ? 1 : 0);
  const lines = Uint8Array.from(data.lines, ([text]) => hits[text]!);
  return (row) =>
    hits[packets.text[row]!] === 1 || hits[packets.place[row]!] === 1 ||
    hits[packets.outcome[row]!] === 1 || trace.linesOf(row).some((line) => lines[line] === 1);
}

function hasCall(trace: Trace, name: string): Test {
  const hits = trace.data.functions.map((one) => one.toLowerCase().includes(name));
  return (row) => trace.callsOf(row).some(({ fn }) => hits[fn]);
}
