import assert from "node:assert/strict";
import type { ClassicInstruction } from "../../src/packet/classic.ts";
import {
  FRAME_BYTES,
  type Instruction,
  MATCH,
  NO_MATCH,
  translate,
  TranslationError,
  UNDECIDED,
} from "../../src/packet/ebpf.ts";
import { Libpcap } from "../../src/packet/libpcap.ts";
import { run } from "../../src/packet/ebpf_interpreter.ts";
import { EXPRESSIONS } from "../support/expressions.ts";
import { type Frame, randomFrame } from "../support/frames.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 11;
const FRAMES = 4_000;

const random = new Random(SEED);
const frames: readonly Frame[] = Array.from(
  { length: propertyRuns(FRAMES) },
  () => randomFrame(random),
);

Deno.test("a translated filter answers as libpcap does, or that it cannot tell yet", async () => {
  using libpcap = await Libpcap.open();
  console.log(`${EXPRESSIONS.length} expressions × ${frames.length} frames from seed ${SEED}`);
  let matches = 0;
  let undecided = 0;
  for (const expression of EXPRESSIONS) {
    for (const optimized of [true, false]) {
      const classic = libpcap.compile(expression, optimized);
      const program = translate(classic);
      // Each of the two takes every other frame: what differs is libpcap's part.
      for (let index = optimized ? 0 : 1; index < frames.length; index += 2) {
        const { captured, whole } = frames[index]!;
        const answer = check(
          libpcap,
          classic,
          program,
          captured,
          whole,
          `"${expression}" ${index}`,
        );
        matches += answer === MATCH ? 1 : 0;
        undecided += answer === UNDECIDED ? 1 : 0;
      }
    }
  }
  console.log(`${matches} matches, ${undecided} undecided`);
  assert.ok(matches > frames.length && undecided > frames.length / 10);
});

function check(
  libpcap: Libpcap,
  classic: readonly ClassicInstruction[],
  program: readonly Instruction[],
  captured: Uint8Array<ArrayBuffer>,
  whole: Uint8Array<ArrayBuffer>,
  what: string,
): number {
  const hand = captured.subarray(0, FRAME_BYTES);
  const answer = run(program, hand, hand.length, whole.length);
  if (answer === UNDECIDED) {
    assert.ok(hand.length < whole.length, `${what}: undecided about a whole frame`);
    // What it lacked ends libpcap's run with no match.
    assert.equal(libpcap.matches(classic, hand.slice(), whole.length), false, what);
  } else {
    assert.equal(answer, libpcap.matches(classic, whole, whole.length) ? MATCH : NO_MATCH, what);
    // As if the rest did not exist.
    assert.equal(
      run(program, hand, hand.length, hand.length),
      libpcap.matches(classic, hand.slice(), hand.length) ? MATCH : NO_MATCH,
      what,
    );
  }
  return answer;
}

Deno.test("what a program in the kernel cannot do is refused, with the reason", async () => {
  using libpcap = await Libpcap.open();
  const refused = (expression: string, optimized: boolean, reason: RegExp): void => {
    assert.throws(
      () => translate(libpcap.compile(expression, optimized)),
      (error) => error instanceof TranslationError && reason.test(error.message),
      expression,
    );
  };
  for (const optimized of [true, false]) {
    refused("ip protochain 6", optimized, /loop/);
    refused("ip6 protochain 6", optimized, /loop/);
    refused("inbound", optimized, /direction/);
  }
  refused("ether[300] = 1", true, /reads byte 301 .* first 256/);
  refused("ip[250:4] = 1", true, /first 256/);
});

Deno.test("repeated checks are left out of the translation", async () => {
  using libpcap = await Libpcap.open();
  const size = (expression: string): number => translate(libpcap.compile(expression, true)).length;
  assert.ok(size("icmp and host 10.1.1.2") <= 30, `${size("icmp and host 10.1.1.2")}`);
  const long = "tcp and (port 80 or 443 or 8080) and (host 10.1.1.1 or 10.1.1.2)";
  const classic = libpcap.compile(long, true).length;
  assert.ok(size(long) <= 2.5 * classic, `${size(long)} of ${classic}`);
});
