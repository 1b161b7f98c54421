/**
 * Learns which stacks are interrupt stacks from who uses them.
 *
 * On x86-64 a task has one stack, and each CPU has one for interrupts and softirqs; both take
 * 16 KiB (THREAD_SIZE and IRQ_STACK_SIZE in arch/x86/include/asm/page_64_types.h, without KASAN). A
 * task's stack is aligned to its size (THREAD_ALIGN), an interrupt stack to pages only
 * (map_irq_stack() in arch/x86/kernel/irq_64.c), so it lies in one or two regions of 16 KiB.
 *
 * A region belongs to an interrupt stack once one context has used it, then another one, then the first
 * again: a task's stack is only reused after the task has exited. Before that, nothing is concluded.
 * (Only the low 32 bits of addresses are known. Stacks of two tasks could coincide in these, but they
 * are allocated close together.)
 *
 * @module
 */

const REGION_SHIFT = 14;
const REGIONS = 1 << (32 - REGION_SHIFT);
const MAX_CPUS = 1 << 16;

/** Number of the 16 KiB region that the low 32 bits of an address lie in. */
export function regionOf(address: number): number {
  return address >>> REGION_SHIFT;
}

/** What has been learned about the stacks of calls. */
export class KernelStacks {
  // Only written where there are stacks: most of these pages stay untouched and take no memory.
  /** By region: the key of the context that used it last, 0 for none. */
  readonly #user = new Int32Array(REGIONS);
  /** By region: the context that used it before {@linkcode #user}. */
  readonly #userBefore = new Int32Array(REGIONS);
  /** By region: 1 if it belongs to an interrupt stack. */
  readonly #interrupt = new Uint8Array(REGIONS);
  /** By CPU: 1 + a region of its interrupt stack, 0 while none is known. */
  readonly #ofCpu = new Int32Array(MAX_CPUS);

  /**
   * Records that a context runs on a stack.
   *
   * @param key of the context, not 0; see `contextKey()`
   */
  use(region: number, key: number, cpu: number): void {
    if (this.#interrupt[region] === 1) {
      this.#ofCpu[cpu] = region + 1;
      return;
    }
    const user = this.#user[region]!;
    if (user === key) return;
    if (this.#userBefore[region] === key) {
      this.#interrupt[region] = 1;
      this.#ofCpu[cpu] = region + 1;
      return;
    }
    this.#userBefore[region] = user;
    this.#user[region] = key;
  }

  /** Whether code that runs on `cpu` in this region is known to run on a task's stack. */
  isTask(region: number, cpu: number): boolean {
    const known = this.#ofCpu[cpu]!;
    if (known === 0 || this.#interrupt[region] === 1) return false;
    // The interrupt stack may extend into the region before or after the known one.
    return Math.abs(known - 1 - region) > 1;
  }
}
