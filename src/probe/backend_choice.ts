/**
 * Chooses the backend: the best that works here, found by trying, not by the kernel version.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import { Failure } from "../sys/failure.ts";
import { readText } from "../sys/files.ts";
import type { Btf } from "../kernel/btf.ts";
import type {
  AttachProgress,
  Backend,
  BackendName,
  Companion,
  ObjectReader,
  Prober,
} from "./backend.ts";
import type { Target } from "./target.ts";
import { kprobe } from "./backends/kprobe_events.ts";
import { multi } from "./backends/multi.ts";
import { session } from "./backends/session.ts";
import type { Libbpf } from "./libbpf.ts";
import { BpfObject, type ObjectOptions } from "./object.ts";

/** All backends, best first. */
export const BACKENDS: readonly Backend[] = [session, multi, kprobe];

/** Where the backends' objects come from. */
export interface ObjectSource {
  /** Reads one; called for each backend tried. */
  readonly readObject: ObjectReader;
  /** The kernel's own BTF, which decides between the objects of a backend. */
  readonly kernel: Btf;
  /** Whose programs are loaded as well; none by default. */
  readonly companion?: Companion | null;
}

/** The user: receives messages, and tells whether to continue. */
export type User = Omit<AttachProgress, "report">;

/** A backend that works, with its programs in the kernel. */
export interface Choice {
  readonly backend: Prober;
  /** To be disposed by the caller. */
  readonly object: BpfObject;
}

/**
 * Loads the best backend's programs, after attaching them to a few functions and detaching again.
 *
 * @param functions number of functions to attach to later
 * @param choice a backend by name, or `auto` for the best one
 * @param probes functions for the trial; one that can be attached to is enough
 * @param user receives why each backend was chosen or rejected, and what takes long
 * @throws {Failure} if the requested backend, or all of them, fail; the message has the reasons
 * @throws {AttachCancelled} if the user interrupts; nothing is left then
 */
export async function chooseBackend(
  libbpf: Libbpf,
  objects: ObjectSource,
  options: Omit<ObjectOptions, "places">,
  functions: number,
  choice: BackendName | "auto",
  probes: readonly Target[],
  user: User,
): Promise<Choice> {
  const { debug } = user;
  const names: BackendName[] = [];
  const failures: Failure[] = [];
  for (const backend of BACKENDS) {
    if (choice !== "auto" && choice !== backend.name) continue;
    try {
      const trial = await tryBackend(libbpf, objects, options, functions, backend, probes, user);
      debug(`Backend ${backend.name}: ${backend.title} works on this kernel`);
      return { backend, object: trial.object };
    } catch (error) {
      failures.push(whyNot(backend, error, debug));
      names.push(backend.name);
    }
  }
  const what = choice === "auto" ? "any backend" : `the backend "${choice}"`;
  const reasons = failures.map(({ message }, at) =>
    choice === "auto" ? `${names[at]}: ${message}` : message
  );
  throw new Failure("backend", `Cannot trace with ${what} on this kernel: ${reasons.join("; ")}`, {
    cause: new AggregateError(failures),
    details: failures.map(({ details }) => details).join(""),
  });
}

/**
 * Loads the programs of a way of attaching that needs no trial.
 *
 * @throws {Failure} if the kernel refuses them
 */
export async function loadPrograms(
  libbpf: Libbpf,
  objects: ObjectSource,
  options: Omit<ObjectOptions, "places">,
  backend: Prober,
): Promise<Choice> {
  const bytes = await objects.readObject(backend.object(objects.kernel));
  return {
    backend,
    object: BpfObject.load(libbpf, bytes, backend.programs, { ...options, places: 0 }),
  };
}

/**
 * Why a backend does not work, from the error of trying it; rethrows unrelated errors.
 *
 * @param debug receives the full reason
 */
export function whyNot(
  { name, title }: Backend,
  error: unknown,
  debug: (message: string) => void,
): Failure {
  if (!(error instanceof Failure)) throw error;
  const { message, details } = error;
  debug(`Backend ${name}: ${title} does not work here: ${message}`);
  if (details !== "") debug(details.trimEnd());
  return error;
}

function requireRoom({ maxFunctions }: Backend, functions: number): void {
  if (functions <= maxFunctions) return;
  throw new Failure(
    "attach",
    `${amount(functions)} functions are too many for it, it takes ${amount(maxFunctions)}`,
  );
}

/** The switch of ftrace: `0` if it is off. */
const FTRACE_SWITCH = "/proc/sys/kernel/ftrace_enabled";

/**
 * While ftrace is turned off, the probes of session and multi attach, but never fire. On Linux 6.12, once
 * it is on again, they trigger a warning in ftrace_shutdown(), and the kernel disables ftrace until
 * reboot.
 */
function requireFtrace(): void {
  // Without ftrace, or without the switch, attaching will fail if it must.
  if (readText(FTRACE_SWITCH)?.trim() !== "0") return;
  throw new Failure("attach", "ftrace is switched off (sysctl -w kernel.ftrace_enabled=1)");
}

/** A backend's programs after a trial: attached and detached again. */
export interface Trial {
  /** To be disposed by the caller. */
  readonly object: BpfObject;
  /** Milliseconds of attaching. */
  readonly attachMs: number;
  /** Milliseconds of those spent on the functions one by one; 0 if they are attached at once. */
  readonly eachMs: number;
}

/**
 * Loads a backend's programs, attaches them to a few functions and detaches again. Records nothing.
 *
 * @param functions number of functions to attach to later
 * @param probes functions for the trial; one that can be attached to is enough
 * @param user receives what takes long
 * @throws {Failure} if the backend does not work here; nothing is left then
 * @throws {AttachCancelled} if the user interrupts
 */
export async function tryBackend(
  libbpf: Libbpf,
  objects: ObjectSource,
  options: Omit<ObjectOptions, "places">,
  functions: number,
  backend: Backend,
  probes: readonly Target[],
  { cancelled, info }: Pick<User, "cancelled" | "info">,
): Promise<Trial> {
  requireRoom(backend, functions);
  if (backend.name !== "kprobe") requireFtrace();
  const object = await objects.readObject(backend.object(objects.kernel));
  const programs = [...backend.programs, ...objects.companion?.programs(backend) ?? []];
  const loaded = BpfObject.load(libbpf, object, programs, {
    ...options,
    places: backend.placesPerFunction * functions,
  });
  try {
    const start = performance.now();
    let first = Infinity;
    const attachment = await backend.attach(loaded, probes, {
      report: (done) => {
        if (done === 0) first = performance.now();
      },
      cancelled,
      info,
      debug: nothing,
    });
    const end = performance.now();
    attachment[Symbol.dispose]();
    if (attachment.refused.length === probes.length) {
      const { reason, cause } = attachment.refused[0]!;
      throw new Failure("attach", reason, { cause });
    }
    return { object: loaded, attachMs: end - start, eachMs: Math.max(0, end - first) };
  } catch (error) {
    loaded[Symbol.dispose]();
    throw error;
  }
}

function nothing(): void {}
