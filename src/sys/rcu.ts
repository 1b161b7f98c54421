/**
 * RCU grace periods of the whole system: /sys/kernel/rcu_expedited (Documentation/admin-guide/RCU and
 * kernel/ksysfs.c).
 *
 * @module
 */

/** The switch of the running system. */
export const RCU_EXPEDITED = "/sys/kernel/rcu_expedited";

/**
 * Expedites all RCU grace periods: a few tenths of a millisecond, with interrupts to all CPUs, instead of
 * some ten milliseconds.
 *
 * @param path the switch
 * @param prepare called before it is changed; false leaves it unchanged
 */
export function expediteRcu(path: string, prepare: () => boolean): void {
  try {
    if (Deno.readTextFileSync(path).trim() !== "0" || !prepare()) return;
    Deno.writeTextFileSync(path, "1", { create: false });
  } catch {
    // CONFIG_TINY_RCU, or a read-only sysfs: things just take longer.
  }
}

/** Undoes {@linkcode expediteRcu}. */
export function relaxRcu(path: string): void {
  try {
    Deno.writeTextFileSync(path, "0", { create: false });
  } catch {
    // It has been written to a moment ago; there is nothing else to try.
  }
}
