import assert from "node:assert/strict";
import { decode, type Flow, type Instruction } from "../../src/kernel/x86.ts";
import { hex } from "../support/hex.ts";
import { testUnless, whyNoFile, whyNoProgram } from "../support/skip.ts";

/** A large program that scripts/setup installs. */
const PROGRAM = "/bin/busybox";

const reason = whyNoFile(PROGRAM) || whyNoProgram("objdump");

/** Its instructions, a line each. */
async function disassembly(): Promise<string> {
  const args = ["--disassemble", "--section=.text", "--wide", "--insn-width=15", PROGRAM];
  const { success, stdout, stderr } = await new Deno.Command("objdump", {
    args,
    env: { LC_ALL: "C" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Name and operand, behind prefixes that objdump writes out. */
const WORDS =
  /^(?:(?:repz?|repnz|bnd|notrack|data16|lock|addr32|[c-gs]s|rex\S*)\s+)*(\S+)\s*(?:0x)?(\S*)/;

/** What objdump's words for an instruction mean here. */
function flowOf(name: string, operand: string): Flow {
  if (/^(?:l?ret|iret)/.test(name)) return "return";
  if (name === "ud2" || name === "int3") return "trap";
  if (name.startsWith("jmp")) {
    if (!operand.startsWith("*")) return "jump";
    return /^\*%\w+$/.test(operand) ? "jump to register" : "jump to memory";
  }
  return /^(?:j|loop)/.test(name) ? "branch" : "next";
}

/** Whether the bytes have an encoding that decode() leaves out. */
function isVector(code: Uint8Array): boolean {
  const opcode = code.find((byte) => ![0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67].includes(byte));
  return opcode === 0xc4 || opcode === 0xc5 || opcode === 0x62;
}

testUnless(reason, "decode() agrees with objdump on each instruction of a program", async () => {
  const lines = await disassembly();
  const instruction: Instruction = { length: 0, flow: "next", target: 0, register: 0 };
  let compared = 0;
  let vectors = 0;
  const each = /^ *(\w+):\t((?:\w\w )+) *\t(.*)$/gm;
  for (const [line, address = "", bytes = "", text = ""] of lines.matchAll(each)) {
    const code = hex(bytes);
    const known = decode(code, 0, instruction);
    if (isVector(code)) {
      assert.equal(known, false, line);
      vectors++;
      continue;
    }
    // Data between the functions, and fwait, which objdump takes for a part of what follows.
    if (text.includes("(bad)") || code[0] === 0x9b) continue;
    assert.ok(known, line);
    const [, name = "", operand = ""] = WORDS.exec(text) ?? [];
    assert.equal(instruction.length, code.length, line);
    assert.equal(instruction.flow, flowOf(name, operand), line);
    if (instruction.flow === "jump" || instruction.flow === "branch") {
      assert.equal(parseInt(address, 16) + instruction.target, parseInt(operand, 16), line);
    }
    compared++;
  }
  assert.ok(compared > 100_000);
  console.log(`${compared} instructions compared, ${vectors} of VEX and EVEX`);
});
