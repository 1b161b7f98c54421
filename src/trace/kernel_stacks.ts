/**
 * Which stacks are those of interrupts, learned from who uses them.
 *
 * On x86-64 a task has one stack, and each CPU has one for interrupts and softirqs; both take
 * 16 KiB (THREAD_SIZE and IRQ_STACK_SIZE in arch/x86/include/asm/page_64_types.h, without KASAN). A
 * task's stack is aligned to its size (THREAD_ALIGN), an interrupt stack to pages only
 * (map_irq_stack() in arch/x86/kernel/irq_64.c), so it lies in one or two regions of 16 KiB.
 *
 * A region is known to belong to an interrupt stack once a context has used it, then another one,
 * then the first again: a task's stack is handed on only when the task has ended. Before that
 * nothing is concluded. (Of an address the low 32 bits are known. That stacks of two tasks coincide in
 * these is possible, but they are allocated close together.)
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

/** What is known of the stacks that calls were seen on. */
export class KernelStacks {
  // Written where stacks are only: most of these pages stay untouched, and so without memory.
  /** By region: the key of the context that used it last, 0 for none. */
  readonly #user = new Int32Array(REGIONS);
  /** By region: the context that used it before {@linkcode #user}. */
  readonly #userBefore = new Int32Array(REGIONS);
  /** By region: 1 if it belongs to an interrupt stack. */
  readonly #interrupt = new Uint8Array(REGIONS);
  /** By CPU: 1 + a region of its interrupt stack, 0 while none is known. */
  readonly #ofCpu = new Int32Array(MAX_CPUS);

  /**
   * Notes that a context runs on a stack.
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
    // The interrupt stack may reach into the region before or behind the one that is known.
    return Math.abs(known - 1 - region) > 1;
  }
}
