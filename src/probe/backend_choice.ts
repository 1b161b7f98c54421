/**
 * Chooses the backend: the best that works here, found out by trying, never by the kernel's version.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { readText } from "../sys/files.ts";
import type { Btf } from "../kernel/btf.ts";
import type { AttachProgress, Backend, BackendName, ObjectReader } from "./backend.ts";
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
  /** Reads one; called for those that are tried. */
  readonly readObject: ObjectReader;
  /** The kernel's own BTF, which decides between the objects of a backend. */
  readonly kernel: Btf;
}

/** Who waits for the trace: what is told, and whether to go on. */
export type User = Omit<AttachProgress, "report">;

/** A backend that works, with its programs in the kernel. */
export interface Choice {
  readonly backend: Backend;
  /** The caller's to dispose. */
  readonly object: BpfObject;
}

/**
 * Loads the best backend's programs, having attached them to a few functions and let go again.
 *
 * @param functions number of functions that will be attached to
 * @param choice a backend by name, or `auto` for the best one
 * @param probes functions that the trial is made on: one that can be attached to is enough
 * @param user told why each backend was taken or passed over, and what takes long
 * @throws {Failure} when the backend asked for, or every one, fails; the reasons are in the message
 * @throws {AttachCancelled} when the user wants out; nothing is left then
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
 * Why a backend does not work, from what trying it has thrown; anything that says nothing about it is
 * thrown on.
 *
 * @param debug told in full
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

/** The switch of ftrace: `0` where it is off. */
const FTRACE_SWITCH = "/proc/sys/kernel/ftrace_enabled";

/**
 * While ftrace is switched off, the probes of session and multi attach and are never hit. Seen on Linux
 * 6.12: once it is on again, the kernel trips over them (a warning in ftrace_shutdown) and gives up
 * ftrace until it is booted anew.
 */
function requireFtrace(): void {
  // Without ftrace, or without the switch, attaching tells.
  if (readText(FTRACE_SWITCH)?.trim() !== "0") return;
  throw new Failure("attach", "ftrace is switched off (sysctl -w kernel.ftrace_enabled=1)");
}

/** A backend's programs that have been attached, and let go again. */
export interface Trial {
  /** The caller's to dispose. */
  readonly object: BpfObject;
  /** Milliseconds that attaching took. */
  readonly attachMs: number;
  /** Milliseconds of them that the backend was at the functions one by one; 0 if it takes them at once. */
  readonly eachMs: number;
}

/**
 * Loads a backend's programs, attaches them to a few functions and lets go again. Nothing is recorded
 * meanwhile.
 *
 * @param functions number of functions that the programs are to be attached to later
 * @param probes functions that the trial is made on: one that can be attached to is enough
 * @param user told what takes long
 * @throws {Failure} when the backend does not work here; nothing is left then
 * @throws {AttachCancelled} when the user wants out
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
  if (backend.name !== "kprobe") requireFtrace();
  const object = await objects.readObject(backend.object(objects.kernel));
  const loaded = BpfObject.load(libbpf, object, backend.programs, {
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
