import assert from "node:assert/strict";
import { decode, type Flow, type Instruction } from "../../src/kernel/x86.ts";
import { hex } from "../support/hex.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 0x86;

function blank(): Instruction {
  return { length: -1, flow: "next", target: -1, register: -1 };
}

/** What the instruction at the start of the bytes is; more bytes follow it. */
function decoded(digits: string): Instruction | undefined {
  const into = blank();
  const code = new Uint8Array([...hex(digits), ...new Uint8Array(16).fill(0x90)]);
  return decode(code, 0, into) ? into : undefined;
}

/** Instructions that are as long as they are written here, and go on to the next one. */
const FORMS: Record<string, readonly string[]> = {
  "without operands": ["90", "c9", "f4", "98", "a4", "9c", "ec"],
  "in a register": ["50", "5f", "91"],
  "with legacy prefixes": ["66 90", "f3 a4", "f2 ae", "2e 90", "f0 01 03", "64 8b 03", "65 a4"],
  "with REX": ["41 50", "48 89 e5", "4d 89 ff", "44 0f b6 c0"],
  "with prefixes before REX": ["66 41 50", "f3 48 a5", "65 48 8b 03", "f0 48 0f c1 03"],
  "between registers": ["01 c3", "89 ff", "85 c0", "0f af c3"],
  "at an address in a register": ["01 03", "8b 06", "41 8b 07"],
  "at a displacement of one byte": ["01 43 10", "8b 45 f8", "41 8b 46 10"],
  "at a displacement of four bytes": ["01 83 10 00 00 00", "8b 85 00 ff ff ff"],
  "relative to rip": ["8b 05 10 00 00 00", "48 8d 3d 00 00 00 00", "41 8b 05 00 00 00 00"],
  "with SIB": ["8b 04 24", "8b 04 c8", "42 8b 04 20"],
  "with SIB and a displacement of one byte": ["8b 44 24 08", "8b 44 c8 01"],
  "with SIB and a displacement of four bytes": ["8b 84 24 00 01 00 00"],
  "with SIB and no base": ["8b 04 25 00 00 00 00", "8b 04 c5 00 00 00 00"],
  // Base 5 means "none" with mod 0 alone, for r13 as for rbp.
  "with SIB and base rbp": ["8b 44 05 00", "41 8b 44 05 00", "43 8b 04 2d 00 00 00 00"],
  "with an immediate of one byte": ["04 01", "6a 01", "83 c0 01", "6b c0 03", "c1 e0 04", "b0 01"],
  "with an immediate of two bytes": ["66 05 01 00", "66 68 01 00", "66 81 c0 01 00"],
  "with an immediate of four bytes": ["05 01 00 00 00", "68 01 00 00 00", "81 c0 01 00 00 00"],
  "with 66h and another immediate of two bytes": [
    "66 b8 34 12",
    "66 c7 03 34 12",
    "66 69 c0 03 00",
  ],
  "with 66h that REX.W outdoes": ["66 48 81 c0 01 00 00 00", "66 48 f7 c0 01 00 00 00"],
  "with 66h and an immediate of one byte": ["66 83 c0 01", "66 c1 e0 04"],
  "with an immediate of eight bytes": ["48 b8 01 02 03 04 05 06 07 08"],
  "with a register and four bytes": ["b8 01 02 03 04", "41 b8 01 02 03 04"],
  "with an address of eight bytes": ["a0 01 02 03 04 05 06 07 08", "48 a3 01 02 03 04 05 06 07 08"],
  "with an address of four bytes": ["67 a0 01 02 03 04", "67 48 a1 01 02 03 04"],
  "of test with an immediate": ["f6 c1 01", "f7 c1 01 00 00 00", "66 f7 c1 01 00", "f6 04 24 01"],
  // The same opcodes, and no immediate.
  "of not, neg, mul and div": ["f6 d1", "f7 d9", "f7 e1", "66 f7 f1", "48 f7 3c 24"],
  "of inc, dec, push and pop": ["fe c0", "ff c0", "ff 48 08", "ff 75 08", "8f 00"],
  "of enter": ["c8 10 00 00"],
  "of the 0f map": ["0f 05", "0f a2", "0f 1f 44 00 00", "0f b6 47 10", "0f ba e0 05", "0f c8"],
  "of the 0f map with an immediate": [
    "0f a4 c2 03",
    "0f ac c2 03",
    "66 0f 70 c0 1b",
    "0f c6 c0 00",
  ],
  "of the 0f 38 map": ["0f 38 f0 03", "f2 0f 38 f1 c0", "66 0f 38 00 44 24 10"],
  "of the 0f 3a map": ["66 0f 3a 0f c1 08", "66 0f 3a 0f 05 00 00 00 00 08"],
  // Whatever the mode says, there is neither SIB nor displacement.
  "that move control registers": ["0f 20 c0", "0f 22 1c", "41 0f 21 84"],
  "of the floating point unit": ["d9 05 00 00 00 00", "dd 45 f0", "df e0"],
  "that call": ["e8 10 00 00 00", "ff d0", "41 ff d3", "ff 14 25 00 00 00 00", "ff 1b"],
  "of port input": ["e4 70", "ed"],
  "of endbr64, and the nop that takes its place": ["f3 0f 1e fa", "66 0f 1f 00"],
  "of fifteen bytes": ["2e 2e 2e 48 81 84 24 00 00 00 00 01 00 00 00"],
};

for (const [form, encodings] of Object.entries(FORMS)) {
  Deno.test(`decode() knows the length of instructions ${form}`, () => {
    for (const digits of encodings) {
      const instruction = decoded(digits);
      assert.deepEqual(
        [instruction?.length, instruction?.flow],
        [hex(digits).length, "next"],
        digits,
      );
    }
  });
}

