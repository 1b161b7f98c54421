/**
 * Tries the backends, and estimates how long attaching will take.
 *
 * @module
 */

import {
  BACKENDS,
  type ObjectSource,
  type TrialTargets,
  tryBackend,
  whyNot,
} from "../probe/backend_choice.ts";
import { AttachCancelled, type Backend, type BackendName } from "../probe/backend.ts";
import { spread, type Target } from "../probe/target.ts";
import type { Libbpf } from "../probe/libbpf.ts";
import type { ObjectOptions } from "../probe/object.ts";
import { amount } from "../sys/amount.ts";
import { causesOf, Failure } from "../sys/failure.ts";
import { failed, note, ok, type Outcome } from "./outcome.ts";

const EPERM = 1;
const EACCES = 13;

/** Functions to try, the first that exists: they take a packet and are rarely called. */
const SELDOM_CALLED = ["__icmp_send", "ip_rt_send_redirect", "skb_copy_ubufs"];

/** Functions used to time attaching. */
const TIMED = 32;

/** How trying a backend went. */
export interface Attempt {
  readonly backend: Backend;
  /** Why it does not work; `null` if it does. */
  readonly failure: Failure | null;
}

/** What the trials found. */
export interface Trials {
  /** The backends that were tried, best first. */
  readonly attempts: readonly Attempt[];
  /** The best that works; `null` if none does. */
  readonly chosen: BackendName | null;
  /** Estimated milliseconds to attach to all functions with it. */
  readonly attachMs: number;
}

/** What the trials need. */
export interface TrialTools extends ObjectSource {
  readonly libbpf: Libbpf;
  readonly options: Omit<ObjectOptions, "places">;
  /** True once the user interrupts. */
  readonly cancelled: () => boolean;
  /** Receives the full reason why a backend does not work. */
  readonly debug: (message: string) => void;
}

/**
 * Tries each backend on one function, and times the best that works on some more.
 *
 * @param wanted `auto` for all backends
 * @param targets functions to trace; at least one
 * @throws {AttachCancelled} if the user interrupts; nothing is attached then
 */
export async function tryBackends(
  wanted: BackendName | "auto",
  targets: readonly Target[],
  tools: TrialTools,
): Promise<Trials> {
  const attempts: Attempt[] = [];
  let best: { backend: Backend; time: AttachTime } | null = null;
  const one = seldomCalled(targets);
  for (const backend of BACKENDS) {
    if (wanted !== "auto" && wanted !== backend.name) continue;
    await lookUp(tools);
    try {
      const how = { targets, probes: one, isAuto: wanted === "auto" };
      const time = await attempt(backend, how, tools);
      attempts.push({ backend, failure: null });
      best ??= { backend, time };
    } catch (error) {
      attempts.push({ backend, failure: whyNot(backend, error, tools.debug) });
    }
  }
  if (best === null) return { attempts, chosen: null, attachMs: 0 };
  await lookUp(tools);
  const how = { targets, probes: spread(targets, TIMED), isAuto: false };
  const time = await attempt(best.backend, how, tools);
  const attachMs = extrapolate(best.time, time, targets.length);
  await lookUp(tools);
  return { attempts, chosen: best.backend.name, attachMs };
}

/** Lets the event loop see a signal. @throws {AttachCancelled} if there was one */
async function lookUp({ cancelled }: TrialTools): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  if (cancelled()) throw new AttachCancelled();
}

/** What attaching to some functions took. */
export interface AttachTime {
  readonly functions: number;
  /** Milliseconds in all. */
  readonly attachMs: number;
  /** Milliseconds of those spent on the functions one by one; 0 if they are attached at once. */
  readonly eachMs: number;
}

/** Attaches and detaches. */
async function attempt(
  backend: Backend,
  how: TrialTargets,
  tools: TrialTools,
): Promise<AttachTime> {
  const { libbpf, options, cancelled, debug } = tools;
  const user = { cancelled, info: debug, debug };
  const trial = await tryBackend(libbpf, tools, options, backend, how, user);
  trial.object[Symbol.dispose]();
  return { functions: how.probes.length, attachMs: trial.attachMs, eachMs: trial.eachMs };
}

/** A rarely called function for the trial; failing that, the first, the middle and the last. */
export function seldomCalled(targets: readonly Target[]): readonly Target[] {
  for (const name of SELDOM_CALLED) {
    const target = targets.find((target) => target.name === name && target.module === "vmlinux");
    if (target !== undefined) return [target];
  }
  return spread(targets, 3);
}

/**
 * Estimated milliseconds to attach to `count` functions. For a backend that attaches to all at once, it
 * hardly depends on the number: on Linux 6.12, 0.1 s for one and 0.2 s for 1,765.
 */
export function extrapolate(few: AttachTime, more: AttachTime, count: number): number {
  if (count <= more.functions || more.eachMs === 0) return more.attachMs;
  const between = (more.eachMs - few.eachMs) / (more.functions - few.functions);
  // If the first attempt was the slower one, or both had the same number, use the average.
  const each = between > 0 && between < Infinity ? between : more.eachMs / more.functions;
  return more.attachMs + each * (count - more.functions);
}

/**
 * Reports how trying a backend went. Only the best that works is ✔: it is the one a trace uses.
 *
 * @param trials `null` if none could be made
 * @param wanted backend selected by the user
 * @param blamed whether an earlier check failed, which explains why none works
 */
export function checkBackend(
  { name, title }: Pick<Backend, "name" | "title">,
  trials: Trials | null,
  wanted: BackendName | "auto",
  blamed: boolean,
): Outcome {
  if (wanted !== "auto" && wanted !== name) {
    return note(`not selected: --backend ${wanted}`);
  }
  const tried = trials?.attempts.find(({ backend }) => backend.name === name);
  if (trials === null || tried === undefined) {
    return note(`not tried (${title}): something above is missing`);
  }
  const { failure } = tried;
  if (failure === null) {
    return trials.chosen === name
      ? ok(`works (${title})`)
      : note(`works too (${title}), but ${trials.chosen} is better`);
  }
  const found = `does not work (${title}): ${failure.message}`;
  if (trials.chosen !== null || blamed) return note(found);
  return failed(
    found,
    isForbidden(failure)
      ? "something denies it: look for a seccomp filter, a security module or lockdown"
      : "run vrft check --debug to see what the kernel and libbpf say",
  );
}

/** Whether the kernel, or a filter in front of it, denies what the backend needs. */
function isForbidden(failure: Failure): boolean {
  return [...causesOf(failure)].some((error) =>
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Failure && (error.errno === EPERM || error.errno === EACCES)
  );
}

/** Attaching for longer than this is worth advice. */
const LONG_MS = 5000;

/** Reports how long attaching will take. @param trials `null` if none could be made */
export function checkAttachTime(
  trials: Pick<Trials, "chosen" | "attachMs"> | null,
  functions: number,
): Outcome {
  if (trials === null) return note("unknown: no backend was tried");
  const { chosen, attachMs } = trials;
  if (chosen === null) return note("unknown: no backend works");
  const found = `${duration(attachMs)} for ${amount(functions)} functions with ${chosen}`;
  return ok(
    found,
    attachMs > LONG_MS ? "select functions with -f and -x to shorten it" : null,
  );
}

function duration(milliseconds: number): string {
  if (milliseconds < 1000) return "less than a second";
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 120) return `about ${seconds} s`;
  return `about ${Math.round(seconds / 60)} minutes`;
}
