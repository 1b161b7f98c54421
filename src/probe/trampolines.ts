/**
 * Trampolines (fentry and fexit) with a program of their own for each function. They take a third of the
 * instructions of a kprobe. Those of a module's functions need its BTF in the kernel (Linux 5.11).
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { VROUTER } from "../kernel/functions.ts";
import { SystemError } from "../sys/libc.ts";
import type { Attachment } from "./backend.ts";
import { unlink } from "./backends/multi_link.ts";
import {
  attachTracing,
  BPF_TRACE_FENTRY,
  BPF_TRACE_FEXIT,
  FileDescriptor,
  loadTrampoline,
  missedByProgram,
  openModuleBtf,
} from "./bpf_syscall.ts";
import { detach } from "./detach.ts";
import type { BpfObject } from "./object.ts";
import { withCookie } from "./own_program.ts";
import type { Target } from "./target.ts";

/** Whether the kernel has vrouter's BTF, and it may be used. */
export function canUseTrampolines(debug: (message: string) => void): boolean {
  using btf = vrouterBtf(debug);
  return btf !== null;
}

/** vrouter's BTF in the kernel; `null` if there is none, or it may not be opened. */
export function vrouterBtf(debug: (message: string) => void): FileDescriptor | null {
  try {
    return openModuleBtf(VROUTER);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    debug(error.message);
    return null;
  }
}

/** The types of the functions. */
export interface FunctionTypes {
  readonly kernel: Btf;
  readonly vrouter: Btf;
  /** fd of vrouter's BTF in the kernel. */
  readonly vrouterFd: number;
}

/** Programs of functions that are being attached; disposed unless they are taken by {@linkcode attached}. */
export class OwnPrograms implements Disposable {
  readonly #object: BpfObject;
  readonly #debug: (message: string) => void;
  readonly #instructions = new Map<string, Uint8Array<ArrayBuffer>>();
  #links: FileDescriptor[] = [];
  #programs: FileDescriptor[] = [];

  constructor(object: BpfObject, debug: (message: string) => void) {
    this.#object = object;
    this.#debug = debug;
  }

  /** Those that are attached. */
  get count(): number {
    return this.#links.length;
  }

  /**
   * Attaches to the entry of a function, or to its return.
   *
   * @param program its name in the object
   * @param cookie `null` for a program that has none
   * @returns whether the kernel accepts it
   */
  trampoline(
    program: string,
    { name, module }: Pick<Target, "name" | "module">,
    at: "entry" | "return",
    cookie: bigint | null,
    { kernel, vrouter, vrouterFd }: FunctionTypes,
  ): boolean {
    const isModule = module === VROUTER;
    const id = (isModule ? vrouter : kernel).functionId(name);
    if (id === undefined) return false;
    const type = at === "entry" ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
    return this.add(name, program, cookie, (instructions) => {
      const loaded = loadTrampoline(name, instructions, type, {
        btf: isModule ? vrouterFd : 0,
        id,
      });
      this.#programs.push(loaded);
      this.#links.push(attachTracing(loaded.number));
    });
  }

  /**
   * Attaches a program in some other way.
   *
   * @param attach keeps what it makes by {@linkcode keep}
   */
  add(
    fn: string,
    program: string,
    cookie: bigint | null,
    attach: (instructions: Uint8Array<ArrayBuffer>) => void,
  ): boolean {
    const instructions = this.#instructionsOf(program);
    try {
      attach(cookie === null ? instructions : withCookie(instructions, cookie));
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#debug(`Does without ${fn} (${program}): ${error.message}`);
      return false;
    }
  }

  /** Keeps a program, and the link or event that runs it. */
  keep(program: FileDescriptor | null, link: FileDescriptor): void {
    if (program !== null) this.#programs.push(program);
    this.#links.push(link);
  }

  #instructionsOf(program: string): Uint8Array<ArrayBuffer> {
    let instructions = this.#instructions.get(program);
    if (instructions === undefined) {
      instructions = this.#object.instructions(program);
      this.#instructions.set(program, instructions);
    }
    return instructions;
  }

  /** Hands out the probes. */
  attached(): Attachment {
    const [links, programs, debug] = [this.#links, this.#programs, this.#debug];
    this.#links = [];
    this.#programs = [];
    return {
      refused: [],
      programs: programs.map(({ number }) => number),
      missed: () => programs.reduce((sum, { number }) => sum + missedByProgram(number), 0),
      removed: () => 0,
      [Symbol.dispose](): void {
        detach(links, programs, debug);
        unlink(programs);
      },
    };
  }

  [Symbol.dispose](): void {
    detach(this.#links, this.#programs, this.#debug);
    unlink(this.#programs);
  }
}
