/**
 * Failures reported to the user.
 *
 * @module
 */

/**
 * What a failure is about. Code switches on this and on {@linkcode Failure.errno}, never on the
 * message, which is for people.
 */
export type FailureKind =
  /** An invalid glob. */
  | "glob"
  /** A packet filter that cannot be compiled. */
  | "expression"
  /** A word on the command line that can only be checked against the running system. */
  | "usage"
  /** The trace, the ready file or metrics cannot be written, or an address cannot be listened at. */
  | "output"
  /** A recording cannot be read: it is none, of a version that is not known, or the file gives an error. */
  | "recording"
  /** No interface has the given name, or there are none. */
  | "interfaces"
  /** There is no function to trace. */
  | "functions"
  /** Capabilities are missing; the message names them. */
  | "privileges"
  /** Network devices or network namespaces cannot be listed. */
  | "network"
  /** The vrouter module's vifs cannot be listed. */
  | "vifs"
  /** The vrouter module's nexthops cannot be listed. */
  | "nexthops"
  /** The vrouter module's drop counters or its drop log cannot be read. */
  | "drop_stats"
  /** The vrouter module is not loaded, or does not speak its netlink protocol. */
  | "vrouter_absent"
  /** The vrouter module was unloaded or replaced while a trace was starting. */
  | "vrouter_changed"
  /** BTF that cannot be read or used. */
  | "btf"
  /** There is no BTF of the vrouter module, or the given file is not vrouter's. */
  | "vrouter_btf"
  /** tracefs, or what it lists, cannot be read or written. */
  | "tracefs"
  /** The kernel hides the addresses of its functions. */
  | "addresses"
  /** The kernel's text cannot be read from /proc/kcore. */
  | "kcore"
  /** A shared library cannot be loaded from memory. */
  | "libraries"
  /** The BPF object does not belong to this build of vrft. */
  | "object"
  /** A call to libbpf failed. */
  | "libbpf"
  /** libbpf before 1.4 may not list the kernel's BTF objects (BPF_BTF_GET_NEXT_ID, EPERM). */
  | "btf_list"
  /** A system call failed. */
  | "system_call"
  /** perf_event_open(2) failed. */
  | "perf_event"
  /** A backend cannot attach to any function of this kernel. */
  | "attach"
  /** No backend works; the cause is an AggregateError of why each does not. */
  | "backend"
  /** There is no memory for the ring buffers. */
  | "memory"
  /** A ring buffer has contents that vrft's programs never write. */
  | "ring";

/** What a {@linkcode Failure} can carry in addition to its message. */
export interface FailureOptions extends ErrorOptions {
  /** Output of libbpf or the verifier: lines to print before the message. */
  readonly details?: string;
  /** Positive errno, if the kernel or a library returned one. */
  readonly errno?: number;
}

/**
 * An expected failure: its message is all the user needs, without a stack trace.
 *
 * The message says what was being done, to what, and what to do about it: a sentence without a
 * period (`Cannot list the vifs: …`). The low-level error travels as `cause`.
 */
export class Failure extends Error {
  override readonly name: string = "Failure";
  readonly kind: FailureKind;
  /** Positive errno; `null` if there is none. */
  readonly errno: number | null;
  /** Lines to print before the message; may be empty. */
  readonly details: string;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(message, options);
    this.kind = kind;
    this.errno = options.errno ?? null;
    this.details = options.details ?? "";
  }
}

/** `error`, its causes, recursively, and the errors of an AggregateError. */
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

/**
 * What an error says, for a message that names the path itself: Deno appends the error number and the
 * path (`No such file or directory (os error 2): open '/x'`).
 */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\).*$/s, "");
}
