/**
 * Failures that a user can meet.
 *
 * @module
 */

/**
 * What a failure is about. Code decides by this and by {@linkcode Failure.errno}, never by the words,
 * which are for people alone.
 */
export type FailureKind =
  /** A glob that is none. */
  | "glob"
  /** The trace, or the ready file, cannot be written where the user wants it. */
  | "output"
  /** No interface of the name that the user gave, or none at all. */
  | "interfaces"
  /** No function is left to be traced. */
  | "functions"
  /** Capabilities are missing; the message names them. */
  | "privileges"
  /** Network devices or network namespaces cannot be listed. */
  | "network"
  /** The vrouter module does not list its vifs. */
  | "vifs"
  /** There is no vrouter module, or none that speaks its netlink protocol. */
  | "vrouter_absent"
  /** The vrouter module went or was replaced while a trace was getting ready. */
  | "vrouter_changed"
  /** BTF that cannot be read or used. */
  | "btf"
  /** There is no BTF of the vrouter module, or what was named is not vrouter's. */
  | "vrouter_btf"
  /** tracefs, or what it lists, cannot be read or written. */
  | "tracefs"
  /** The kernel hides the addresses of its functions. */
  | "addresses"
  /** The kernel's text cannot be read from /proc/kcore. */
  | "kcore"
  /** A shared library cannot be loaded from memory. */
  | "libraries"
  /** The BPF object is not the one that this vrft was built for. */
  | "object"
  /** A call of libbpf failed. */
  | "libbpf"
  /** libbpf before 1.4 may not list the kernel's BTF objects (BPF_BTF_GET_NEXT_ID, EPERM). */
  | "btf_list"
  /** A system call failed. */
  | "system_call"
  /** perf_event_open(2) failed. */
  | "perf_event"
  /** A backend can attach to no function of this kernel. */
  | "attach"
  /** No backend works; the cause is an AggregateError of why each does not. */
  | "backend"
  /** There is no memory for the ring buffer. */
  | "memory"
  /** The ring buffer holds what no program of vrft's writes. */
  | "ring";

/** What a {@linkcode Failure} can carry besides its message. */
export interface FailureOptions extends ErrorOptions {
  /** What others said about it, such as libbpf and the verifier: lines to print before the message. */
  readonly details?: string;
  /** Positive errno, where the kernel or a library gave one. */
  readonly errno?: number;
}

/**
 * An expected failure: its message is all that the user needs to read, without a stack trace.
 *
 * The message says what was being done, to what, and what to do about it: a sentence without a
 * period (`Cannot list the vifs: …`). The low-level error travels as `cause`.
 */
export class Failure extends Error {
  override readonly name: string = "Failure";
  readonly kind: FailureKind;
  /** Positive errno; `null` where there is none. */
  readonly errno: number | null;
  /** Lines for the user to read before the message; empty where there are none. */
  readonly details: string;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(message, options);
    this.kind = kind;
    this.errno = options.errno ?? null;
    this.details = options.details ?? "";
  }
}

/** `error` and what led to it: its cause, theirs, and each error of an AggregateError. */
export function* causesOf(error: unknown): Generator<unknown, void, void> {
  if (error === undefined) return;
  yield error;
  if (error instanceof AggregateError) { for (const one of error.errors) yield* causesOf(one); }
  if (error instanceof Error) yield* causesOf(error.cause);
}

/** The failures among {@linkcode causesOf} `error`. */
export function failuresIn(error: unknown): Failure[] {
  return [...causesOf(error)].filter((one) => one instanceof Failure);
}
