/**
 * kprobe events of tracefs, for kernels without FPROBE (Debian 6.1 is one): many probes on one event,
 * created by address, one perf event and one program for all of them.
 *
 * Against a perf kprobe per function this saves file descriptors and, at the end, an RCU grace period
 * per function. Several probes on one event need Linux 5.5; to tell them apart, each has a constant
 * argument of its own, without which the kernel takes the second one for a copy of the first.
 *
 * @module
 */

import type { PacketFunction, SkippedFunction } from "../../kernel/packet_function.ts";
import { Failure } from "../../sys/failure.ts";
import {
  AttachCancelled,
  type Attachment,
  type AttachProgress,
  type Backend,
  type Target,
} from "../backend.ts";
import {
  type FileDescriptor,
  missedByProgram,
  openTracepoint,
  runOnEvent,
} from "../bpf_syscall.ts";
import { cookieOf } from "../layout.ts";
import type { BpfObject } from "../object.ts";
import { KprobeEvents } from "../tracefs.ts";

const ENTRY = "vrft_kprobe_entry";
const RETURN = "vrft_kprobe_return";

/**
 * Functions per event. Enabling an event cannot be interrupted and takes milliseconds a function, so
 * this bounds how long Ctrl-C has to wait.
 */
const FUNCTIONS_PER_EVENT = 64;

/** Live calls of one function whose returns can be awaited at once; calls beyond are missed. */
const RETURNS_AT_ONCE = 32;

export const kprobe: Backend = {
  name: "kprobe",
  title: "kprobe events",
  programs: [{ name: ENTRY }, { name: RETURN }],
  byAddress: true,

  async attach(
    object: BpfObject,
    targets: readonly Target[],
    progress: AttachProgress,
  ): Promise<Attachment> {
    const cleanup = new DisposableStack();
    try {
      const events = cleanup.use(new KprobeEvents());
      const refused: SkippedFunction[] = [];
      for (let first = 0; first < targets.length; first += FUNCTIONS_PER_EVENT) {
        // Lets the event loop see a signal.
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (progress.cancelled()) throw new AttachCancelled();
        const last = Math.min(first + FUNCTIONS_PER_EVENT, targets.length);
        attachGroup(object, events, targets, first, last, refused, cleanup);
        progress.report(last);
      }
      if (refused.length === targets.length) {
        throw new Failure(`Cannot create a kprobe: ${refused[0]?.reason}`);
      }
      const entry = object.programFd(ENTRY);
      const ret = object.programFd(RETURN);
      return {
        refused,
        missed: () => events.missed() + missedByProgram(entry) + missedByProgram(ret),
        [Symbol.dispose]: () => cleanup.dispose(),
      };
    } catch (error) {
      cleanup.dispose();
      throw error;
    }
  },
};

function attachGroup(
  object: BpfObject,
  events: KprobeEvents,
  targets: readonly Target[],
  first: number,
  last: number,
  refused: SkippedFunction[],
  cleanup: DisposableStack,
): void {
  const entryEvent = `e${first}`;
  const returnEvent = `r${first}`;
  for (let index = first; index < last; index++) {
    const target = targets[index]!;
    const place = `0x${target.address.toString(16)} function=\\${index}:u32`;
    try {
      events.add(`r${RETURNS_AT_ONCE}:`, returnEvent, place);
      events.add("p:", entryEvent, place);
    } catch (error) {
      refused.push({ ...named(target), reason: `refused by the kernel: ${messageOf(error)}` });
      continue;
    }
    object.update("functions", bytesOf(target.address), bytesOf(cookieOf(target, index)));
  }
  // The returns first: a call seen at its entry is then always seen at its return.
  for (const [event, program] of [[returnEvent, RETURN], [entryEvent, ENTRY]] as const) {
    if (!events.has(event)) continue;
    const perf: FileDescriptor = cleanup.use(openTracepoint(events.id(event)));
    runOnEvent(perf.number, object.programFd(program));
  }
}

function named({ name, module }: PacketFunction): { name: string; module: string } {
  return { name, module };
}

function bytesOf(value: bigint): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array([value]).buffer);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
