/**
 * Functions to attach to, for tests that only need their addresses.
 *
 * @module
 */

import type { Target } from "../../src/probe/target.ts";

/** First address of the kernel's text. */
export const TEXT = 0xffffffff81000000n;

/** A function at each address, with its packet in one register after the other. */
export function targetsAt(addresses: readonly bigint[]): Target[] {
  return addresses.map((address, index) => ({
    name: `f${index}`,
    module: "vmlinux",
    struct: "sk_buff",
    position: 1,
    argument: 1 + index % 6,
    indirection: 1,
    address,
  }));
}
