import assert from "node:assert/strict";
import {
  ELSEWHERE,
  type Exit,
  findEnds,
  type FunctionEnds,
  type KernelText,
  UnknownEnds,
} from "../../src/kernel/exits.ts";
import { TextSymbols } from "../../src/kernel/text_symbols.ts";
import { hex } from "../support/hex.ts";

/** Where the functions of these tests are: low halves of addresses. */
const F = 0x8100_0000;
const G = 0x8100_1000;
const COLD = 0x8100_2000;
const THUNK = 0x8100_3000;
const END = 0x8100_4000;

/** What stands where ftrace calls, and how long it is. */
const NOP5 = "0f 1f 44 00 00";
const BODY = F + 5;

const RETURN = "c3";
const JE = "0f 84";
const JMP = "e9";

/** A jump of four bytes, that stands at an address. */
function jump(opcode: string, at: number, to: number): string {
  const bytes = hex(opcode).length + 4;
  const displacement = new Uint8Array(new Int32Array([to - at - bytes]).buffer);
  return `${opcode} ${displacement.toHex()}`;
}

/** Symbols, each with its address and its code. */
type Symbols = Record<string, readonly [at: number, code: string]>;

function kallsyms(symbols: Symbols): Uint8Array {
  const lines = Object.entries(symbols).map(([name, [at]]) =>
    `ffffffff${at.toString(16).padStart(8, "0")} t ${name}\n`
  );
  return new TextEncoder().encode(lines.join(""));
}

/** The code of the symbols, with int3 between them, as compilers fill it. */
class Memory implements KernelText {
  readonly #symbols: Symbols;

  constructor(symbols: Symbols) {
    this.#symbols = symbols;
  }

