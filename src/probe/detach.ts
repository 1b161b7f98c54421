/**
 * Detaches trampolines without keeping the user waiting.
 *
 * From Linux 6.0 to 6.19 the kernel takes a tenth of a second for each function: every trampoline has an
 * ftrace_ops of its own, ftrace waits for a grace period of RCU Tasks before it lets go of one, with its
 * locks held, and the thread that runs these rests for HZ/10 after each (kernel/rcu/tasks.h). So it makes
 * no difference how many threads close links, or whether the process just exits.
 *
 * But the kernel can do that by itself: the last reference to a link is put by a worker of the kernel, rather
 * than by the process, if it is that of a file in a BPF file system. Nothing of this process is needed for
 * it: when the file system goes away, so do the links, whatever becomes of the process. Until then the
 * programs run but do nothing, as recording has been switched off, and the module cannot be unloaded. The
 * process prints meanwhile, and ends when nothing is left, or when the user does not want to wait.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import { DetachedMount } from "../sys/detached_mount.ts";
import { SystemError } from "../sys/libc.ts";
import { type FileDescriptor, hasProgram, pinObject, programId } from "./bpf_syscall.ts";

/** Milliseconds to detach links, before the others are left to the kernel. */
const PATIENCE_MS = 300;
/** Milliseconds between looks at what the kernel still has. */
const LOOK_MS = 50;
/** Milliseconds before the user is told of the wait. */
const SILENCE_MS = 1000;

/** Ids of the programs of links that were left to the kernel. */
const leaving = new Set<number>();

/**
 * Closes links, the last one first. Those that would take long are left to the kernel, which removes them
 * soon after.
 *
 * @param links of programs that do nothing any more
 * @param programs those, which {@linkcode untilDetached} waits for if any link is left
 * @param debug told if links are left to the kernel, or why they cannot be
 * @param now a clock, in milliseconds
 */
export function detach(
  links: readonly FileDescriptor[],
  programs: readonly FileDescriptor[],
  debug: (message: string) => void,
  now: () => number = () => performance.now(),
): void {
  const rest = [...links];
  const end = now() + PATIENCE_MS;
  while (rest.length > 0) {
    rest.pop()![Symbol.dispose]();
    if (rest.length > 1 && now() >= end) break;
  }
  if (rest.length > 0) leave(rest, programs.map(({ number }) => number), debug);
}

/**
 * Leaves links to the kernel, which removes them soon after; closes them if that is not possible.
 *
 * @param links of programs that do nothing any more
 * @param programs fds of those, which {@linkcode untilDetached} waits for: to be closed soon
 * @param debug told that links are left to the kernel, or why they cannot be
 */
export function leave(
  links: readonly FileDescriptor[],
  programs: readonly number[],
  debug: (message: string) => void,
): void {
  const ids = programs.map(programId);
  if (leaveToKernel(links, debug)) { for (const id of ids) leaving.add(id); }
}

/**
 * Waits until the kernel has detached what was left to it.
 *
 * @param cut aborted to wait no longer
 * @param info told what keeps the user waiting
 */
export async function untilDetached(
  cut: AbortSignal,
  info: (message: string) => void,
): Promise<void> {
  const start = performance.now();
  let told = false;
  for (;;) {
    // A program is put once its link has been detached; the id of a link is gone before.
    for (const id of leaving) if (!hasProgram(id)) leaving.delete(id);
    if (leaving.size === 0) return;
    if (cut.aborted) {
      info(`The kernel goes on detaching probes: ${amount(leaving.size)}`);
      leaving.clear();
      return;
    }
    if (!told && performance.now() - start >= SILENCE_MS) {
      told = true;
      info("Waiting until the kernel has detached all probes; Ctrl-C ends the wait");
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Closes them if they cannot be left to the kernel, and returns `false`. */
function leaveToKernel(
  links: readonly FileDescriptor[],
  debug: (message: string) => void,
): boolean {
  try {
    // Where nobody finds the links, and nothing remains if this process is killed meanwhile.
    using files = new DetachedMount("bpf");
    for (const [index, { number }] of links.entries()) pinObject(number, files.path(`${index}`));
    debug(`The kernel detaches what is left by itself: ${amount(links.length)} links`);
    for (const link of links) link[Symbol.dispose]();
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    debug(`Detaches all probes before it ends: ${error.message}`);
    for (const link of links.toReversed()) link[Symbol.dispose]();
    return false;
  }
}
