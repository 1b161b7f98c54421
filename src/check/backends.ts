/**
 * Tries the backends, and tells how long attaching with one will take.
 *
 * @module
 */

import { BACKENDS, type ObjectSource, tryBackend, whyNot } from "../probe/backend_choice.ts";
import { AttachCancelled, type Backend, type BackendName } from "../probe/backend.ts";
import { spread, type Target } from "../probe/target.ts";
import type { Libbpf } from "../probe/libbpf.ts";
import type { ObjectOptions } from "../probe/object.ts";
import { amount } from "../sys/amount.ts";
import { causesOf, Failure } from "../sys/failure.ts";
import { failed, note, ok, type Outcome } from "./outcome.ts";

const EPERM = 1;
const EACCES = 13;

/** Functions for the trial, the first that is there: they take a packet, and are seldom called. */
const SELDOM_CALLED = ["__icmp_send", "ip_rt_send_redirect", "skb_copy_ubufs"];

/** Functions that attaching is timed with. */
const TIMED = 32;

/** How trying a backend went. */
export interface Attempt {
  readonly backend: Backend;
  /** Why it does not work; `null` when it does. */
  readonly failure: Failure | null;
}

/** What the trials found. */
export interface Trials {
  /** The backends that were tried, best first. */
  readonly attempts: readonly Attempt[];
  /** The best that works; `null` when none does. */
  readonly chosen: BackendName | null;
  /** Milliseconds that attaching to all functions with it will take, as far as can be told. */
  readonly attachMs: number;
}

/** What the trials are made with. */
export interface TrialTools extends ObjectSource {
  readonly libbpf: Libbpf;
  readonly options: Omit<ObjectOptions, "places">;
  /** True when the user wants out. */
  readonly cancelled: () => boolean;
  /** Told in full why a backend does not work. */
  readonly debug: (message: string) => void;
}

/**
 * Tries each backend on one function, and times the best that works on some more.
 *
 * @param wanted `auto` for all backends
 * @param targets functions to trace; at least one
 * @throws {AttachCancelled} when the user wants out; nothing is attached then
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
      const time = await attempt(backend, one, targets.length, tools);
      attempts.push({ backend, failure: null });
      best ??= { backend, time };
    } catch (error) {
      attempts.push({ backend, failure: whyNot(backend, error, tools.debug) });
    }
  }
  if (best === null) return { attempts, chosen: null, attachMs: 0 };
  await lookUp(tools);
  const time = await attempt(best.backend, spread(targets, TIMED), targets.length, tools);
  const attachMs = extrapolate(best.time, time, targets.length);
  await lookUp(tools);
  return { attempts, chosen: best.backend.name, attachMs };
}

/** Lets the event loop see a signal. @throws {AttachCancelled} when there was one */
async function lookUp({ cancelled }: TrialTools): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  if (cancelled()) throw new AttachCancelled();
}

/** What attaching to some functions took. */
export interface AttachTime {
  readonly functions: number;
  /** Milliseconds in all. */
  readonly attachMs: number;
  /** Milliseconds of them that the backend was at the functions one by one; 0 if it takes them at once. */
  readonly eachMs: number;
}

/** Attaches and lets go. */
async function attempt(
  backend: Backend,
  probes: readonly Target[],
  functions: number,
  tools: TrialTools,
): Promise<AttachTime> {
  const count = Math.max(functions, probes.length);
  const { libbpf, options, cancelled } = tools;
  const trial = await tryBackend(libbpf, tools, options, count, backend, probes, cancelled);
  trial.object[Symbol.dispose]();
  return { functions: probes.length, attachMs: trial.attachMs, eachMs: trial.eachMs };
}

/** A function for a trial that disturbs nobody; failing that, one of each end and the middle. */
export function seldomCalled(targets: readonly Target[]): readonly Target[] {
  for (const name of SELDOM_CALLED) {
    const target = targets.find((target) => target.name === name && target.module === "vmlinux");
    if (target !== undefined) return [target];
  }
  return spread(targets, 3);
}

/**
 * What attaching to `count` functions will take in milliseconds. Where a backend takes all at once, that
 * depends little on their number: on Linux 6.12, 0.1 s for one and 0.2 s for 1,765.
 */
export function extrapolate(few: AttachTime, more: AttachTime, count: number): number {
  if (count <= more.functions || more.eachMs === 0) return more.attachMs;
  const between = (more.eachMs - few.eachMs) / (more.functions - few.functions);
  // The first time is the slowest; then, and when both are for as many, the average will do.
  const each = between > 0 && between < Infinity ? between : more.eachMs / more.functions;
  return more.attachMs + each * (count - more.functions);
}

/**
 * Says how trying a backend went. Only the best that works is ✔: it is the one that a trace uses.
 *
 * @param trials `null` when none could be made
 * @param wanted backend that the user has asked for
 * @param blamed whether an earlier check has failed, which then is why none works
 */
export function checkBackend(
  { name, title }: Pick<Backend, "name" | "title">,
  trials: Trials | null,
  wanted: BackendName | "auto",
  blamed: boolean,
): Outcome {
  if (wanted !== "auto" && wanted !== name) {
    return note(`not asked for: --backend ${wanted}`);
  }
  const tried = trials?.attempts.find(({ backend }) => backend.name === name);
  if (trials === null || tried === undefined) {
    return note(`not tried (${title}), for lack of what is missing above`);
  }
  const { failure } = tried;
  if (failure === null) {
    return trials.chosen === name
      ? ok(`works (${title})`)
      : note(`works, too (${title}), and ${trials.chosen} is better`);
  }
  const found = `does not work (${title}): ${failure.message}`;
  if (trials.chosen !== null || blamed) return note(found);
  return failed(
    found,
    isForbidden(failure)
      ? "something forbids it: look for a seccomp filter, a security module or lockdown"
      : "vrft check --debug shows all that the kernel and libbpf say about it",
  );
}

/** Whether the kernel, or something in front of it, does not permit what the backend needs. */
function isForbidden(failure: Failure): boolean {
  return [...causesOf(failure)].some((error) =>
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Failure && (error.errno === EPERM || error.errno === EACCES)
  );
}

/** Longer than this, attaching is worth a word of advice. */
const LONG_MS = 5000;

/** Says how long attaching will take. @param trials `null` when none could be made */
export function checkAttachTime(
  trials: Pick<Trials, "chosen" | "attachMs"> | null,
  functions: number,
): Outcome {
  if (trials === null) return note("not known: no backend was tried");
  const { chosen, attachMs } = trials;
  if (chosen === null) return note("not known: no backend works");
  const found = `${duration(attachMs)} for ${amount(functions)} functions with ${chosen}`;
  return ok(
    found,
    attachMs > LONG_MS ? "choosing functions with -f and -x makes it shorter" : null,
  );
}

function duration(milliseconds: number): string {
  if (milliseconds < 1000) return "less than a second";
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 120) return `about ${seconds} s`;
  return `about ${Math.round(seconds / 60)} minutes`;
}