  read(low: number, length: number): Uint8Array {
    const start = Object.values(this.#symbols).find(([at]) => at === low);
    if (start === undefined) throw new UnknownEnds("not mapped");
    const bytes = new Uint8Array(length).fill(0xcc);
    bytes.set(hex(start[1]).subarray(0, length));
    return bytes;
  }
}

/** The ends of `f`, with `g` behind it and the others that are given. */
function endsOf(code: string, others: Symbols = {}, traced: readonly number[] = []): FunctionEnds {
  const symbols: Symbols = { f: [F, code], g: [G, RETURN], ...others, end: [END, ""] };
  const text = new TextSymbols(kallsyms(symbols));
  return findEnds(new Memory(symbols), text, F, "f", (low) => traced.includes(low));
}

function exitsOf(
  code: string,
  others: Symbols = {},
  traced: readonly number[] = [],
): readonly Exit[] {
  return endsOf(code, others, traced).exits;
}

/** That the ends are unknown, for a reason. */
function assertUnknown(reason: RegExp, ends: () => unknown): void {
  assert.throws(ends, (error) => error instanceof UnknownEnds && reason.test(error.message));
}

function returnAt(at: number): Exit {
  return { at, register: -1 };
}

/** A jump to a function that is not traced: it, not this one, sets the result. */
function jumpAt(at: number): Exit {
  return { at, register: ELSEWHERE };
}

Deno.test("findEnds() gives each return, and the entry behind ftrace's nop", () => {
  // test %edi,%edi; je over the first return
  const ends = endsOf(`${NOP5} 85 ff 74 01 ${RETURN} ${RETURN}`);
  assert.deepEqual(ends, { entry: BODY, exits: [returnAt(BODY + 4), returnAt(BODY + 5)] });
});

Deno.test("findEnds() gives no end where a function calls, loops or traps", () => {
  const code = `${NOP5} 90 ${jump("e8", BODY + 1, G)} 75 f9 ${jump(JMP, BODY + 8, BODY + 1)} 0f 0b`;
  assert.deepEqual(exitsOf(code), []);
});

Deno.test("findEnds() does not know a function that jumps back to the probe of its entry", () => {
  // The entry's own instruction, ftrace's place ahead of it, and the start: each turn is a call there.
  for (const target of [BODY, F]) {
    for (const opcode of [JMP, JE]) {
      const code = `${NOP5} 90 ${jump(opcode, BODY + 1, target)} ${RETURN}`;
      assertUnknown(/^it jumps back to its start$/, () => exitsOf(code));
    }
    assertUnknown(
      /^it jumps back to its start$/,
      () => exitsOf(`${NOP5} 90 eb ${target === F ? "f8" : "fd"}`),
    );
    const cold: Symbols = { "f.cold": [COLD, jump(JMP, COLD, target)] };
    const code = `${NOP5} ${jump(JE, BODY, COLD)} ${RETURN}`;
    assertUnknown(/^it jumps back to its start$/, () => exitsOf(code, cold));
  }
  const behind = `f3 0f 1e fa ${NOP5} 90 ${jump(JMP, F + 10, F + 4)}`;
  assertUnknown(/^it jumps back to its start$/, () => exitsOf(behind));
});

Deno.test("findEnds() finds the entry behind the nop of old kernels on old processors", () => {
  const ends = endsOf(`66 66 66 66 90 ${RETURN}`);
  assert.deepEqual(ends, { entry: BODY, exits: [returnAt(BODY)] });
});

Deno.test("findEnds() finds the entry behind endbr64", () => {
  const ends = endsOf(`f3 0f 1e fa ${NOP5} ${RETURN}`);
  assert.deepEqual(ends, { entry: F + 9, exits: [returnAt(F + 9)] });
});

Deno.test("findEnds() finds the entry behind a call that ftrace makes now", () => {
  const ends = endsOf(`${jump("e8", F, G)} ${RETURN}`);
  assert.deepEqual(ends, { entry: BODY, exits: [returnAt(BODY)] });
});

Deno.test("findEnds() does not know a function without ftrace's place at its start", () => {
  for (const code of [`55 ${RETURN}`, `f3 0f 1e fa 55 ${RETURN}`, "0f 1f 44 00"]) {
    assertUnknown(/its ftrace site is not at its start/, () => endsOf(code));
  }
});

Deno.test("findEnds() takes a tail call for an end unless the other function is traced", () => {
  const code = `${NOP5} ${jump(JMP, BODY, G)}`;
  assert.deepEqual(exitsOf(code), [jumpAt(BODY)]);
  assert.deepEqual(exitsOf(code, {}, [G]), []);
});

Deno.test("findEnds() takes a jump into the middle of a traced function for an end", () => {
  const code = `${NOP5} ${jump(JMP, BODY, G + 5)}`;
  assert.deepEqual(exitsOf(code, {}, [G]), [jumpAt(BODY)]);
});

Deno.test("findEnds() follows a function into its cold part and back", () => {
  const code = `${NOP5} ${jump(JE, BODY, COLD)} ${RETURN}`;
  const back = `0f 0b ${jump(JMP, COLD + 2, BODY + 6)}`;
  assert.deepEqual(exitsOf(code, { "f.cold": [COLD, back] }), [returnAt(BODY + 6)]);
});

Deno.test("findEnds() finds the ends of the cold part", () => {
  const code = `${NOP5} ${jump(JE, BODY, COLD)} ${jump(JMP, BODY + 6, COLD + 1)}`;
  const cold = `90 ${jump(JE, COLD + 1, BODY + 6)} ${jump(JMP, COLD + 7, G)} ff e2`;
  const expected = [{ at: COLD + 12, register: 2 }, jumpAt(COLD + 7)];
  assert.deepEqual(exitsOf(code, { "f.cold": [COLD, cold] }), expected);
});

Deno.test("findEnds() does not take the cold part of another function for its own", () => {
  const others: Symbols = { "g.cold": [COLD, RETURN] };
  assert.deepEqual(exitsOf(`${NOP5} ${jump(JMP, BODY, COLD)}`, others), [jumpAt(BODY)]);
});

Deno.test("findEnds() does not know a function that jumps to another on a condition", () => {
  const code = `${NOP5} ${jump(JE, BODY, G)} ${RETURN}`;
  assertUnknown(/^it jumps conditionally to g$/, () => exitsOf(code));
  assert.deepEqual(exitsOf(code, {}, [G]), [returnAt(BODY + 6)]);
});

Deno.test("findEnds() does not know a function that jumps through memory", () => {
  // The table of a switch.
  assertUnknown(/^it jumps through memory$/, () => exitsOf(`${NOP5} ff 24 c5 00 00 00 81`));
});

Deno.test("findEnds() gives the register that is jumped to", () => {
  assert.deepEqual(exitsOf(`${NOP5} ff e0`), [{ at: BODY, register: 0 }]);
  assert.deepEqual(exitsOf(`${NOP5} 41 ff e3`), [{ at: BODY, register: 11 }]);
});

Deno.test("findEnds() gives the register of a retpoline", () => {
  const registers = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rbp: 5, rsi: 6, rdi: 7, r8: 8, r15: 15 };
  // call 1f; pause; lfence: what jumps is a return.
  const retpoline = "e8 01 00 00 00 cc 48 89 04 24 c3";
  for (const [name, register] of Object.entries(registers)) {
    for (const prefix of ["__x86_indirect_thunk_", "__x86_indirect_jump_thunk_"]) {
      const others: Symbols = { [prefix + name]: [THUNK, retpoline] };
      const code = `${NOP5} ${jump(JMP, BODY, THUNK)}`;
      assert.deepEqual(exitsOf(code, others), [{ at: BODY, register }], name);
    }
  }
});

