/**
 * kprobe events of tracefs, for kernels without FPROBE (Debian 6.1 is one).
 *
 * A kprobe on the first byte of a function uses its ftrace site, which takes milliseconds to arm and, with
 * an RCU grace period each, longer to disarm: half a minute for all functions that take packets, and more
 * than a minute to remove them, however the process ends. So the probes are placed elsewhere: the entry
 * probe on the instruction after the ftrace site, the return probes on the instructions that leave the
 * function. Such probes cost a trap per hit, but are armed and disarmed in a fraction of a millisecond.
 * Functions that cannot be disassembled get a kprobe and a kretprobe on their start after all. So do those
 * that drop packets get their kprobe: they record the stack, which the kernel cannot unwind from the middle
 * of an instruction that changes it, where the instruction pointer is after a breakpoint.
 *
 * Many probes of a kind share one event (Linux 5.5), one perf event and one program. Each has a unique
 * constant argument, without which the kernel rejects the second one as a duplicate of the first.
 *
 * @module
 */

import { ENDBR64_BYTES, findEnds, type FunctionEnds, UnknownEnds } from "../../kernel/exits.ts";
import { Kcore } from "../../kernel/kcore.ts";
import { runningTextSymbols, TEXT_BASE } from "../../kernel/text_symbols.ts";
import { Failure } from "../../sys/failure.ts";
import { errorText, SystemError } from "../../sys/libc.ts";
import {
  type Attachment,
  type AttachProgress,
  type Backend,
  beyondRegisters,
  type RefusedFunction,
} from "../backend.ts";
import type { Target } from "../target.ts";
import { missedByProgram } from "../bpf_syscall.ts";
import { COOKIE_DROPS, cookieOf, exitCookie } from "../layout.ts";
import type { BpfObject } from "../object.ts";
import { RECORD_FUNCTIONS } from "../record.ts";
import { KprobeEvents } from "../tracefs.ts";
import { Turns } from "../turns.ts";

const ENTRY = "vrft_kprobe_entry";
const EXIT = "vrft_kprobe_exit";
const RETURN = "vrft_kprobe_return";
/** Series of events. */
const ENTRIES = "entries";
const EXITS = "exits";
const RETURNS = "returns";
const PROGRAMS = [ENTRY, EXIT, RETURN];

/** Concurrent calls of one function that its kretprobe can track; further ones are missed. */
const RETURNS_AT_ONCE = 32;

export const kprobe: Backend = {
  name: "kprobe",
  title: "kprobe events",
  object: () => "kprobe",
  programs: PROGRAMS.map((name) => ({ name })),
  // On Linux 6.1, a function has 1.3 ends on average, plus its entry and its start.
  placesPerFunction: 16,
  maxFunctions: RECORD_FUNCTIONS,

  async attach(
    object: BpfObject,
    targets: readonly Target[],
    progress: AttachProgress,
  ): Promise<Attachment> {
    const places = targets.map(({ address }) => placeOf(address));
    const events = await KprobeEvents.open(places, progress);
    try {
      const turns = new Turns(progress);
      const attaching = new Attaching(object, targets, events, progress.debug);
      const start = performance.now();
      for (let index = 0; index < targets.length; index++) {
        attaching.create(index);
        if (index === 0 || await turns.give()) progress.report(index);
      }
      progress.debug(
        `Created ${attaching.probes} probes in ${Math.round(performance.now() - start)} ms`,
      );
      await attaching.arm(turns, progress.debug);
      events.requireAll();
      progress.report(targets.length);
      const { refused } = attaching;
      if (refused.length === targets.length) {
        const { reason, cause } = refused[0]!;
        throw new Failure("attach", reason, { cause });
      }
      const programs = PROGRAMS.map((name) => object.programFd(name));
      return {
        refused,
        missed: () =>
          programs.reduce((sum, program) => sum + missedByProgram(program), events.missed()),
        removed: () => events.removed(),
        [Symbol.dispose]: () => events[Symbol.dispose](),
      };
    } catch (error) {
      events[Symbol.dispose]();
      throw error;
    }
  },
};

/** The state of attaching. */
class Attaching {
  readonly refused: RefusedFunction[] = [];
  readonly #ends: readonly (FunctionEnds | undefined)[];
  probes = 0;

