/**
 * The open calls, entered but not returned: one stack per context, all in one pool.
 *
 * A context runs one call at a time: a task, or the idle task of one CPU (all idle tasks share thread
 * id 0). An interrupt runs in the context of the task it interrupts.
 *
 * @module
 */

/** "No context" and "no call". */
const NONE = -1;

/** Number of tasks that keep their contexts without calls; a power of two. */
const FIRST_CONTEXTS = 1024;

/**
 * Maximum number of contexts with open calls: some hundred tasks handle packets at a time on a large
 * host, and calls left over from tasks that have exited must not pile up.
 */
export const MAX_CONTEXTS = 16384;

// Words of a call in the pool. A call is identified by the index of its first word.
const CALL_SHIFT = 2;
const CALL_WORDS = 1 << CALL_SHIFT;
const FRAME = 0;
/** Index of the function in bits 0-15, CPU of the entry in bits 16-31. */
const FUNCTION_AND_CPU = 1;
/** Handle of the packet in bits 0-23, {@linkcode OVER} in bit 24. */
const PACKET_AND_STATE = 2;
/** The call below on the stack of its context; in a free slot, the next free one. */
const BELOW = 3;

const PACKET_MASK = 0xffffff;
const OVER = 1 << 24;

/**
 * Stacks of open calls. Allocates nothing once the arrays have grown to what the traced system needs.
 */
export class OpenCalls {
  #calls = new Int32Array(1024 * CALL_WORDS);
  /** First call that has never been used. */
  #fresh = 0;
  #free = NONE;
  #count = 0;

  readonly #byKey = new Map<number, number>();
  #key = new Int32Array(FIRST_CONTEXTS);
  #top = new Int32Array(FIRST_CONTEXTS);
  #depth = new Int32Array(FIRST_CONTEXTS);
  /** Number of the record that last changed the context's stack. */
  #lastUse = new Float64Array(FIRST_CONTEXTS);
  #freshContext = 0;
  /**
   * Contexts whose last call was removed, for reuse by other tasks: a ring queue that contains each at
   * most once. Some have calls again.
   */
  #idle = new Int32Array(FIRST_CONTEXTS);
  #isQueued = new Uint8Array(FIRST_CONTEXTS);
  #idleFrom = 0;
  #idleCount = 0;

  /** Open calls of all contexts. */
  get count(): number {
    return this.#count;
  }

  /** The context of `task` (a thread id) on `cpu`, or {@linkcode NONE} if it has no calls. */
  find(task: number, cpu: number): number {
    return this.#byKey.get(contextKey(task, cpu)) ?? NONE;
  }

  /**
   * Like {@linkcode find}, but creates a missing context. {@linkcode NONE} means that
   * {@linkcode MAX_CONTEXTS} have open calls: close those of the {@linkcode stale} ones.
   */
  findOrMake(task: number, cpu: number): number {
    const key = contextKey(task, cpu);
    const known = this.#byKey.get(key);
    return known !== undefined ? known : this.#make(key);
  }

  /** The innermost open call of the context, or {@linkcode NONE}. */
  top(context: number): number {
    return this.#top[context]!;
  }

