/**
 * fsession.multi (Linux 7.2): the trampolines of many functions in one link. A call's entry and exit take a
 * third of the instructions of kprobe.session.
 *
 * A program is for functions of one BTF, so it is loaded for the kernel and for each module that has any.
 * What the kernel refuses gets kprobe.session, whose program shares the maps with these: a function has
 * one kind of probe, and both kinds name a call alike.
 *
 * @module
 */

import type { Btf } from "../../kernel/btf.ts";
import { isOnStack } from "../../kernel/packet_function.ts";
import { VMLINUX } from "../../kernel/symbols.ts";
import { amount } from "../../sys/amount.ts";
import { Failure } from "../../sys/failure.ts";
import { SystemError } from "../../sys/libc.ts";
import type {
  Attachment,
  AttachProgress,
  Backend,
  BackendName,
  ObjectName,
  ProgramSource,
  RefusedFunction,
} from "../backend.ts";
import {
  ANY_FUNCTION,
  BPF_PROG_TYPE_TRACING,
  BPF_TRACE_FSESSION_MULTI,
  createTrampolineLink,
  type FileDescriptor,
  loadTrampoline,
  missedByProgram,
  moduleBtfs,
  openBtf,
} from "../bpf_syscall.ts";
import { leave } from "../detach.ts";
import type { BpfObject } from "../object.ts";
import { RECORD_FUNCTIONS } from "../record.ts";
import type { Target } from "../target.ts";
import { Turns } from "../turns.ts";
import { cookiesOf, linkInBatches, unlink } from "./multi_link.ts";
import { attachSession, session } from "./session.ts";

const ENOENT = 2;

const PROGRAM = "vrft_trampoline";

/**
 * Functions that a module must have for a program of its own: the kernel verifies that anew, which takes
 * some 800 million instructions on Linux 7.3. Fewer are attached to as fast by kprobe.session, if that finds
 * their packets.
 */
const OWN_PROGRAM = 16;

/** Functions of which links are closed without the help of the kernel's workers. */
const CLOSED_AT_ONCE = 64;

export const trampoline: Backend = {
  name: "trampoline",
  title: "trampolines (fsession.multi)",
  object: requireSupport,
  programs: [
    { name: PROGRAM, type: BPF_PROG_TYPE_TRACING, attachType: BPF_TRACE_FSESSION_MULTI },
  ],
  placesPerFunction: 0,
  maxFunctions: RECORD_FUNCTIONS,
  letsGoOneByOne: true,
  programsFor: (targets) =>
    [...Map.groupBy(targets, ({ module }) => module)].filter(([module, all]) =>
      hasOwnProgram(module, all)
    ).length,

  async attach(
    object: BpfObject,
    targets: readonly Target[],
    progress: AttachProgress,
    source: ProgramSource,
  ): Promise<Attachment> {
    const turns = new Turns(progress);
    const { byModule, others } = divide(targets, source.numbered ?? new Set(), progress.debug);
    const probes = new Probes(object, progress.debug);
    try {
      for (const [module, indexes] of byModule) {
        others.push(...probes.link(module, targets, indexes));
        progress.report(probes.functions);
        await turns.give();
      }
      if (probes.functions === 0) {
        throw probes.failure ?? new Failure("attach", "no function can have a trampoline");
      }
      if (others.length > 0) await probes.add(targets, others.sort((a, b) => a - b), source);
      progress.report(targets.length);
      return probes;
    } catch (error) {
      probes[Symbol.dispose]();
      throw error;
    }
  },
};

/** @throws {Failure} if the kernel does not have them */
function requireSupport(kernel: Btf): ObjectName {
  if (hasTrampolines(kernel)) return "trampoline";
  throw new Failure(
    "attach",
    "the kernel has no BPF_TRACE_FSESSION_MULTI, added in Linux 7.2",
  );
}

/** Whether the kernel attaches trampolines to many functions at once. */
export function hasTrampolines(kernel: Btf): boolean {
  return kernel.enumNames("BPF_TRACE_FSESSION_MULTI", "bpf_attach_type") !== undefined;
}

/** Whether functions can be given trampolines by a backend, or by the best one. */
export function mayUseTrampolines(backend: BackendName | "auto", kernel: Btf): boolean {
  return (backend === "auto" || backend === trampoline.name) && hasTrampolines(kernel);
}

/** Whether the functions of a module get a program of their own. */
function hasOwnProgram(module: string, targets: readonly Target[]): boolean {
  return module === VMLINUX || targets.length >= OWN_PROGRAM || targets.some(isOnStack);
}