Deno.test("findEnds() gives the register of a thunk that is the jump itself, whatever its name", () => {
  const others: Symbols = { page: [THUNK, "41 ff e2 cc"] };
  const exits = exitsOf(`${NOP5} 2e ${jump(JMP, BODY + 1, THUNK)}`, others);
  assert.deepEqual(exits, [{ at: BODY, register: 10 }]);
});

Deno.test("findEnds() takes a jump to where nothing can be read for a tail call", () => {
  assert.deepEqual(exitsOf(`${NOP5} ${jump(JMP, BODY, THUNK + 64)}`), [jumpAt(BODY)]);
});

Deno.test("findEnds() takes a jump to the return thunk for a return", () => {
  for (const name of ["__x86_return_thunk", "srso_alias_return_thunk", "its_return_thunk"]) {
    const others: Symbols = { [name]: [THUNK, "c3 cc"] };
    const exits = exitsOf(`${NOP5} ${jump(JMP, BODY, THUNK)}`, others);
    assert.deepEqual(exits, [returnAt(BODY)], name);
  }
});

Deno.test("findEnds() does not know a function whose size is unknown", () => {
  const code = `${NOP5} ${RETURN}`;
  for (const next of [{}, { g: [F + 256 * 1024 + 1, ""] } satisfies Symbols]) {
    const symbols: Symbols = { f: [F, code], ...next };
    const text = new TextSymbols(kallsyms(symbols));
    const find = (): unknown => findEnds(new Memory(symbols), text, F, "f", () => false);
    assertUnknown(/^its size is unknown$/, find);
  }
});

Deno.test("findEnds() says where it meets an unknown instruction", () => {
  assertUnknown(/^unknown instruction at f\+0x6$/, () => exitsOf(`${NOP5} 90 06 ${RETURN}`));
  const cold: Symbols = { "f.cold": [COLD, "c5 f8 77"] };
  const code = `${NOP5} ${jump(JE, BODY, COLD)} ${RETURN}`;
  assertUnknown(/^unknown instruction at f\.cold\+0x0$/, () => exitsOf(code, cold));
});

Deno.test("findEnds() stops at the zeros behind a section, whatever follows", () => {
  // The last function of a module: zeros to the end of the page, then its notes and its data.
  const data = "04 00 06 00 c3 e9 00 00 00 81";
  for (const zeros of ["00 00", "00 00 00"]) {
    assert.deepEqual(exitsOf(`${NOP5} 90 ${RETURN} ${zeros} ${data}`), [returnAt(BODY + 1)]);
  }
  const cold: Symbols = { "f.cold": [COLD, `0f 0b 00 00 00 ${data}`] };
  const code = `${NOP5} ${jump(JE, BODY, COLD)} ${RETURN}`;
  assert.deepEqual(exitsOf(code, cold), [returnAt(BODY + 6)]);
});

Deno.test("findEnds() stops at a single zero, where the next symbol follows it", () => {
  const symbols: Symbols = { f: [F, `${NOP5} ${RETURN} 00`], g: [F + 7, RETURN] };
  const text = new TextSymbols(kallsyms(symbols));
  const { exits } = findEnds(new Memory(symbols), text, F, "f", () => false);
  assert.deepEqual(exits, [returnAt(BODY)]);
});

Deno.test("findEnds() takes a jump behind the zeros for an end, too", () => {
  // A thunk without a symbol in a page of its own, ahead of the next module.
  const code = `${NOP5} ${jump(JMP, BODY, F + 64)} 00 00`;
  assert.deepEqual(exitsOf(code), [jumpAt(BODY)]);
});

Deno.test("findEnds() knows the last function of all by the zeros behind it", () => {
  const symbols: Symbols = { f: [F, `${NOP5} ${RETURN} 00 00`] };
  const text = new TextSymbols(kallsyms(symbols));
  const { exits } = findEnds(new Memory(symbols), text, F, "f", () => false);
  assert.deepEqual(exits, [returnAt(BODY)]);
});

Deno.test("findEnds() passes on that text cannot be read", () => {
  const symbols: Symbols = { f: [F, ""], g: [G, ""] };
  const text = new TextSymbols(kallsyms(symbols));
  const find = (): unknown => findEnds(new Memory({}), text, F, "f", () => false);
  assertUnknown(/^not mapped$/, find);
});
