/**
 * Which functions cannot have a trampoline, by their prototypes: `btf_distill_func_proto()` in
 * kernel/bpf/btf.c and `arch_prepare_bpf_trampoline()` in arch/x86/net/bpf_jit_comp.c. The kernel refuses
 * a link for as long as one of its functions is among these, and does not say which.
 *
 * @module
 */

import { type Btf, KIND_STRUCT, KIND_UNION, KIND_VOID } from "./btf.ts";
import { ARGUMENT_REGISTERS } from "./packet_function.ts";

/** `MAX_BPF_FUNC_ARGS`: of the parameters, and of the words that they take. */
const MAX_PARAMETERS = 12;
const MAX_PARAMETER_BYTES = 16;
const REGISTER_BYTES = 8;

/**
 * Why a function cannot have a trampoline that runs at its return, too, and lists the arguments in the
 * order of their registers, followed by those on the stack; `null` if nothing is known that speaks against
 * it.
 *
 * @param id of the function
 * @throws {BtfError} when the BTF is damaged
 */
export function whyNoTrampoline(btf: Btf, id: number): string | null {
  const prototype = btf.target(id);
  const result = btf.resolve(btf.target(prototype));
  if (isAggregate(btf, result)) return "it returns a struct";
  const count = btf.count(prototype);
  if (count > MAX_PARAMETERS) return `it has ${count} parameters`;
  let words = 0;
  for (let index = 0; index < count; index++) {
    const type = btf.resolve(btf.parameter(prototype, index));
    const kind = btf.kind(type);
    if (kind === KIND_VOID) return "it has variable arguments";
    if (!isAggregate(btf, type)) {
      words++;
      continue;
    }
    const bytes = btf.size(type);
    if (bytes > MAX_PARAMETER_BYTES || bytes === 0) return "a struct is among its parameters";
    words += Math.ceil(bytes / REGISTER_BYTES);
    // Then a later parameter may be in a register, but it is behind this one in the list.
    if (words > ARGUMENT_REGISTERS) return "a struct is among its parameters on the stack";
  }
  return words > MAX_PARAMETERS ? `its parameters take ${words} words` : null;
}

function isAggregate(btf: Btf, type: number): boolean {
  const kind = btf.kind(type);
  return kind === KIND_STRUCT || kind === KIND_UNION;
}
