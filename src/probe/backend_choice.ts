/**
 * Chooses the backend: the best that works here, found by trying, not by the kernel version.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import { Failure } from "../sys/failure.ts";
import { readText } from "../sys/files.ts";
import { VMLINUX } from "../kernel/symbols.ts";
import type {
  Attachment,
  AttachProgress,
  Backend,
  BackendName,
  Companion,
  Prober,
  ProgramSource,
} from "./backend.ts";
import { spread, type Target } from "./target.ts";
import { kprobe } from "./backends/kprobe_events.ts";
import { multi } from "./backends/multi.ts";
import { session } from "./backends/session.ts";
import { trampoline } from "./backends/trampoline.ts";
import type { Libbpf } from "./libbpf.ts";
import { BpfObject, type ObjectOptions } from "./object.ts";

/** All backends, best first. */
export const BACKENDS: readonly Backend[] = [trampoline, session, multi, kprobe];

/** Where the backends' objects come from. */
export interface ObjectSource extends ProgramSource {
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
  /** To all targets, if that was the trial: to be disposed by the caller; else `null`. */
  readonly attachment: Attachment | null;
  /** Milliseconds that this attaching took. */
  readonly attachMs: number;
}

/**
 * Loads the best backend's programs, after attaching them to a few functions and detaching again, or else to
 * all of them. Records nothing.
 *
 * @param targets functions to attach to later; at least one
 * @param choice a backend by name, or `auto` for the best one
 * @param user receives why each backend was chosen or rejected, and what takes long
 * @throws {Failure} if the requested backend, or all of them, fail; the message has the reasons
 * @throws {AttachCancelled} if the user interrupts; nothing is left then
 */
