/**
 * The interface of backends, which are implemented in `backends/` and chosen in `backend_choice.ts`.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { isOnStack, type SkippedFunction, whyOnStack } from "../kernel/packet_function.ts";
import type { BpfObject, ProgramChoice } from "./object.ts";
import type { Target } from "./target.ts";

/** Names of the backends, best first. */
export type BackendName = "trampoline" | "session" | "multi" | "kprobe";

/** Names of the backends' BPF objects, built by scripts/build. */
export type ObjectName =
  | "trampoline"
  | "session"
  | "session_6.10"
  | "multi"
  | "kprobe"
  | "packets"
  | "packets_5.11"
  | "drops"
  | "drops_5.10";

/** Reads one of them. */
export type ObjectReader = (name: ObjectName) => Promise<Uint8Array<ArrayBuffer>>;

/** Where the backends' objects come from, and what describes the kernel they are for. */
export interface ProgramSource {
  /** Reads one; called for each backend tried. */
  readonly readObject: ObjectReader;
  /** The kernel's own BTF, which decides between the objects of a backend. */
  readonly kernel: Btf;
  /**
   * Modules whose functions have the numbers that they have in the running kernel: see
   * `numberedModules()`. None by default.
   */
  readonly numbered?: ReadonlySet<string>;
}

/** A function that cannot be probed in some way. */
export interface RefusedFunction extends SkippedFunction {
  /** The kernel's answer; `null` if it was not asked. */
  readonly cause: unknown;
}

/**
 * Why a function cannot be probed in a way that gives the program the registers and nothing else; `null` if
 * its packet is in one.
 */
export function beyondRegisters(target: Target): RefusedFunction | null {
  if (!isOnStack(target)) return null;
  const { name, module } = target;
  return { name, module, reason: whyOnStack(target), cause: null };
}

/** Live probes. Disposing detaches them, immediately if the kernel can. */
export interface Attachment extends Disposable {
  /** Functions that are not probed, with the reason; the others are live. */
  readonly refused: readonly RefusedFunction[];
  /** fds of its programs, open until it is disposed, if they are not those of the object. */
  readonly programs?: readonly number[];
  /** Hits of live probes that did not run the program, as far as this kernel counts them. */
  missed(): number;
  /** Probes that are not there any more, because another program has removed them. */
  removed(): number;
}

/** Receives progress, and tells whether to continue. */
export interface AttachProgress {
  /** Called now and then with the number of functions done. */
  report(done: number): void;
  /** True once the user interrupts: everything attached is detached. */
  cancelled(): boolean;
  /** Told what keeps the user waiting. */
  info(message: string): void;
  /** Receives details about individual functions. */
  debug(message: string): void;
}

/** A way of attaching. */
export interface Prober {
  /** Its description, for the log. */
  readonly title: string;
  /**
   * Name of the object with its programs, which contains nothing for other backends.
   *
   * @param kernel the kernel's own BTF
   * @throws {Failure} if that lacks what they need
   */
  object(kernel: Btf): ObjectName;
  /** Programs it needs loaded. */
  readonly programs: readonly ProgramChoice[];
  /**
   * Entries of the map `places` per function, for programs that identify the running probe by its
   * address; 0 if probes have cookies.
   */
  readonly placesPerFunction: number;
  /**
   * Attaches the object's programs to all targets; a target's index is its number in records. Functions
   * that cannot be attached to this way are listed in the result.
   *
   * @param source of the object
   * @throws if nothing can be attached this way; nothing is attached then
   */
  attach(
    object: BpfObject,
    targets: readonly Target[],
    progress: AttachProgress,
    source: ProgramSource,
  ): Promise<Attachment>;
}

/** A way of attaching to any function. */
export interface Backend extends Prober {
  readonly name: BackendName;
  /** Functions that it can be attached to at a time. */
  readonly maxFunctions: number;
  /**
   * Whether it attaches to all functions as fast as to a few, so that doing so is its trial: letting go of a
   * few, only to attach again, would take longer than all of attaching; `false` by default.
   */
  readonly attachesAtOnce?: boolean;
  /** Whether the kernel lets go of them one after the other; `false` by default. */
  readonly letsGoOneByOne?: boolean;
  /** How many programs it loads to attach to the targets; one by default. */
  programsFor?(targets: readonly Target[]): number;
}

/** Probes beside those of a backend, with programs of the same object. */
export interface Companion {
  /** Those that it needs loaded beside a backend's. */
  programs(beside: Prober): readonly ProgramChoice[];
  /**
   * As {@linkcode Prober.attach}.
   *
   * @throws {AttachCancelled} if the user interrupts; nothing is attached then
   */
  attach(
    object: BpfObject,
    beside: Prober,
    targets: readonly Target[],
    progress: AttachProgress,
  ): Promise<Attachment>;
}

/** All of some companions, as one. */
export function together(all: readonly Companion[]): Companion {
  return {
    programs: (beside) => all.flatMap((one) => one.programs(beside)),
    async attach(object, beside, targets, progress): Promise<Attachment> {
      using attached = new DisposableStack();
      const attachments: Attachment[] = [];
      for (const one of all) {
        attachments.push(attached.use(await one.attach(object, beside, targets, progress)));
      }
      const kept = attached.move();
      const sum = (count: (one: Attachment) => number): number =>
        attachments.reduce((total, one) => total + count(one), 0);
      return {
        refused: attachments.flatMap(({ refused }) => refused),
        programs: attachments.flatMap(({ programs }) => programs ?? []),
        missed: () => sum((one) => one.missed()),
        removed: () => sum((one) => one.removed()),
        [Symbol.dispose]: () => kept.dispose(),
      };
    },
  };
}

/** Attaching was interrupted by the user. */
export class AttachCancelled extends Error {
  override readonly name = "AttachCancelled";
}