  /** Thread id of the context's task, 0 for the idle task of any CPU. */
  task(context: number): number {
    return Math.max(0, this.#key[context]!);
  }

  /** Open calls of the context. */
  depth(context: number): number {
    return this.#depth[context]!;
  }

  /**
   * Pushes a call on the context's stack.
   *
   * @param frame low 32 bits of the address of the call's return address, signed
   * @param fn index of the function, of 16 bits
   * @param packet handle of the packet, of 24 bits
   * @param record number of the record, counted from the start of the trace
   * @returns the call
   */
  push(
    context: number,
    frame: number,
    fn: number,
    cpu: number,
    packet: number,
    record: number,
  ): number {
    let call = this.#free;
    if (call !== NONE) {
      this.#free = this.#calls[call + BELOW]!;
    } else {
      call = this.#fresh;
      if (call === this.#calls.length) this.#calls = grown(this.#calls);
      this.#fresh = call + CALL_WORDS;
    }
    const calls = this.#calls;
    calls[call + FRAME] = frame;
    calls[call + FUNCTION_AND_CPU] = fn | cpu << 16;
    calls[call + PACKET_AND_STATE] = packet;
    calls[call + BELOW] = this.#top[context]!;
    this.#top[context] = call;
    this.#depth[context]!++;
    this.#lastUse[context] = record;
    this.#count++;
    return call;
  }

  /**
   * Pops the innermost call; there must be one. What is known of it stays until the next
   * {@linkcode push}.
   *
   * @param record as with {@linkcode push}
   */
  pop(context: number, record: number): void {
    const call = this.#top[context]!;
    this.#top[context] = this.#calls[call + BELOW]!;
    this.#calls[call + BELOW] = this.#free;
    this.#free = call;
    this.#lastUse[context] = record;
    if (--this.#depth[context]! === 0 && this.#isQueued[context] === 0) this.#queue(context);
    this.#count--;
  }

  /** The call's frame as pushed. */
  frame(call: number): number {
    return this.#calls[call + FRAME]!;
  }

  /** Index of the called function. */
  function(call: number): number {
    return this.#calls[call + FUNCTION_AND_CPU]! & 0xffff;
  }

  /** Handle of the packet as pushed. */
  packet(call: number): number {
    return this.#calls[call + PACKET_AND_STATE]! & PACKET_MASK;
  }

  /** A number that no other open call has, smaller than the most that have been open at a time. */
  indexOf(call: number): number {
    return call >> CALL_SHIFT;
  }

  /** CPU that the call was entered on. */
  cpu(call: number): number {
    return this.#calls[call + FUNCTION_AND_CPU]! >>> 16;
  }

  /** The call around this one in its context, or {@linkcode NONE}. */
  below(call: number): number {
    return this.#calls[call + BELOW]!;
  }

  /** Whether {@linkcode markOver} was called for the call. */
  isOver(call: number): boolean {
    return (this.#calls[call + PACKET_AND_STATE]! & OVER) !== 0;
  }

  /** Marks that the call has nothing left to do but return. */
  markOver(call: number): void {
    this.#calls[call + PACKET_AND_STATE]! |= OVER;
  }

  /** Number of the last record that pushed a call on the context's stack, or popped one. */
  lastUse(context: number): number {
    return this.#lastUse[context]!;
  }

  /** Every context with open calls. */
  *busy(): Generator<number> {
    for (const context of this.#byKey.values()) {
      if (this.#depth[context]! > 0) yield context;
    }
  }

  /**
   * The contexts to drop to make room: those whose last change is further back than halfway to that of
   * the least recently used one.
   */
  stale(): number[] {
    const busy = [...this.busy()];
    let oldest = Infinity;
    let newest = 0;
    for (const context of busy) {
      oldest = Math.min(oldest, this.#lastUse[context]!);
      newest = Math.max(newest, this.#lastUse[context]!);
    }
    return busy.filter((context) => this.#lastUse[context]! <= (oldest + newest) / 2);
  }

  #make(key: number): number {
    let context = NONE;
    if (this.#freshContext === this.#key.length) {
      context = this.#takeIdle();
      if (context !== NONE) this.#byKey.delete(this.#key[context]!);
      else if (this.#freshContext === MAX_CONTEXTS) return NONE;
      else this.#grow();
    }
    if (context === NONE) context = this.#freshContext++;
    this.#key[context] = key;
    this.#top[context] = NONE;
    this.#depth[context] = 0;
    this.#byKey.set(key, context);
    return context;
  }

  #queue(context: number): void {
    this.#isQueued[context] = 1;
    this.#idle[(this.#idleFrom + this.#idleCount++) & (this.#idle.length - 1)] = context;
  }

  /**
   * The context that has been without calls the longest, or {@linkcode NONE}. Each entry skipped here
   * was queued since, so a new task takes a few steps, however many others there are.
   */
  #takeIdle(): number {
    while (this.#idleCount > 0) {
      const context = this.#idle[this.#idleFrom]!;
      this.#idleFrom = (this.#idleFrom + 1) & (this.#idle.length - 1);
      this.#idleCount--;
      this.#isQueued[context] = 0;
      if (this.#depth[context] === 0) return context;
    }
    return NONE;
  }

  /** Makes room for more contexts. The queue of idle ones must be empty. */
  #grow(): void {
    this.#key = grown(this.#key);
    this.#top = grown(this.#top);
    this.#depth = grown(this.#depth);
    const lastUse = new Float64Array(this.#key.length);
    lastUse.set(this.#lastUse);
    this.#lastUse = lastUse;
    this.#idle = new Int32Array(this.#key.length);
    this.#isQueued = new Uint8Array(this.#key.length);
    this.#idleFrom = 0;
  }
}

/** One number per context: a thread id, or below zero the CPU whose idle task it is. */
export function contextKey(task: number, cpu: number): number {
  return task !== 0 ? task | 0 : ~cpu;
}

/** A copy of twice the length. */
function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(array.length * 2);
  copy.set(array);
  return copy;
}