export async function chooseBackend(
  libbpf: Libbpf,
  objects: ObjectSource,
  options: Omit<ObjectOptions, "places">,
  targets: readonly Target[],
  choice: BackendName | "auto",
  user: User,
): Promise<Choice> {
  const { debug } = user;
  const names: BackendName[] = [];
  const failures: Failure[] = [];
  // Three, in case the kernel refuses one.
  const probes = spread(targets, 3);
  for (const backend of BACKENDS) {
    if (choice !== "auto" && choice !== backend.name) continue;
    try {
      const how = { targets, probes, isAuto: choice === "auto" };
      const attached = backend.attachesAtOnce
        ? await attachToAll(libbpf, objects, options, backend, targets, user)
        : {
          object: (await tryBackend(libbpf, objects, options, backend, how, user)).object,
          attachment: null,
          attachMs: 0,
        };
      debug(`Backend ${backend.name}: ${backend.title} works on this kernel`);
      return { backend, ...attached };
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
    attachment: null,
    attachMs: 0,
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
 * While ftrace is turned off, the probes of trampoline, session and multi attach, but never fire. On Linux
 * 6.12, once it is on again, they trigger a warning in ftrace_shutdown(), and the kernel disables ftrace until
 * reboot.
 */
function requireFtrace(): void {
  // Without ftrace, or without the switch, attaching will fail if it must.
  if (readText(FTRACE_SWITCH)?.trim() !== "0") return;
  throw new Failure("attach", "ftrace is switched off (sysctl -w kernel.ftrace_enabled=1)");
}

/** What a backend is tried with. */
export interface TrialTargets {
  /** Functions to attach to later. */
  readonly targets: readonly Target[];
  /** Those for the trial; one that can be attached to is enough. */
  readonly probes: readonly Target[];
  /** Whether it is left to vrft which backend to use, so that one which lets go slowly does not do. */
  readonly isAuto: boolean;
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

/** So few functions never take long to let go of. */
const FEW = 64;
/** More functions than those of a trial, to tell what each takes. */
const TIMED = 35;
/** Milliseconds in which a backend that is not asked for must load its programs, and let go. */
const MAX_MS = 2000;

/**
 * Milliseconds that letting go of `count` functions takes, from what it took for fewer.
 *
 * @param few number of functions, and milliseconds
 * @param more the same, for more functions
 */
export function letGoMs(
  few: readonly [number, number],
  more: readonly [number, number],
  count: number,
): number {
  const each = Math.max(0, more[1] - few[1]) / Math.max(1, more[0] - few[0]);
  return more[1] + each * Math.max(0, count - more[0]);
}

/**
 * Loads a backend's programs, attaches them to a few functions and detaches again. Records nothing.
 *
 * @param how with what
 * @param user receives what takes long
 * @throws {Failure} if the backend does not work here; nothing is left then
 * @throws {AttachCancelled} if the user interrupts
 */
export async function tryBackend(
  libbpf: Libbpf,
  objects: ObjectSource,
  options: Omit<ObjectOptions, "places">,
  backend: Backend,
  { targets, probes, isAuto }: TrialTargets,
  user: User,
): Promise<Trial> {
  const { object: loaded, loadMs } = await loadBackend(libbpf, objects, options, backend, targets);
  try {
    const { detachMs, ...times } = await attachOnce(loaded, backend, probes, objects, user);
    if (isAuto && backend.letsGoOneByOne && targets.length > FEW) {
      const count = backend.programsFor?.(targets) ?? 1;
      requireToBeQuick(backend, `loading ${count} programs`, count * loadMs, user);
      // A module's would be another program to load.
      const kernels = targets.filter(({ module }) => module === VMLINUX);
      const timed = spread(kernels.length > FEW ? kernels : targets, TIMED);
      const more = await attachOnce(loaded, backend, timed, objects, user);
      const ms = letGoMs([probes.length, detachMs], [timed.length, more.detachMs], targets.length);
      requireToBeQuick(backend, `letting go of ${amount(targets.length)} functions`, ms, user);
    }
    return { object: loaded, ...times };
  } catch (error) {
    loaded[Symbol.dispose]();
    throw error;
  }
}

/**
 * Loads a backend's programs, if it can work here.
 *
 * @returns the object, to be disposed by the caller, and what loading it took
 * @throws {Failure} if it cannot
 */
async function loadBackend(
  libbpf: Libbpf,
  objects: ObjectSource,
  options: Omit<ObjectOptions, "places">,
  backend: Backend,
  { length }: readonly Target[],
): Promise<{ readonly object: BpfObject; readonly loadMs: number }> {
  requireRoom(backend, length);
  if (backend.name !== "kprobe") requireFtrace();
  const bytes = await objects.readObject(backend.object(objects.kernel));
  const programs = [...backend.programs, ...objects.companion?.programs(backend) ?? []];
  const start = performance.now();
  const object = BpfObject.load(libbpf, bytes, programs, {
    ...options,
    places: backend.placesPerFunction * length,
  });
  return { object, loadMs: performance.now() - start };
}

/**
 * Loads a backend's programs, and attaches them to all functions.
 *
 * @returns both, to be disposed by the caller
 * @throws {Failure} if the backend does not work here; nothing is left then
 */
async function attachToAll(
  libbpf: Libbpf,
  objects: ObjectSource,
  options: Omit<ObjectOptions, "places">,
  backend: Backend,
  targets: readonly Target[],
  user: User,
): Promise<Omit<Choice, "backend">> {
  const { object } = await loadBackend(libbpf, objects, options, backend, targets);
  try {
    const start = performance.now();
    const attachment = await backend.attach(
      object,
      targets,
      { ...user, report: nothing },
      objects,
    );
    return { object, attachment, attachMs: performance.now() - start };
  } catch (error) {
    object[Symbol.dispose]();
    throw error;
  }
}

/** Attaches and detaches. @throws {Failure} if the kernel refuses all of the functions */
async function attachOnce(
  object: BpfObject,
  backend: Backend,
  probes: readonly Target[],
  objects: ObjectSource,
  { cancelled, info }: User,
): Promise<Omit<Trial, "object"> & { readonly detachMs: number }> {
  const start = performance.now();
  let first = Infinity;
  const progress = {
    report: (done: number): void => {
      if (done === 0) first = performance.now();
    },
    cancelled,
    info,
    debug: nothing,
  };
  const attachment = await backend.attach(object, probes, progress, objects);
  const end = performance.now();
  attachment[Symbol.dispose]();
  const detachMs = performance.now() - end;
  if (attachment.refused.length === probes.length) {
    const { reason, cause } = attachment.refused[0]!;
    throw new Failure("attach", reason, { cause });
  }
  return { attachMs: end - start, eachMs: Math.max(0, end - first), detachMs };
}

function requireToBeQuick({ name }: Backend, what: string, ms: number, { debug }: User): void {
  const found = `${what} would take ${(ms / 1000).toFixed(1)} s`;
  debug(`Backend ${name}: ${found}`);
  if (ms <= MAX_MS) return;
  throw new Failure(
    "attach",
    `${found}, more than ${MAX_MS / 1000} s; --backend ${name} accepts that`,
  );
}

function nothing(): void {}
