/**
 * kprobe events of tracefs, for kernels without FPROBE (Debian 6.1 is one).
 *
 * A kprobe on the first byte of a function sits on ftrace's place, and ftrace takes milliseconds to
 * arm one and, with an RCU grace period each, longer to let it go: half a minute for all functions that
 * take packets, and more than a minute until they are gone, however the process ends. So the probes
 * are put on other instructions: the entry on the one behind ftrace's place, the return on each
 * instruction that leaves the function. Such probes cost a trap when hit, and are armed and let go in
 * a fraction of a millisecond. Functions whose ends cannot be told from their code get a kprobe and a
 * kretprobe on their start after all.
 *
 * All probes of a kind share one event (Linux 5.5), one perf event and one program. To tell them apart,
 * each has a constant argument of its own, without which the kernel takes the second one for a copy
 * of the first.
 *
 * @module
 */

import { ENDBR64_BYTES, findEnds, type FunctionEnds, UnknownEnds } from "../../kernel/exits.ts";
import { Kcore } from "../../kernel/kcore.ts";
import { SYSTEM_PATHS } from "../../kernel/sources.ts";
import { TEXT_BASE, TextSymbols } from "../../kernel/text_symbols.ts";
import { Failure } from "../../sys/failure.ts";
import {
  AttachCancelled,
  type Attachment,
  type AttachProgress,
  type Backend,
  type RefusedFunction,
} from "../backend.ts";
import type { Target } from "../target.ts";
import { missedByProgram, openTracepoint, runOnEvent } from "../bpf_syscall.ts";
import { cookieOf, exitCookie } from "../layout.ts";
import type { BpfObject } from "../object.ts";
import { KprobeEvents } from "../tracefs.ts";

const ENTRY = "vrft_kprobe_entry";
const EXIT = "vrft_kprobe_exit";
const RETURN = "vrft_kprobe_return";
/** Names of the events. The kernel counts misses by name without group, so another vrft has others. */
const ENTRIES = `entries_${Deno.pid}`;
const EXITS = `exits_${Deno.pid}`;
const RETURNS = `returns_${Deno.pid}`;
const PROGRAMS = [ENTRY, EXIT, RETURN];

/** Functions whose probes are created before the event loop gets a turn. */
const FUNCTIONS_AT_ONCE = 64;

/** Live calls of one function whose kretprobe can wait for them at once; calls beyond are missed. */
const RETURNS_AT_ONCE = 32;

export const kprobe: Backend = {
  name: "kprobe",
  title: "kprobe events",
  object: () => "kprobe",
  programs: PROGRAMS.map((name) => ({ name })),
  // Seen on Linux 6.1: 1.3 ends a function; beside them its entry and its start.
  placesPerFunction: 16,

  async attach(
    object: BpfObject,
    targets: readonly Target[],
    progress: AttachProgress,
  ): Promise<Attachment> {
    const attaching = new Attaching(object, targets, progress.debug);
    const start = performance.now();
    try {
      for (let index = 0; index < targets.length; index++) {
        attaching.create(index);
        if (index % FUNCTIONS_AT_ONCE === 0) {
          progress.report(index);
          // Lets the event loop see a signal.
          await new Promise((resolve) => setTimeout(resolve, 0));
          if (progress.cancelled()) throw new AttachCancelled();
        }
      }
      progress.debug(
        `Created ${attaching.probes} probes in ${Math.round(performance.now() - start)} ms`,
      );
      attaching.arm(progress.debug);
      progress.report(targets.length);
      const { refused, events } = attaching;
      if (refused.length === targets.length) {
        const { reason, cause } = refused[0]!;
        throw new Failure("attach", reason, { cause });
      }
      const programs = PROGRAMS.map((name) => object.programFd(name));
      return {
        refused,
        missed: () =>
          programs.reduce((sum, program) => sum + missedByProgram(program), events.missed()),
        [Symbol.dispose]: () => attaching[Symbol.dispose](),
      };
    } catch (error) {
      attaching[Symbol.dispose]();
      throw error;
    }
  },
};

/** The state of attaching, and later of what is attached. */
class Attaching implements Disposable {
  readonly refused: RefusedFunction[] = [];
  readonly events: KprobeEvents;
  readonly #cleanup = new DisposableStack();
  readonly #ends: (FunctionEnds | undefined)[];
  probes = 0;

  constructor(
    readonly object: BpfObject,
    readonly targets: readonly Target[],
    debug: (message: string) => void,
  ) {
    this.events = this.#cleanup.use(new KprobeEvents());
    try {
      this.#ends = findAllEnds(targets, debug);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Creates the probes of a target, disarmed. */
  create(index: number): void {
    const target = this.targets[index]!;
    const cookie = cookieOf(target, index);
    const ends = this.#ends[index];
    // The start stands for the function where a jump through a register leads to it.
    this.#place(target.address, cookie);
    if (ends !== undefined && this.#addEnds(ends)) {
      const entry = TEXT_BASE + BigInt(ends.entry);
      this.#place(entry, cookie);
      if (this.#add("p:", ENTRIES, entry) === undefined) return;
    }
    // Where the function starts with endbr64, the kernel moves a probe of its start behind that.
    this.#place(target.address + BigInt(ENDBR64_BYTES), cookie);
    const failure = this.#add(`r${RETURNS_AT_ONCE}:`, RETURNS, target.address) ??
      this.#add("p:", ENTRIES, target.address);
    if (failure === undefined) return;
    const { name, module } = target;
    const reason = `refused by the kernel: ${failure.message}`;
    this.refused.push({ name, module, reason, cause: failure });
  }

  /**
   * Arms all probes. The entries last: a call seen at its entry is then always seen at its end. And
   * because they alone can be turned into jumps: the kernel begins with that while more of them are
   * being armed, and makes every other change to probes wait for RCU.
   */
  arm(debug: (message: string) => void): void {
    for (const [event, program] of [[EXITS, EXIT], [RETURNS, RETURN], [ENTRIES, ENTRY]] as const) {
      if (!this.events.has(event)) continue;
      const start = performance.now();
      const perf = this.#cleanup.use(openTracepoint(this.events.id(event)));
      runOnEvent(perf.number, this.object.programFd(program));
      debug(`Armed the ${event} in ${Math.round(performance.now() - start)} ms`);
    }
  }

  /** False where the kernel refuses a probe; those before it stay, and find no open call. */
  #addEnds(ends: FunctionEnds): boolean {
    for (const { at, register } of ends.exits) {
      const address = TEXT_BASE + BigInt(at);
      this.#place(address, exitCookie(register));
      if (this.#add("p:", EXITS, address) !== undefined) return false;
    }
    return true;
  }

  /** Creates a probe, disarmed; returns why that was refused, if it was. */
  #add(kind: string, event: string, address: bigint): Error | undefined {
    const place = `0x${address.toString(16)} probe=\\${this.probes++}:u32`;
    try {
      this.events.add(kind, event, place);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #place(address: bigint, cookie: bigint): void {
    this.object.update("places", bytesOf(address), bytesOf(cookie));
  }

  [Symbol.dispose](): void {
    this.#cleanup.dispose();
  }
}

/** The ends of every target whose ends can be told. */
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
  const symbols = new TextSymbols(Deno.readFileSync(SYSTEM_PATHS.kallsyms));
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