/** Which of the targets may have a trampoline, by module, and which may not; indexes. */
function divide(
  targets: readonly Target[],
  numbered: ReadonlySet<string>,
  debug: (message: string) => void,
): { byModule: Map<string, number[]>; others: number[] } {
  const byModule = new Map<string, number[]>();
  const others: number[] = [];
  for (const [index, { name, module, trampoline }] of targets.entries()) {
    if (!numbered.has(module) || typeof trampoline !== "number") {
      const unknown = "its number in the kernel's BTF is not known";
      const reason = typeof trampoline === "string" ? trampoline : unknown;
      debug(`No trampoline for ${name} [${module}]: ${reason}`);
      others.push(index);
      continue;
    }
    const indexes = byModule.get(module);
    if (indexes === undefined) byModule.set(module, [index]);
    else indexes.push(index);
  }
  const isWorthIt = ([module, indexes]: readonly [string, readonly number[]]): boolean =>
    hasOwnProgram(module, indexes.map((index) => targets[index]!));
  if (![...byModule].some(isWorthIt)) return { byModule, others };
  for (const [module, indexes] of byModule) {
    if (isWorthIt([module, indexes])) continue;
    debug(`No trampolines for the functions of ${module}: they are only ${indexes.length}`);
    byModule.delete(module);
    others.push(...indexes);
  }
  return { byModule, others };
}

class Probes implements Attachment {
  readonly #object: BpfObject;
  readonly #debug: (message: string) => void;
  readonly #btfs = moduleBtfs();
  /** Of modules; the kernel's is the object's. */
  readonly #programs: FileDescriptor[] = [];
  readonly #links: FileDescriptor[] = [];
  #beside: { readonly object: BpfObject; readonly attachment: Attachment } | null = null;
  refused: readonly RefusedFunction[] = [];
  /** Those that have a trampoline. */
  functions = 0;
  /** Why a module's functions were all refused. */
  failure: SystemError | null = null;

  constructor(object: BpfObject, debug: (message: string) => void) {
    this.#object = object;
    this.#debug = debug;
  }

  /** Gives functions of one module trampolines. @returns indexes of those that the kernel refuses */
  link(module: string, targets: readonly Target[], indexes: readonly number[]): readonly number[] {
    try {
      const program = this.#programFor(module);
      const { links, linked, refused } = linkInBatches(
        targets,
        indexes,
        (batch) =>
          createTrampolineLink(program, {
            ids: Uint32Array.from(batch, (index) => targets[index]!.trampoline as number),
            cookies: cookiesOf(targets, batch),
          }),
      );
      this.#links.push(...links);
      this.functions += linked.length;
      for (const { name, reason } of refused) {
        this.#debug(`No trampoline for ${name} [${module}]: ${reason}`);
      }
      const has = new Set(linked);
      return indexes.filter((index) => !has.has(index));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#debug(`No trampolines for functions of ${module}: ${error.message}`);
      this.failure ??= error;
      return indexes;
    }
  }

  /** fd of a program for functions of the module. */
  #programFor(module: string): number {
    if (module === VMLINUX) return this.#object.programFd(PROGRAM);
    using btf = openBtf(this.#btfs.get(module) ?? 0);
    if (btf === null) throw new SystemError(`Cannot find the kernel's BTF of ${module}`, ENOENT);
    const program = loadTrampoline(
      PROGRAM,
      this.#object.instructions(PROGRAM),
      BPF_TRACE_FSESSION_MULTI,
      { btf: btf.number, id: ANY_FUNCTION },
    );
    this.#programs.push(program);
    return program.number;
  }

  /** Attaches to the others by kprobe.session. */
  async add(
    targets: readonly Target[],
    indexes: readonly number[],
    { readObject, kernel }: ProgramSource,
  ): Promise<void> {
    const bytes = await readObject(session.object(kernel));
    const object = this.#object.loadBeside(bytes, session.programs);
    try {
      const attachment = attachSession(object, this.#object.control, targets, indexes);
      this.#beside = { object, attachment };
      this.refused = attachment.refused;
      this.#debug(`Without a trampoline, by ${session.title}: ${amount(indexes.length)} functions`);
    } catch (error) {
      object[Symbol.dispose]();
      if (!(error instanceof SystemError)) throw error;
      const reason = `refused by the kernel: ${error.message}`;
      this.refused = indexes.map((index) => {
        const { name, module } = targets[index]!;
        return { name, module, reason, cause: error };
      });
    }
  }

  /** Of those with trampolines. */
  get #fds(): readonly number[] {
    return [this.#object.programFd(PROGRAM), ...this.#programs.map(({ number }) => number)];
  }

  get programs(): readonly number[] {
    const beside = this.#beside?.object;
    if (beside === undefined) return this.#fds;
    return [...this.#fds, ...session.programs.map(({ name }) => beside.programFd(name))];
  }

  missed(): number {
    const beside = this.#beside?.attachment.missed() ?? 0;
    return this.#fds.reduce((sum, program) => sum + missedByProgram(program), beside);
  }

  /** The kernel keeps a link's probes as long as the link is there. */
  removed(): number {
    return 0;
  }

  [Symbol.dispose](): void {
    const links = this.#links.splice(0);
    if (this.functions <= CLOSED_AT_ONCE) {
      unlink(links);
    } else if (links.length > 0) {
      leave(links, this.#fds, this.#debug);
      // The kernel has it until nothing refers to it.
      this.#object.unload(PROGRAM);
    }
    unlink(this.#programs.splice(0));
    this.#beside?.attachment[Symbol.dispose]();
    this.#beside?.object[Symbol.dispose]();
    this.#beside = null;
  }
}