  constructor(
    readonly object: BpfObject,
    readonly targets: readonly Target[],
    readonly events: KprobeEvents,
    debug: (message: string) => void,
  ) {
    this.#ends = findAllEnds(targets, debug);
  }

  /** Creates the probes of a target, disarmed. */
  create(index: number): void {
    const target = this.targets[index]!;
    const beyond = beyondRegisters(target);
    if (beyond !== null) {
      this.refused.push(beyond);
      return;
    }
    const cookie = cookieOf(target, index);
    const ends = this.#ends[index];
    // The start identifies the function as the target of a jump through a register.
    this.#place(target.address, cookie);
    const start = target.address + BigInt(ENDBR64_BYTES);
    if (ends !== undefined && this.#addEnds(ends)) {
      const isOnStart = (cookie & COOKIE_DROPS) !== 0n;
      const entry = isOnStart ? target.address : TEXT_BASE + BigInt(ends.entry);
      this.#place(isOnStart ? start : entry, cookie);
      if (this.#add("p:", ENTRIES, entry) === undefined) return;
    }
    // If the function starts with endbr64, the kernel moves a probe on its start past that.
    this.#place(start, cookie);
    const failure = this.#add(`r${RETURNS_AT_ONCE}:`, RETURNS, target.address) ??
      this.#add("p:", ENTRIES, target.address);
    if (failure === undefined) return;
    const { name, module } = target;
    const reason = `refused by the kernel: ${errorText(failure.errno)}`;
    this.refused.push({ name, module, reason, cause: failure });
  }

  /**
   * Arms all probes. Entries come last, so that a call seen at its entry is always seen at its end. Also,
   * only they can be optimized to jumps: the kernel starts that while more of them are being armed, and
   * makes all other changes to probes wait for RCU.
   */
  async arm(turns: Turns, debug: (message: string) => void): Promise<void> {
    for (const [series, program] of [[EXITS, EXIT], [RETURNS, RETURN], [ENTRIES, ENTRY]] as const) {
      const start = performance.now();
      for (const event of this.events.events(series)) {
        this.events.arm(event, this.object.programFd(program));
        await turns.give();
      }
      debug(`Armed the ${series} in ${Math.round(performance.now() - start)} ms`);
    }
  }

  /** False if the kernel refuses a probe; earlier ones stay, and find no open call. */
  #addEnds(ends: FunctionEnds): boolean {
    for (const { at, register } of ends.exits) {
      const address = TEXT_BASE + BigInt(at);
      this.#place(address, exitCookie(register));
      if (this.#add("p:", EXITS, address) !== undefined) return false;
    }
    return true;
  }

  /** Creates a probe, disarmed; returns the reason if it is refused. */
  #add(kind: string, series: string, address: bigint): SystemError | undefined {
    try {
      this.events.add(kind, series, `${placeOf(address)} probe=\\${this.probes++}:u32`);
      return undefined;
    } catch (error) {
      if (error instanceof SystemError) return error;
      throw error;
    }
  }

  #place(address: bigint, cookie: bigint): void {
    this.object.update("places", bytesOf(address), bytesOf(cookie));
  }
}

function placeOf(address: bigint): string {
  return `0x${address.toString(16)}`;
}

/** The ends of every target that can be disassembled. */
function findAllEnds(
  targets: readonly Target[],
  debug: (message: string) => void,
): (FunctionEnds | undefined)[] {
  let kcore: Kcore;
  try {
    kcore = new Kcore();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    debug(`All returns by kretprobe, which is slow to attach: ${error.message}`);
    return targets.map(() => undefined);
  }
  using text = kcore;
  const symbols = runningTextSymbols();
  const lows = new Set(targets.map(({ address }) => lowOf(address)));
  return targets.map(({ name, address }) => {
    try {
      return findEnds(text, symbols, lowOf(address), name, (low) => lows.has(low));
    } catch (error) {
      if (!(error instanceof UnknownEnds)) throw error;
      debug(`Return of ${name} by kretprobe: ${error.message}`);
      return undefined;
    }
  });
}

function lowOf(address: bigint): number {
  return Number(address & 0xffffffffn);
}

function bytesOf(value: bigint): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array([value]).buffer);
}