Deno.test("decode() tells returns", () => {
  for (const digits of ["c3", "f3 c3", "c2 08 00", "cb", "ca 08 00", "48 cf"]) {
    const instruction = decoded(digits);
    assert.deepEqual(
      [instruction?.length, instruction?.flow],
      [hex(digits).length, "return"],
      digits,
    );
  }
});

Deno.test("decode() tells traps", () => {
  for (const digits of ["cc", "0f 0b"]) assert.equal(decoded(digits)?.flow, "trap", digits);
});

Deno.test("decode() gives direct jumps with their targets", () => {
  const cases: [string, Flow, number][] = [
    ["eb 10", "jump", 0x12],
    ["eb fe", "jump", 0],
    ["e9 00 01 00 00", "jump", 0x105],
    ["e9 fb ff ff ff", "jump", 0],
    ["e9 00 00 00 80", "jump", 5 - 2 ** 31],
    ["2e e9 00 01 00 00", "jump", 0x106],
    ["74 7f", "branch", 0x81],
    ["3e 75 80", "branch", -0x7d],
    ["e3 02", "branch", 4],
    ["0f 84 00 01 00 00", "branch", 0x106],
    ["0f 8f f0 ff ff ff", "branch", -10],
  ];
  for (const [digits, flow, target] of cases) {
    const instruction = decoded(digits);
    assert.deepEqual([instruction?.flow, instruction?.target], [flow, target], digits);
  }
});

Deno.test("decode() counts targets as it counts the offset it is given", () => {
  const into = blank();
  assert.ok(decode(hex("90 90 90 eb 10 74 f9"), 3, into));
  assert.deepEqual([into.length, into.target], [2, 0x15]);
  assert.ok(decode(hex("90 90 90 eb 10 74 f9"), 5, into));
  assert.deepEqual([into.length, into.target], [2, 0]);
});

Deno.test("decode() gives jumps through a register with its number", () => {
  const cases: [string, number][] = [["ff e0", 0], ["ff e7", 7], ["41 ff e3", 11], ["3e ff e2", 2]];
  for (const [digits, register] of cases) {
    const instruction = decoded(digits);
    assert.deepEqual([instruction?.flow, instruction?.register], ["jump to register", register]);
  }
});

Deno.test("decode() tells jumps through memory", () => {
  for (const digits of ["ff 23", "ff 24 c5 00 00 00 00", "ff 25 00 00 00 00", "ff 6b 08"]) {
    const instruction = decoded(digits);
    assert.deepEqual(
      [instruction?.length, instruction?.flow],
      [hex(digits).length, "jump to memory"],
      digits,
    );
  }
});

Deno.test("decode() rejects opcodes that 64-bit mode has not", () => {
  const gone = "06 07 0e 16 17 1e 1f 27 2f 37 3f 60 61 62 82 9a c4 c5 ce d4 d5 d6 ea";
  for (const digits of gone.split(" ")) assert.equal(decoded(digits), undefined, digits);
});

Deno.test("decode() rejects VEX, EVEX, XOP and 3DNow!", () => {
  const encodings = [
    "c5 f8 77",
    "c4 e2 f1 f7 c0",
    "62 f1 fe 48 6f 06",
    "8f e9 78 81 c1",
    "0f 0f c1 9e",
  ];
  for (const digits of encodings) assert.equal(decoded(digits), undefined, digits);
});

Deno.test("decode() rejects REX that stands before no opcode", () => {
  for (const digits of ["48 66 90", "48 48 90", "41 f3 c3", "40 2e 90"]) {
    assert.equal(decoded(digits), undefined, digits);
  }
});

Deno.test("decode() rejects more than fifteen bytes", () => {
  assert.equal(decoded("2e 2e 2e 2e 48 81 84 24 00 00 00 00 01 00 00 00"), undefined);
  assert.equal(decoded("66 ".repeat(14) + "90")?.length, 15);
  assert.equal(decoded("66 ".repeat(15) + "90"), undefined);
});

Deno.test("decode() rejects instructions that are cut off, wherever that is", () => {
  const encodings = [...Object.values(FORMS).flat(), "c2 08 00", "0f 84 00 01 00 00", "41 ff e3"];
  for (const digits of encodings) {
    const code = hex(digits);
    for (let length = 0; length < code.length; length++) {
      assert.equal(decode(code.subarray(0, length), 0, blank()), false, `${length} of ${digits}`);
    }
    assert.equal(decode(code, code.length, blank()), false);
  }
});

Deno.test("decode() never throws, and never takes more than fifteen bytes or than there are", () => {
  const random = new Random(SEED);
  const runs = propertyRuns(100_000);
  const into = blank();
  let known = 0;
  for (let run = 0; run < runs; run++) {
    const code = random.bytes(1 + random.int(20));
    // Prefixes and maps of opcodes are rare among random bytes.
    const lead = random.int(4);
    for (let at = 0; at < Math.min(lead, code.length); at++) {
      code[at] = random.pick([0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x48, 0x41, 0x0f, 0x38, 0x3a, 0xff]);
    }
    const offset = random.int(code.length);
    if (!decode(code, offset, into)) continue;
    known++;
    const { length, flow, target, register } = into;
    assert.ok(length >= 1 && length <= 15 && offset + length <= code.length);
    // Its bytes alone say the same, and less than all of them nothing.
    const alone = code.subarray(0, offset + length);
    assert.ok(decode(alone, offset, into));
    assert.deepEqual(into, { length, flow, target, register });
    assert.equal(decode(alone.subarray(0, -1), offset, blank()), false);
  }
  assert.ok(known > runs / 10 && known < runs);
  console.log(`${runs} pieces of code, ${known} of them instructions, seed ${SEED}`);
});
