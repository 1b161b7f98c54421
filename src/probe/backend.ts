/**
 * What a way of attaching is: implemented once per backend in `backends/`, chosen in `backend_choice.ts`.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import type { SkippedFunction } from "../kernel/packet_function.ts";
import type { BpfObject, ProgramChoice } from "./object.ts";
import type { Target } from "./target.ts";

/** Names of the backends, best first. */
export type BackendName = "session" | "multi" | "kprobe";

/** Names of the BPF objects that scripts/build makes for the backends. */
export type ObjectName = "session" | "session_6.10" | "multi" | "kprobe";

/** Reads one of them. */
export type ObjectReader = (name: ObjectName) => Promise<Uint8Array<ArrayBuffer>>;

/** A function that the kernel does not let be probed. */
export interface RefusedFunction extends SkippedFunction {
  /** What the kernel answered. */
  readonly cause: unknown;
}

/** Live probes. Disposing detaches them, at once where the kernel can. */
export interface Attachment extends Disposable {
  /** Functions that the kernel refused, with its reason; the others are live. */
  readonly refused: readonly RefusedFunction[];
  /** Hits of live probes that did not run the program, as far as this kernel tells. */
  missed(): number;
  /** Probes that are not there any more, because another program has removed them. */
  removed(): number;
}

/** How attaching goes on, and whether it should. */
export interface AttachProgress {
  /** Called now and then with the number of functions done. */
  report(done: number): void;
  /** True when the user wants out: what is attached is let go. */
  cancelled(): boolean;
  /** Told what keeps the user waiting. */
  info(message: string): void;
  /** Told what a person might want to know about single functions. */
  debug(message: string): void;
}

/** One way of attaching. */
export interface Backend {
  readonly name: BackendName;
  /** What it is, for the log. */
  readonly title: string;
  /**
   * Names the object with its programs, which has nothing in it that another backend needs.
   *
   * @param kernel the kernel's own BTF
   * @throws {Failure} where that lacks what they need
   */
  object(kernel: Btf): ObjectName;
  /** Programs it needs loaded. */
  readonly programs: readonly ProgramChoice[];
  /**
   * Entries of the map `places` to have ready per function, for programs that find out by its
   * address which probe is running; 0 where probes carry cookies.
   */
  readonly placesPerFunction: number;
  /**
   * Attaches the object's programs to every target; a target's index is its number in records. A
   * function that the kernel refuses is left out and named in the result.
   *
   * @throws when nothing can be attached this way; nothing is left attached then
   */
  attach(
    object: BpfObject,
    targets: readonly Target[],
    progress: AttachProgress,
  ): Promise<Attachment>;
}

/** The attaching was given up because the user asked for it. */
export class AttachCancelled extends Error {
  override readonly name = "AttachCancelled";
}
