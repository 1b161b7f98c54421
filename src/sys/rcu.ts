/**
 * RCU grace periods of the whole system: /sys/kernel/rcu_expedited (Documentation/admin-guide/RCU and
 * kernel/ksysfs.c).
 *
 * @module
 */

const SWITCH = "/sys/kernel/rcu_expedited";

/**
 * Makes the kernel hurry with every RCU grace period: a few tenths of a millisecond with interrupts to
 * all CPUs, in place of some ten milliseconds without.
 *
 * @returns false where that was so before, or cannot be changed
 */
export function expediteRcu(): boolean {
  try {
    if (Deno.readTextFileSync(SWITCH).trim() !== "0") return false;
    Deno.writeTextFileSync(SWITCH, "1", { create: false });
    return true;
  } catch {
    return false; // CONFIG_TINY_RCU, or a read-only sysfs: things take longer, that is all
  }
}

/** Undoes {@linkcode expediteRcu}. */
export function relaxRcu(): void {
  try {
    Deno.writeTextFileSync(SWITCH, "0", { create: false });
  } catch {
    // It has been written to a moment ago; there is nothing else to try.
  }
}
